//! Sessions on loopback that find each other through the DHT alone.

use std::path::Path;

use super::*;
use crate::engine::{Session, SessionOptions, TorrentHandle, TorrentOptions, Wanted};
use crate::event::{Finder, Source};
use crate::metainfo::Magnet;
use crate::swarm::{self, Swarm};

/// Far above what a lookup takes here.
const LONG: Duration = Duration::from_secs(30);

fn session(state: &Path, nodes: &[&Session]) -> Session {
    let node = |session: &&Session| PeerName::Address(([127, 0, 0, 1], session.port()).into());
    Session::start(SessionOptions {
        state: Some(state.to_owned()),
        loopback: true,
        dht: Some(DhtOptions { nodes: nodes.iter().map(node).collect(), ..DhtOptions::default() }),
        ..SessionOptions::default()
    })
    .unwrap()
}

fn add(session: &Session, output: &Path, finders: &[Finder]) -> TorrentHandle {
    add_with(session, output, finders, Vec::new())
}

fn add_with(session: &Session, output: &Path, finders: &[Finder], peers: Vec<SocketAddr>) -> TorrentHandle {
    let link = format!("magnet:?xt=urn:btih:{}", "5a".repeat(20));
    let magnet: Magnet = link.parse().unwrap();
    let options = TorrentOptions {
        output: output.to_owned(),
        finders: finders.iter().copied().collect(),
        peers,
        ..TorrentOptions::default()
    };
    session.add(Wanted::Magnet(Box::new(magnet)), options).unwrap()
}

async fn knows(torrent: &TorrentHandle, port: u16) {
    let found = async {
        loop {
            let view = torrent.view();
            if view.peers.iter().any(|peer| peer.addr.port() == port && peer.sources.contains(&Source::Dht)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    found.await;
}

#[tokio::test]
async fn a_torrent_without_tracker_finds_its_peer_and_the_table_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    let node = session(&place("node"), &[]);
    // It answers as soon as it has a torrent of its own.
    let _another = add(&node, dir.path(), &[Finder::Dht]);
    let first = session(&place("first"), &[&node]);
    let _first = add(&first, dir.path(), &[Finder::Dht]);
    // It is announced in its own time: who asks early asks again.
    let mut found = None;
    for attempt in 0..20 {
        let second = session(&place(&format!("second {attempt}")), &[&node]);
        let torrent = add(&second, dir.path(), &[Finder::Dht]);
        if timeout(LONG / 20, knows(&torrent, first.port())).await.is_ok() {
            found = Some(second);
            break;
        }
    }
    assert!(found.is_some(), "the DHT names the first to the second");
    first.stop().await.unwrap();
    let kept = kept::read(&place("first").join(kept::FILE)).unwrap();
    assert!(kept.nodes.iter().any(|kept| kept.addr.port() == node.port()), "{kept:?}");
}

#[tokio::test]
async fn the_node_of_a_peer_is_taken_into_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (session(&dir.path().join("one"), &[]), session(&dir.path().join("other"), &[]));
    let _one = add(&one, dir.path(), &[Finder::Dht]);
    let peers = vec![([127, 0, 0, 1], one.port()).into()];
    let torrent = add_with(&other, dir.path(), &[Finder::Dht], peers);
    let mut views = torrent.views();
    let knows = views.wait_for(|view| view.session.all_nodes().0 > 0);
    timeout(LONG, knows).await.expect("the node of its peer answers").unwrap();
}

#[test]
fn a_private_torrent_is_not_looked_up() {
    for private in [false, true] {
        let finders = [Finder::Dht].into();
        let settings = swarm::Settings { private, finders, ..swarm::Settings::default() };
        assert_eq!(Swarm::without_metadata(At::ZERO, settings).looks_by(Finder::Dht), !private);
    }
}
