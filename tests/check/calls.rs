//! Peers that call, ourselves among them.

use std::collections::BTreeSet;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use ttui::engine::{CheckOptions, check};
use ttui::metainfo::InfoHash;
use ttui::swarm::TransportPolicy;
use ttui::wire::{ExtensionHandshake, Message};

use crate::causes::{By, assert_shown, expected};
use crate::peers::{PIECE, as_json, handshake, payload, peer_of, port_of_our_own, program_check};
use crate::support::{Heard, Lab, Recipe, Reply, Tracker, Wire, nobody_at, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_ourselves_is_named_and_counts_nowhere() {
    let port = port_of_our_own();
    let ourselves = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let tracker = Tracker::http(Reply::Compact(vec![ourselves])).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let output = program_check(&lab, &payload, &["--json", "-p", &port.to_string()]).await;
    assert_eq!(output.code(), 1, "only we shook hands with ourselves: {:?}", output.stderr);
    let report = &output.json()[0];
    let peer = peer_of(report, ourselves);
    let how = "our own address";
    assert_eq!(peer["cause"], expected(By::Itself, how).info().code, "{peer:#}");
    assert_shown(By::Itself, &[how]);
    assert!(report["funnel"].as_object().unwrap().values().all(|peers| *peers == 0), "{report:#}");
    assert!(report["groups"].as_object().unwrap().values().all(|peers| *peers == 0), "{report:#}");
    assert_eq!(tracker.asked()[0].port, port);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_call_are_reported_too() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let silent = Tracker::http(Reply::Silence).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&silent.url()]).make();
    let running = tokio::spawn({
        let (torrent, time) = (payload.torrent.clone(), Duration::from_secs(3));
        check(torrent, CheckOptions { loopback: true, time, ..CheckOptions::default() }, pending())
    });
    let port = tracker.until("started").await.port;
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut other = TcpStream::connect(ours).await.unwrap();
    other.write_all(&handshake(InfoHash([9; 20]), b'o')).await.unwrap();
    let mut web = TcpStream::connect(ours).await.unwrap();
    web.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut caller = Wire::dial(ours, payload.info_hash()).await;
    caller.say(&[Message::Bitfield(vec![0xf0].into()), Message::Unchoke]).await;
    caller.expect(&Message::Interested).await;
    let wanted = caller
        .hear_until("a request", |heard| match heard {
            Heard::Message(Message::Request(spec)) => Some(*spec),
            _ => None,
        })
        .await;
    caller.send_block(wanted, payload.block(wanted.index, wanted.begin, wanted.length)).await;
    let view = soon("the check ends", running).await.unwrap().unwrap();
    let report = as_json(&view);
    let peers = report["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 1, "{report:#}");
    assert_eq!((&peers[0]["source"], &peers[0]["stage"]), (&json!(["incoming"]), &json!("transferring")));
    let attempt = &peers[0]["attempts"][0];
    assert_eq!((&attempt["direction"], &attempt["connect_ms"]), (&json!("in"), &Value::Null));
    let funnel =
        json!({"known": 1, "dialled": 1, "connected": 1, "handshaken": 1, "unchoked": 1, "transferring": 1});
    assert_eq!(report["funnel"], funnel);
    let failed: BTreeSet<&str> = view.failed_calls.iter().map(|call| call.cause.info().code).collect();
    assert_eq!(failed, ["not_bittorrent", "unknown_info_hash"].into());
    assert_eq!(report["trackers"][1]["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_dialled_and_calls_is_one_peer() {
    let payload = payload();
    let tracker = Tracker::http(Reply::nobody()).await;
    let silent = Tracker::http(Reply::Silence).await;
    let dead = nobody_at().await;
    let with_trackers =
        Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&silent.url()]).make();
    let running = tokio::spawn({
        let time = Duration::from_secs(2);
        let (peers, transport) = (vec![dead], TransportPolicy::Tcp);
        let options = CheckOptions { loopback: true, time, peers, transport, ..CheckOptions::default() };
        check(with_trackers.torrent.clone(), options, pending())
    });
    let port = tracker.until("started").await.port;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    stream.write_all(&handshake(payload.info_hash(), b'q')).await.unwrap();
    let mut caller = Wire::new(stream);
    caller.handshake().await.unwrap();
    let listens = ExtensionHandshake { listen_port: Some(dead.port()), ..ExtensionHandshake::default() };
    caller.say(&[Message::Extended { id: 0, payload: listens.encode().into() }]).await;
    let view = soon("the check ends", running).await.unwrap().unwrap();
    let report = as_json(&view);
    assert_eq!(report["peers"].as_array().unwrap().len(), 1, "{report:#}");
    let peer = peer_of(&report, dead);
    assert_eq!(peer["source"], json!(["manual", "incoming"]));
    let directions: Vec<&Value> =
        peer["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["direction"]).collect();
    assert_eq!(directions, ["out", "in"]);
    assert_eq!((&peer["stage"], &report["funnel"]["known"]), (&json!("handshaken"), &json!(1)));
}
