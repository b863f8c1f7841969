//! Anything may come, from anywhere, at any time.

use proptest::prelude::*;

use super::*;
use crate::wire::krpc::{Body, MOST_OPAQUE_BYTES, Message, NodeId, NodeInfo, Query, Reply, Want};

/// What a stranger does.
#[derive(Clone, Debug)]
enum Act {
    Noise(Vec<u8>),
    Ask(u8, [u8; 20], Vec<u8>),
    /// Answers the query of this number, counted from the last that was sent.
    Answer(usize, [u8; 20], Vec<([u8; 20], SocketAddr)>, Vec<SocketAddr>),
    Refuse(usize, i32, String),
    Unreachable(usize),
    Wait(u32),
    Torrent(u8, bool),
    Forget(u8),
    Node,
    Bootstrap,
}

fn addrs() -> impl Strategy<Value = SocketAddr> {
    let v4 = (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from);
    let v6 = (any::<[u8; 16]>(), any::<u16>()).prop_map(SocketAddr::from);
    let near = (0..4_u8).prop_map(|host| SocketAddr::from(([10, 0, 0, host], 6881)));
    prop_oneof![v4, v6, near]
}

fn acts() -> impl Strategy<Value = Act> {
    let ids = any::<[u8; 20]>();
    let nodes = proptest::collection::vec((ids, addrs()), 0..20);
    let token = proptest::collection::vec(any::<u8>(), 0..MOST_OPAQUE_BYTES);
    prop_oneof![
        any::<Vec<u8>>().prop_map(Act::Noise),
        (0..5_u8, ids, token).prop_map(|(kind, id, token)| Act::Ask(kind, id, token)),
        (0..8_usize, ids, nodes, proptest::collection::vec(addrs(), 0..20))
            .prop_map(|(nth, id, nodes, peers)| Act::Answer(nth, id, nodes, peers)),
        (0..8_usize, any::<i32>(), any::<String>())
            .prop_map(|(nth, code, text)| Act::Refuse(nth, code, text)),
        (0..8_usize).prop_map(Act::Unreachable),
        (0..200_000_u32).prop_map(Act::Wait),
        (any::<u8>(), any::<bool>()).prop_map(|(torrent, announce)| Act::Torrent(torrent, announce)),
        any::<u8>().prop_map(Act::Forget),
        Just(Act::Node),
        Just(Act::Bootstrap),
    ]
}

fn asked(kind: u8, id: [u8; 20], token: Vec<u8>) -> Vec<u8> {
    let (target, info_hash, want) = (NodeId(id), InfoHash(id), Want { v4: true, v6: true });
    let query = match kind {
        0 => Query::Ping,
        1 => Query::FindNode { target, want },
        2 => Query::GetPeers { info_hash, want },
        3 => Query::Announce { info_hash, port: 6881, implied_port: true, token },
        _ => Query::Unknown,
    };
    let body = Body::Query { id: NodeId(id), query };
    Message { transaction: vec![7], seen_at: None, read_only: kind == 1, body }.encode()
}

fn answered(asked: &[u8], body: Body) -> Vec<u8> {
    let transaction = Message::decode(asked).unwrap().transaction;
    Message { transaction, seen_at: Some(SocketAddr::from(([203, 0, 113, 1], 1))), read_only: false, body }
        .encode()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_strangers_do_breaks_it(acts in proptest::collection::vec((acts(), addrs()), 0..200)) {
        let mut dht = Dht::new(Settings { seed: 7, v4: true, v6: true, port: 6881, ..Settings::default() });
        let mut now = At::ZERO;
        let mut queries: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
        for (act, from) in acts {
            let of_query = |nth: usize| queries.len().checked_sub(nth + 1).map(|at| queries[at].clone());
            let mut datagram = None;
            match act {
                Act::Noise(bytes) => datagram = Some((from, bytes)),
                Act::Ask(kind, id, token) => datagram = Some((from, asked(kind, id, token))),
                Act::Answer(nth, id, nodes, peers) => {
                    let nodes = nodes.into_iter().map(|(id, addr)| NodeInfo { id: NodeId(id), addr }).collect();
                    let reply = Reply { nodes, peers, token: Some(vec![1]), ..Reply::of(NodeId(id)) };
                    datagram = of_query(nth).map(|(to, asked)| (to, answered(&asked, Body::Reply(reply))));
                }
                Act::Refuse(nth, code, text) => {
                    let body = Body::Error { code, text };
                    datagram = of_query(nth).map(|(to, asked)| (to, answered(&asked, body)));
                }
                Act::Unreachable(nth) => {
                    if let Some((to, _)) = of_query(nth) {
                        dht.handle(now, Input::Unreachable { to });
                    }
                }
                Act::Wait(ms) => {
                    let end = now + Duration::from_millis(u64::from(ms));
                    while dht.deadline() <= end {
                        now = dht.deadline().max(now);
                        dht.handle(now, Input::Tick);
                        prop_assert!(dht.deadline() > now, "a deadline that stays");
                        while dht.poll().is_some() {}
                    }
                    now = end;
                }
                Act::Torrent(torrent, announce) => {
                    dht.handle(now, Input::Add { info_hash: InfoHash([torrent; 20]), announce });
                }
                Act::Forget(torrent) => dht.handle(now, Input::Remove { info_hash: InfoHash([torrent; 20]) }),
                Act::Node => dht.handle(now, Input::Node { addr: from }),
                Act::Bootstrap => dht.handle(now, Input::Bootstrap { addrs: vec![from] }),
            }
            if let Some((from, bytes)) = &datagram {
                dht.handle(now, Input::Datagram { from: *from, bytes });
            }
            while let Some(action) = dht.poll() {
                let Action::Send { to, bytes } = action else { continue };
                prop_assert!(bytes.len() < 1400, "{} bytes", bytes.len());
                let sent = Message::decode(&bytes).unwrap();
                if matches!(sent.body, Body::Query { .. }) {
                    queries.push((to, bytes));
                }
            }
            let searching = dht.lookups.values().filter(|lookup| lookup.info_hash().is_some() && !lookup.is_over);
            prop_assert!(searching.count() <= 8);
        }
        let saved = serde_json::to_string(&dht.saved()).unwrap();
        prop_assert_eq!(serde_json::from_str::<super::super::Saved>(&saved).unwrap(), dht.saved());
    }
}
