use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::behaviour::{Behaviour, CAST};
use super::content::{Content, RECORDINGS};
use super::serve::Host;
use super::*;
use crate::engine::{DhtOptions, Download, Options};
use crate::event::{Finder, NodeOutcome};
use crate::metainfo::PeerId;
use crate::wire::{Handshake, Judged, Reserved};

/// What happens to a handshake sent to a peer of this behaviour.
async fn shake(behaviour: Behaviour) -> Result<Vec<u8>, String> {
    let (content, _, info_hash) =
        Content::with_torrent(&RECORDINGS, true, &["http://127.0.0.1:9/announce".to_owned()]);
    let (content, client, clock) = (Arc::new(content), CAST[0].1, Clock::start());
    let host = Host { content, info_hash, behaviour, client, bps: 1000, names: Vec::new(), number: 3, clock };
    let mut tasks = JoinSet::new();
    let (addr, serving) = host.settle(Ipv4Addr::LOCALHOST).await.unwrap();
    tasks.spawn(serving);
    let connect = timeout(Duration::from_millis(1500), TcpStream::connect(addr)).await;
    let mut stream =
        connect.map_err(|_| "no answer".to_owned())?.map_err(|error| error.kind().to_string())?;
    let ours = Handshake { reserved: Reserved::OURS, info_hash, peer_id: PeerId::ours(9) }.to_bytes();
    stream.write_all(&ours).await.unwrap();
    let mut received = vec![0; 68];
    let mut filled = 0;
    while filled < received.len() {
        match timeout(Duration::from_secs(2), stream.read(&mut received[filled..])).await {
            Err(_) => return Err("silence".to_owned()),
            Ok(Err(error)) => return Err(error.kind().to_string()),
            Ok(Ok(0)) => break,
            Ok(Ok(n)) => filled += n,
        }
    }
    received.truncate(filled);
    Ok(received)
}

#[tokio::test]
async fn every_behaviour_is_what_its_name_says() {
    use std::io::ErrorKind;

    let whole = |received: &[u8]| matches!(Handshake::judge(received), Judged::Whole(_));
    for behaviour in
        [Behaviour::Seeds, Behaviour::Shares, Behaviour::Chokes, Behaviour::Leaves, Behaviour::FallsSilent]
    {
        assert!(whole(&shake(behaviour).await.unwrap()), "{behaviour:?}");
    }
    assert_eq!(shake(Behaviour::SaysNothing).await, Err("silence".to_owned()));
    assert_eq!(shake(Behaviour::HangsUp).await, Ok(Vec::new()));
    assert_eq!(shake(Behaviour::Resets).await, Err(ErrorKind::ConnectionReset.to_string()));
    assert_eq!(shake(Behaviour::CutsShort).await.map(|received| received.len()), Ok(40));
    assert!(whole(&shake(Behaviour::OtherTorrent).await.unwrap()));
    assert!(shake(Behaviour::Web).await.unwrap().starts_with(b"HTTP/1.1"));
    assert_eq!(shake(Behaviour::Refuses).await, Err(ErrorKind::ConnectionRefused.to_string()));
    assert_eq!(shake(Behaviour::NoAnswer).await, Err("no answer".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_that_no_tracker_names_are_found_through_another_peer_and_the_dht_whose_liar_is_told() {
    let (demo, _) = Demo::start(true).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (state, output) = (folder.path().join("state"), folder.path().join("files"));
    let finders = [Finder::Dht, Finder::Pex];
    let dht = DhtOptions { nodes: demo.nodes(), ..DhtOptions::default() };
    let options = Options {
        state: Some(state),
        output,
        loopback: true,
        finders: finders.into(),
        dht: Some(dht),
        ..Options::default()
    };
    let torrent = Torrent::from_bytes(demo.torrent()).unwrap();
    let download = Download::start(torrent, options).unwrap();
    let mut views = download.views();
    let found = views.wait_for(|view| {
        let by = |finder| view.finders.iter().any(|of| of.finder == finder && of.handshaken >= 1);
        let mut nodes = view.lookups.values().flat_map(|lookup| &lookup.nodes);
        finders.into_iter().all(by) && nodes.any(|node| node.outcome == NodeOutcome::WrongId)
    });
    let found = timeout(Duration::from_secs(30), found).await;
    assert!(found.is_ok_and(|view| view.is_ok()), "nobody found them, or nobody lied");
    download.stop().await.unwrap();
}
