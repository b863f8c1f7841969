use super::*;
use crate::dht::node_id;
use crate::event::{AnnounceOutcome, Family, NodeOutcome};
use crate::wire::krpc::{Body, Message, NodeId, NodeInfo, Query, Reply, Want};

fn seeks(net: &mut Net, addr: SocketAddr) {
    net.input(addr, Input::Add { info_hash: TORRENT, announce: false });
}

fn found(addr: SocketAddr) -> impl Fn(&Net) -> bool {
    move |net| net.node(addr).first_peer.is_some()
}

/// Two nodes announce themselves.
fn announced(net: &mut Net) -> BTreeSet<SocketAddr> {
    let peers = [public(3), public(7)];
    for addr in peers {
        net.input(addr, Input::Add { info_hash: TORRENT, announce: true });
    }
    net.run_for(Duration::from_secs(30));
    BTreeSet::from(peers)
}

#[test]
fn lookups_find_peers_among_fifty_nodes_of_which_twenty_lie() {
    for seed in 0..5 {
        let mut net = Net::of(30, 20, seed);
        let peers = announced(&mut net);
        let newcomer = public(900);
        net.join(newcomer, Settings::default());
        let began = net.now;
        seeks(&mut net, newcomer);
        assert!(net.run_until(began + Duration::from_secs(5), found(newcomer)), "seed {seed}");
        net.run_for(Duration::from_secs(20));
        assert_eq!(net.node(newcomer).peers, peers, "seed {seed}: all of them, and no loopback address");
    }
}

#[test]
fn what_became_of_each_node_is_told() {
    let mut net = Net::of(30, 20, 1);
    announced(&mut net);
    let told: Vec<_> = net.node(public(3)).lookups.iter().map(|(_, fact)| fact.clone()).collect();
    let outcomes = |is: fn(&NodeOutcome) -> bool| {
        told.iter().filter(|fact| matches!(fact, LookupFact::Node { outcome, .. } if is(outcome))).count()
    };
    assert!(matches!(told[0], LookupFact::Began { family: Family::V4, announces: true }));
    assert!(outcomes(|outcome| matches!(outcome, NodeOutcome::Answered { .. })) >= 8);
    let stored = told
        .iter()
        .filter(|fact| matches!(fact, LookupFact::Announced { outcome: AnnounceOutcome::Stored, .. }));
    assert!(stored.count() >= 6, "{told:?}");
    let lied = told.iter().filter(|fact| matches!(fact, LookupFact::Node { lied: true, .. })).count();
    assert!((1..=8).contains(&lied), "{lied}");
    for fact in &told {
        if let LookupFact::Node { outcome: NodeOutcome::Error { text, .. }, .. } = fact {
            assert!(!text.contains('\u{1b}'));
        }
    }
}

#[test]
fn a_kept_table_that_works_asks_no_bootstrap_node() {
    let mut net = Net::of(30, 0, 2);
    let peers = announced(&mut net);
    let saved = net.node(public(5)).dht.saved();
    assert!(saved.nodes.len() >= 8);
    let again = public(901);
    net.join(again, Settings { saved: Some(saved), ..Settings::default() });
    let began = net.now;
    seeks(&mut net, again);
    assert!(net.run_until(began + Duration::from_secs(2), found(again)));
    net.run_for(Duration::from_secs(30));
    assert_eq!((net.node(again).bootstraps, &net.node(again).peers), (0, &peers));
}

#[test]
fn a_kept_table_of_the_dead_is_given_up_for_bootstrap_nodes() {
    let mut net = Net::of(30, 0, 3);
    announced(&mut net);
    let mut saved = net.node(public(5)).dht.saved();
    for (number, node) in saved.nodes.iter_mut().enumerate() {
        node.addr = public(1000 + number);
    }
    let again = public(902);
    net.join(again, Settings { saved: Some(saved), ..Settings::default() });
    let began = net.now;
    seeks(&mut net, again);
    assert!(net.run_until(began + Duration::from_secs(10), found(again)));
    assert_eq!(net.node(again).bootstraps, 1);
    assert!(net.node(again).facts.iter().any(|fact| matches!(fact, DhtFact::BootstrapAnswered { .. })));
}

#[test]
fn bootstrap_nodes_that_do_not_answer_are_told_and_asked_again_later() {
    let mut net = Net::new(4);
    net.bootstrap = vec![public(1), public(2)];
    net.join(public(0), Settings::default());
    net.run_for(Duration::from_secs(30));
    let silent = |net: &Net| {
        net.node(public(0))
            .facts
            .iter()
            .filter(|fact| matches!(fact, DhtFact::BootstrapSilent { .. }))
            .count()
    };
    assert_eq!((silent(&net), net.node(public(0)).bootstraps), (2, 1));
    assert_eq!(net.node(public(0)).sent, 4, "each is asked twice");
    net.run_for(Duration::from_secs(24 * 3600));
    assert!((90..120).contains(&net.node(public(0)).bootstraps), "{}", net.node(public(0)).bootstraps);
}

#[test]
fn ids_come_to_fit_the_address_that_others_see() {
    let net = Net::of(30, 0, 5);
    let fitting = net
        .honest
        .iter()
        .filter(|(addr, node)| node.dht.saved().v4.is_some_and(|id| node_id::fits(&id, addr.ip())));
    assert!(fitting.count() >= 29);
}

#[test]
fn a_torrent_is_announced_again_within_a_quarter_of_an_hour() {
    let mut net = Net::of(20, 0, 6);
    announced(&mut net);
    net.run_for(Duration::from_secs(65 * 60));
    let began =
        net.node(public(3)).lookups.iter().filter(|(_, fact)| matches!(fact, LookupFact::Began { .. }));
    let times: Vec<_> = began.map(|(at, _)| *at).collect();
    assert!((5..=6).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= Duration::from_secs(15 * 60 + 30)));
    net.input(public(3), Input::Remove { info_hash: TORRENT });
    net.run_for(Duration::from_secs(3600));
    let after =
        net.node(public(3)).lookups.iter().filter(|(_, fact)| matches!(fact, LookupFact::Began { .. }));
    assert_eq!(after.count(), times.len());
}

#[test]
fn eight_lookups_go_on_at_once_and_all_have_their_turn() {
    let mut net = Net::of(20, 0, 7);
    let addr = public(3);
    for number in 0..100 {
        net.input(addr, Input::Add { info_hash: InfoHash([number; 20]), announce: true });
        let searching = net.node(addr).dht.lookups.values().filter(|lookup| !lookup.is_over).count();
        assert!(searching <= 9, "eight of torrents, one for the table");
    }
    net.run_for(Duration::from_secs(60));
    let ended = net.node(addr).lookups.iter().filter(|(_, fact)| matches!(fact, LookupFact::Ended { .. }));
    // Nodes limit what they answer one address: a lookup that few of them answered is due again soon.
    assert!(ended.count() >= 100);
}

#[test]
fn a_read_only_node_asks_and_is_asked_nothing() {
    let mut net = Net::of(20, 0, 8);
    announced(&mut net);
    let addr = public(903);
    net.join(addr, Settings { read_only: true, ..Settings::default() });
    net.input(addr, Input::Add { info_hash: TORRENT, announce: true });
    net.run_for(Duration::from_secs(60));
    assert!(net.node(addr).first_peer.is_some());
    assert!(!net.node(addr).lookups.iter().any(|(_, fact)| matches!(fact, LookupFact::Announced { .. })));
    let known = |node: &Honest| node.dht.saved().nodes.iter().any(|node| node.addr == addr);
    assert!(!net.honest.values().any(known));
    let sent = net.node(addr).sent;
    net.input(addr, Input::Datagram { from: public(1), bytes: &query(Query::Ping) });
    assert_eq!(net.node(addr).sent, sent);
}

fn query(query: Query) -> Vec<u8> {
    let body = Body::Query { id: NodeId([9; 20]), query };
    Message { transaction: b"aa".to_vec(), seen_at: None, read_only: true, body }.encode()
}

fn answer(net: &mut Net, from: SocketAddr, asked: &[u8]) -> Option<Body> {
    let node = net.honest.get_mut(&public(0))?;
    node.dht.handle(net.now, Input::Datagram { from, bytes: asked });
    let mut answer = None;
    while let Some(action) = node.dht.poll() {
        if let Action::Send { to, bytes } = action
            && to == from
        {
            // It may ask something itself, too.
            let body = Message::decode(&bytes).ok().map(|message| message.body);
            answer = answer.or_else(|| body.filter(|body| !matches!(body, Body::Query { .. })));
        }
    }
    answer
}

#[test]
fn others_are_answered_and_a_stolen_token_is_refused() {
    let mut net = Net::of(10, 0, 9);
    let (one, other) = (public(950), public(951));
    let get = Query::GetPeers { info_hash: TORRENT, want: Want::default() };
    let Some(Body::Reply(said)) = answer(&mut net, one, &query(get.clone())) else { panic!("no answer") };
    assert!(said.nodes.len() == 8 && said.peers.is_empty());
    let announce = |port, implied_port, token: &[u8]| {
        query(Query::Announce { info_hash: TORRENT, port, implied_port, token: token.to_vec() })
    };
    let token = said.token.unwrap();
    let refused = answer(&mut net, other, &announce(7000, false, &token));
    assert_eq!(refused, Some(Body::Error { code: 203, text: "bad token".into() }));
    assert!(matches!(answer(&mut net, one, &announce(7000, false, &token)), Some(Body::Reply(_))));
    assert!(matches!(answer(&mut net, one, &announce(7000, true, &token)), Some(Body::Reply(_))));
    let Some(Body::Reply(said)) = answer(&mut net, other, &query(get)) else { panic!("no answer") };
    let ours: BTreeSet<_> = [7000, one.port()].map(|port| SocketAddr::new(one.ip(), port)).into();
    assert_eq!(said.peers.into_iter().collect::<BTreeSet<_>>(), ours);
    let unknown = answer(&mut net, one, b"d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe");
    assert!(matches!(unknown, Some(Body::Error { code: 204, .. })));
    let malformed = answer(&mut net, one, b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe");
    assert!(matches!(malformed, Some(Body::Error { code: 203, .. })));
}

#[test]
fn a_flood_of_queries_is_answered_by_few_and_costs_no_memory() {
    let mut net = Net::of(10, 0, 10);
    let began = net.now;
    let mut answered = 0;
    for number in 0..100_000_u32 {
        net.now = began + Duration::from_micros(u64::from(number) * 100);
        let [a, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let from = SocketAddr::from(([20 + a % 100, b, c, d], 6881));
        let mut asked = query(Query::GetPeers { info_hash: InfoHash([a; 20]), want: Want::default() });
        if number % 2 == 0 {
            let token = vec![1; 8];
            asked = query(Query::Announce { info_hash: TORRENT, port: 1, implied_port: false, token });
        }
        answered += usize::from(answer(&mut net, from, &asked).is_some());
    }
    assert!(answered < 3000, "{answered} of 100 000 in 10 s");
    assert!(net.node(public(0)).dht.saved().nodes.len() <= 10);
}

#[test]
fn a_node_of_the_port_message_is_pinged_and_taken() {
    let mut net = Net::new(11);
    net.join(public(0), Settings::default());
    net.join(public(1), Settings::default());
    net.input(public(0), Input::Node { addr: public(1) });
    net.input(public(0), Input::Node { addr: "127.0.0.1:0".parse().unwrap() });
    net.run_for(Duration::from_secs(2));
    assert_eq!(net.node(public(0)).dht.saved().nodes.len(), 1);
}

#[test]
fn nobody_there_is_told_at_once_where_the_system_says_so() {
    let mut net = Net::of(10, 0, 12);
    net.input(public(3), Input::Add { info_hash: TORRENT, announce: true });
    for number in 0..10 {
        net.input(public(3), Input::Unreachable { to: public(number) });
    }
    let told = &net.node(public(3)).lookups;
    assert!(
        told.iter()
            .any(|(_, fact)| matches!(fact, LookupFact::Node { outcome: NodeOutcome::Unreachable, .. }))
    );
}

#[test]
fn where_there_is_no_route_nodes_are_tried_seldom() {
    let mut dht = Dht::new(Settings { seed: 15, v4: true, v6: true, port: 6881, ..Settings::default() });
    let mut rng = fastrand::Rng::with_seed(15);
    let mut v6 = |number: u16| {
        let addr = SocketAddr::from(([0x2001, 0xdb8, number, 0, 0, 0, 0, 7], 6881));
        NodeInfo { id: node_id::for_address(addr.ip(), &mut rng), addr }
    };
    let (mut now, end) = (At::from_secs(1), At::from_secs(601));
    dht.handle(now, Input::Bootstrap { addrs: (0..20).map(public).collect() });
    for torrent in 0..40 {
        dht.handle(now, Input::Add { info_hash: InfoHash([torrent; 20]), announce: false });
    }
    let (mut over_v4, mut over_v6, mut both) = (0, 0, 0);
    while now < end {
        while let Some(action) = dht.poll() {
            let Action::Send { to, bytes } = action else { continue };
            if to.is_ipv6() {
                over_v6 += 1;
                dht.handle(now, Input::Unreachable { to });
                continue;
            }
            over_v4 += 1;
            let asked = Message::decode(&bytes).unwrap();
            let Body::Query { query, .. } = asked.body else { continue };
            both += usize::from(matches!(query, Query::GetPeers { want, .. } if want.v6));
            let [.., number, _] = match to.ip() {
                std::net::IpAddr::V4(v4) => v4.octets(),
                std::net::IpAddr::V6(_) => unreachable!(),
            };
            let nodes = (0..8).map(|nth| v6(u16::from(number) * 8 + nth)).collect();
            let reply = Reply { nodes, ..Reply::of(NodeId([number; 20])) };
            let (transaction, body) = (asked.transaction, Body::Reply(reply));
            let bytes = Message { transaction, seen_at: None, read_only: false, body }.encode();
            dht.handle(now, Input::Datagram { from: to, bytes: &bytes });
        }
        now = dht.deadline();
        dht.handle(now, Input::Tick);
    }
    assert!(
        over_v4 > 200 && both > 0 && both < over_v4 / 2,
        "{over_v4}, of which {both} ask for both families"
    );
    assert!((8..400).contains(&over_v6), "{over_v6} in ten minutes");
}

#[test]
fn ipv6_has_nodes_of_its_own() {
    let mut net = Net::new(13);
    let v6 = |number: u16| SocketAddr::from(([0x2001, 0xdb8, number, 0, 0, 0, 0, 7], 6881));
    net.bootstrap = vec![v6(0)];
    for number in 0..12 {
        net.join(v6(number), Settings::default());
        net.run_for(Duration::from_secs(2));
    }
    net.input(v6(3), Input::Add { info_hash: TORRENT, announce: true });
    net.run_for(Duration::from_secs(20));
    seeks(&mut net, v6(9));
    let end = net.now + Duration::from_secs(5);
    assert!(net.run_until(end, found(v6(9))));
    assert_eq!(net.node(v6(9)).peers, BTreeSet::from([v6(3)]));
}

#[test]
fn a_torrent_is_looked_up_again_when_that_is_asked_for_and_never_twice_at_once() {
    let mut net = Net::of(30, 0, 4);
    let seeker = public(902);
    net.join(seeker, Settings::default());
    seeks(&mut net, seeker);
    net.run_for(Duration::from_secs(30));
    let begun = |net: &Net| {
        let facts = net.node(seeker).lookups.iter();
        facts.filter(|(_, fact)| matches!(fact, LookupFact::Began { .. })).count()
    };
    let before = begun(&net);
    for _ in 0..3 {
        net.input(seeker, Input::LookUp { info_hash: TORRENT });
    }
    net.run_for(Duration::from_secs(30));
    assert_eq!(begun(&net), before + 1);
}
