use proptest::prelude::*;

use super::*;

fn message(body: Body) -> Message {
    Message { transaction: b"aa".to_vec(), seen_at: None, read_only: false, body }
}

fn hash(letters: &[u8; 20]) -> InfoHash {
    InfoHash(*letters)
}

#[test]
fn writes_queries_and_answers_as_bep_5_has_them() {
    let (we, they) = (NodeId(*b"abcdefghij0123456789"), NodeId(*b"0123456789abcdefghij"));
    let cases = [
        (
            Body::Query { id: we, query: Query::Ping },
            "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:v4:Tu\u{1}\u{0}1:y1:qe",
        ),
        (
            Body::Query {
                id: we,
                query: Query::FindNode { target: they, want: Want { v4: true, v6: true } },
            },
            "d1:ad2:id20:abcdefghij01234567896:target20:0123456789abcdefghij4:wantl2:n42:n6ee\
             1:q9:find_node1:t2:aa1:v4:Tu\u{1}\u{0}1:y1:qe",
        ),
        (
            Body::Query {
                id: we,
                query: Query::Announce {
                    info_hash: hash(b"mnopqrstuvwxyz123456"),
                    port: 6881,
                    implied_port: true,
                    token: b"aoeusnth".to_vec(),
                },
            },
            "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e\
             5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:v4:Tu\u{1}\u{0}1:y1:qe",
        ),
        (
            Body::Error { code: code::GENERIC, text: "A Generic Error Ocurred".into() },
            "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:v4:Tu\u{1}\u{0}1:y1:ee",
        ),
    ];
    for (body, bytes) in cases {
        let message = message(body);
        assert_eq!(String::from_utf8_lossy(&message.encode()), bytes);
        assert_eq!(Message::decode(bytes.as_bytes()), Ok(message));
    }
}

#[test]
fn reads_the_answers_of_bep_5() {
    let bytes = b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re";
    let Ok(Message { body: Body::Reply(reply), .. }) = Message::decode(bytes) else { panic!("not read") };
    assert_eq!(reply.token.as_deref(), Some(b"aoeusnth".as_slice()));
    assert_eq!(
        reply.peers,
        ["97.120.106.101:11893".parse().unwrap(), "105.100.104.116:28269".parse().unwrap()]
    );
}

#[test]
fn tells_what_is_no_message() {
    for (bytes, what) in [
        (b"".as_slice(), "it is not bencode"),
        (b"le", "it has no transaction id"),
        (b"d1:y1:qe", "it has no transaction id"),
        (b"d1:t2:aae", "it is neither query nor answer"),
        (b"d1:t2:aa1:y1:qe", "it has no arguments"),
        (b"d1:ad2:id3:abce1:t2:aa1:y1:qe", "it has no node id"),
        (b"d1:t2:aa1:y1:re", "it has no answer in it"),
        (
            b"d1:rd2:id20:abcdefghij01234567895:nodes3:abce1:t2:aa1:y1:re",
            "the length of its list of nodes is not that of whole nodes",
        ),
    ] {
        assert_eq!(Message::decode(bytes).unwrap_err().what, what, "{}", bytes.escape_ascii());
    }
}

#[test]
fn of_ten_thousand_nodes_and_peers_it_takes_few() {
    let many = |length: usize, count: usize| format!("{}:{}", length * count, "x".repeat(length * count));
    let nodes = format!("d1:rd2:id20:abcdefghij01234567895:nodes{}e1:t2:aa1:y1:re", many(26, 2500));
    let Ok(Message { body: Body::Reply(reply), .. }) = Message::decode(nodes.as_bytes()) else { panic!() };
    assert_eq!(reply.nodes.len(), MOST_NODES);
    let values = format!(
        "d1:rd2:id20:abcdefghij01234567896:valuesl{}ee1:t2:aa1:y1:re",
        "6:abcdef".repeat(MOST_VALUES + 100)
    );
    let Ok(Message { body: Body::Reply(reply), .. }) = Message::decode(values.as_bytes()) else { panic!() };
    assert_eq!(reply.peers.len(), MOST_VALUES);
    let token = format!("d1:rd2:id20:abcdefghij01234567895:token{}e1:t2:aa1:y1:re", many(100, 100));
    let Ok(Message { body: Body::Reply(reply), .. }) = Message::decode(token.as_bytes()) else { panic!() };
    assert_eq!(reply.token, None);
}

#[test]
fn distances_are_counted_in_bits() {
    let zero = NodeId([0; 20]);
    let one = |at: usize, byte: u8| {
        let mut id = [0; 20];
        id[at] = byte;
        NodeId(id).distance_bits(&zero)
    };
    assert_eq!((zero.distance_bits(&zero), one(19, 1), one(0, 0x80), one(0, 1)), (0, 1, 160, 153));
}

fn addrs() -> impl Strategy<Value = SocketAddr> {
    (any::<std::net::IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        drop(Message::decode(&bytes));
    }

    #[test]
    fn what_is_written_is_read(
        id: [u8; 20],
        token in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=MOST_OPAQUE_BYTES)),
        peers in proptest::collection::vec(addrs(), 0..20),
        nodes in proptest::collection::vec((any::<[u8; 20]>(), addrs()), 0..MOST_NODES),
        seen_at in proptest::option::of(addrs()),
        read_only: bool,
    ) {
        let mut nodes: Vec<NodeInfo> =
            nodes.into_iter().map(|(id, addr)| NodeInfo { id: NodeId(id), addr }).collect();
        nodes.sort_by_key(|node| node.addr.is_ipv6());
        let body = Body::Reply(Reply { id: NodeId(id), nodes, peers, token });
        let message = Message { transaction: vec![1, 2, 3], seen_at, read_only, body };
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}
