//! The DHT (BEP 5) as the program uses it: nodes are sessions of the library, all on loopback.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use serde_json::json;
use ttui::engine::{DhtOptions, Session, SessionOptions, TorrentHandle, TorrentOptions};
use ttui::event::{AnnounceOutcome, Finder};
use ttui::metainfo::PeerName;

use crate::peers::{PIECE, payload, peer_of, program_check, source_of};
use crate::support::{Lab, Payload, Recipe, Seed, program, soon};

/// A session that takes part, and knows this node.
fn session(lab: &Lab, node: Option<SocketAddr>) -> Session {
    let nodes = node.into_iter().map(PeerName::Address).collect();
    Session::start(SessionOptions {
        state: Some(lab.state()),
        loopback: true,
        dht: Some(DhtOptions { nodes, ..DhtOptions::default() }),
        ..SessionOptions::default()
    })
    .unwrap()
}

fn at(session: &Session) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, session.port()).into()
}

fn add(session: &Session, lab: &Lab, payload: &Payload) -> TorrentHandle {
    let finders = BTreeSet::from([Finder::Dht]);
    let options = TorrentOptions { output: lab.out(), finders, ..TorrentOptions::default() };
    session.add(payload.torrent.clone(), options).unwrap()
}

/// A node, and a seed that has announced itself to it and nowhere else.
struct Swarm {
    node: Session,
    seed: Session,
    _labs: [Lab; 2],
}

impl Swarm {
    async fn of(payload: &Payload) -> Self {
        let labs = [Lab::new(), Lab::new()];
        let node = session(&labs[0], None);
        // A node answers as soon as it has a torrent of its own.
        let _ = add(&node, &labs[0], &Recipe::file("another", PIECE, PIECE).make());
        let seed = session(&labs[1], Some(at(&node)));
        payload.lay_out(&labs[1].out());
        let torrent = add(&seed, &labs[1], payload);
        let mut views = torrent.views();
        let stored = views.wait_for(|view| {
            let mut nodes = view.lookups.values().flat_map(|lookup| &lookup.nodes);
            nodes.any(|node| node.announced == Some(AnnounceOutcome::Stored))
        });
        soon("the seed is announced", stored).await.unwrap();
        Self { node, seed, _labs: labs }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_only_the_dht_knows_is_found_and_nothing_is_announced() {
    let payload = payload();
    let swarm = Swarm::of(&payload).await;
    // Were the first announced, the second would try it.
    for _ in 0..2 {
        let lab = Lab::new();
        let output =
            program_check(&lab, &payload, &["--json", "--dht-node", &at(&swarm.node).to_string()]).await;
        let report = &output.json()[0];
        assert_eq!(output.code(), 0, "{report:#}");
        assert_eq!(report["peers"].as_array().unwrap().len(), 1, "{report:#}");
        let found = peer_of(report, at(&swarm.seed));
        assert_eq!((&found["source"], &found["stage"]), (&json!(["dht"]), &json!("transferring")));
        let source = json!({"kind": "dht", "status": "ok", "peers": 1, "handshaken": 1});
        assert_eq!(*source_of(report, "dht"), source);
        assert!(!lab.state().join("dht.json").exists(), "a check keeps nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_downloads_from_whom_only_the_dht_knows() {
    let payload = payload();
    let swarm = Swarm::of(&payload).await;
    let lab = Lab::new();
    let node = at(&swarm.node).to_string();
    let output = program::download(&lab, &payload, &["--dht-node", &node]).ended().await;
    assert_eq!(output.code(), 0, "{output:#?}");
    payload.assert_at(&lab.out());
    assert!(lab.state().join("dht.json").exists(), "its table is kept");
    // With the kept table nobody has to be named.
    std::fs::remove_dir_all(lab.out()).unwrap();
    std::fs::create_dir(lab.out()).unwrap();
    let nobody = ["--dht-node", "127.0.0.1:9", "--overwrite"];
    let output = program::download(&lab, &payload, &nobody).ended().await;
    assert_eq!(output.code(), 0, "{output:#?}");
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_private_torrent_no_node_hears() {
    let payload = Recipe::file("it", 4 * PIECE, PIECE).private().make();
    let seed = Seed::honest(&payload).await;
    let node = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    node.set_nonblocking(true).unwrap();
    let (named, peer) = (node.local_addr().unwrap().to_string(), seed.addr.to_string());
    let lab = Lab::new();
    let more = ["--dht-node", &named, "--peer", &peer];
    assert_eq!(program::download(&lab, &payload, &more).ended().await.code(), 0);
    let output = program_check(&lab, &payload, &["--json", "--dht-node", &named, "--peer", &peer]).await;
    let report = &output.json()[0];
    assert_eq!(output.code(), 0, "{report:#}");
    let off = json!({"kind": "dht", "status": "off", "detail": "the torrent is private", "peers": 0, "handshaken": 0});
    assert_eq!(*source_of(report, "dht"), off);
    assert!(node.recv(&mut [0; 2048]).is_err(), "not a packet came");
}
