use super::*;

fn node(first: u8, host: u8) -> NodeInfo {
    NodeInfo { id: NodeId([first; 20]), addr: SocketAddr::from(([10, 0, 0, host], 6881)) }
}

fn lookup(first: Vec<NodeInfo>) -> Lookup {
    let aim = Aim::Peers { info_hash: InfoHash([0; 20]), announce: true };
    Lookup::new(Family::V4, NodeId([0; 20]), aim, (NodeId([0xff; 20]), None), first)
}

fn reply(of: NodeInfo, nodes: Vec<NodeInfo>) -> Reply {
    Reply { nodes, token: Some(vec![1]), ..Reply::of(of.id) }
}

fn asked(lookup: &mut Lookup) -> Vec<NodeInfo> {
    std::iter::from_fn(|| lookup.next()).collect()
}

#[test]
fn asks_nearer_and_nearer_nodes_until_the_eight_nearest_answered() {
    let mut lookup = lookup((1..=16).map(|n| node(n * 8, n)).collect());
    assert_eq!(asked(&mut lookup), [node(8, 1), node(16, 2), node(24, 3), node(32, 4)]);
    lookup.answered(node(8, 1).addr, reply(node(8, 1), (1..8).map(|n| node(n, 100 + n)).collect()));
    assert_eq!(asked(&mut lookup), [node(1, 101)]);
    while !lookup.is_done() {
        for candidate in lookup.candidates.clone() {
            if candidate.state == (State::Asked { slow: false }) {
                lookup.answered(candidate.info.addr, reply(candidate.info, Vec::new()));
            }
        }
        asked(&mut lookup);
    }
    let nearest: Vec<_> = lookup.nearest().into_iter().map(|(info, _)| info.id.0[0]).collect();
    assert_eq!(nearest, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(lookup.tally.asked <= 12, "{:?}", lookup.tally);
}

#[test]
fn a_slow_node_holds_nobody_up_and_a_lost_one_is_passed_over() {
    let mut lookup = lookup((1..=6).map(|n| node(n, n)).collect());
    assert_eq!(asked(&mut lookup).len(), 4);
    lookup.slow(node(1, 1).addr);
    assert_eq!(asked(&mut lookup), [node(5, 5)]);
    lookup.failed(node(2, 2).addr);
    assert_eq!(asked(&mut lookup), [node(6, 6)]);
    (3..=6).for_each(|n| drop(lookup.answered(node(n, n).addr, reply(node(n, n), Vec::new()))));
    assert!(!lookup.is_done(), "of so few nodes the slow one may know more");
    lookup.failed(node(1, 1).addr);
    assert!(lookup.is_done());
}

#[test]
fn who_answers_with_itself_with_us_or_under_another_id_gains_nothing() {
    let mut lookup = lookup(vec![node(1, 1), node(2, 2)]);
    asked(&mut lookup);
    let us = NodeInfo { id: NodeId([0xff; 20]), addr: node(9, 9).addr };
    let again = NodeInfo { id: NodeId([0; 20]), addr: node(1, 1).addr };
    lookup.answered(node(1, 1).addr, reply(node(1, 1), vec![node(1, 1), us, again]));
    assert_eq!(asked(&mut lookup), []);
    let (outcome, peers) = lookup.answered(node(2, 2).addr, reply(node(3, 2), vec![node(4, 4)]));
    assert_eq!((outcome, peers.len()), (NodeOutcome::WrongId, 0));
    assert!(lookup.is_done() && lookup.tally == Tally { asked: 2, answered: 1 });
}

#[test]
fn who_took_an_id_that_fits_its_address_is_known_by_it() {
    let mut rng = fastrand::Rng::with_seed(1);
    let addr: SocketAddr = "11.0.0.1:1".parse().unwrap();
    let other = NodeInfo { id: NodeId([1; 20]), addr: "11.0.1.1:1".parse().unwrap() };
    let fitting = NodeInfo { id: node_id::for_address(addr.ip(), &mut rng), addr };
    for (now, outcome) in [
        (fitting.id, NodeOutcome::Answered { peers: 0, nodes: 1 }),
        (node_id::random(&mut rng), NodeOutcome::WrongId),
    ] {
        let mut lookup = lookup(vec![NodeInfo { id: NodeId([3; 20]), addr }]);
        asked(&mut lookup);
        let said = lookup.answered(addr, reply(NodeInfo { id: now, addr }, vec![other]));
        assert_eq!(said, (outcome, Vec::new()));
        let is_known = now == fitting.id;
        assert_eq!(asked(&mut lookup).len(), usize::from(is_known));
        let nearest: Vec<_> = lookup.nearest().into_iter().map(|(info, _)| info).collect();
        assert_eq!(nearest, if is_known { vec![fitting] } else { Vec::new() });
    }
}

#[test]
fn who_is_named_at_our_address_by_an_id_that_we_had_is_not_asked() {
    let (aim, first) = (Aim::Nodes, vec![node(1, 1), node(2, 2)]);
    let own = (NodeId([0xff; 20]), Some(node(1, 1).addr));
    let mut lookup = Lookup::new(Family::V4, NodeId([0; 20]), aim, own, first);
    assert_eq!(asked(&mut lookup), [node(2, 2)]);
    lookup.answered(node(2, 2).addr, reply(node(2, 2), vec![node(1, 1), node(3, 3), node(4, 4)]));
    lookup.seen_at(node(3, 3).addr);
    assert_eq!(asked(&mut lookup), [node(4, 4)], "as soon as that is known");
}

#[test]
fn we_are_no_peer_of_ours_once_it_is_known_where_others_see_us() {
    let mut lookup = lookup(vec![node(1, 1), node(2, 2)]);
    asked(&mut lookup);
    let [us, beside_us, other] =
        ["203.0.113.9:6881", "203.0.113.9:6882", "198.51.100.7:6881"].map(|addr| addr.parse().unwrap());
    let named = |from| Reply { peers: vec![us, beside_us, other], ..reply(from, Vec::new()) };
    lookup.seen_at(us);
    assert_eq!(lookup.answered(node(1, 1).addr, named(node(1, 1))).1, [beside_us, other]);
    assert_eq!(lookup.answered(node(2, 2).addr, named(node(2, 2))).1, []);
    assert_eq!(lookup.peers(), 2);
}

#[test]
fn a_slow_node_is_not_waited_for_where_enough_answered_whatever_their_ids() {
    let unfit = |n: u8| NodeInfo { id: NodeId([n; 20]), addr: SocketAddr::from(([11, n, 0, 1], 1)) };
    let mut lookup = lookup((2..=9).map(unfit).chain([node(1, 1)]).collect());
    for _ in 0..9 {
        for info in asked(&mut lookup) {
            if info == node(1, 1) {
                lookup.slow(info.addr);
            } else {
                lookup.answered(info.addr, reply(info, Vec::new()));
            }
        }
    }
    assert!(lookup.is_done() && lookup.nearest().len() == NEAREST);
}

#[test]
fn a_public_node_names_no_loopback_and_a_local_one_may() {
    let public = NodeInfo { id: NodeId([1; 20]), addr: "11.0.0.1:1".parse().unwrap() };
    let local = NodeInfo { id: NodeId([2; 20]), addr: "127.0.0.1:1".parse().unwrap() };
    let loopback: SocketAddr = "127.0.0.1:6881".parse().unwrap();
    for (who, named) in [(public, 0), (local, 1)] {
        let mut lookup = lookup(vec![who]);
        asked(&mut lookup);
        let nodes = vec![NodeInfo { id: NodeId([3; 20]), addr: loopback }];
        let said = Reply { peers: vec![loopback], ..reply(who, nodes) };
        assert_eq!(lookup.answered(who.addr, said).1.len(), named);
        assert_eq!(asked(&mut lookup).len(), named);
    }
}

#[test]
fn ids_that_do_not_fit_do_not_count_among_the_nearest() {
    let unfit = |n: u8| NodeInfo {
        id: NodeId([0, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n]),
        addr: SocketAddr::from(([11, n, 0, 1], 1)),
    };
    let honest = node(0x80, 1);
    let mut first: Vec<_> = (1..60).map(unfit).collect();
    first.push(honest);
    let mut lookup = lookup(first);
    let mut asked_all = Vec::new();
    while !lookup.is_done() {
        let now = asked(&mut lookup);
        now.iter().for_each(|info| drop(lookup.answered(info.addr, reply(*info, Vec::new()))));
        asked_all.extend(now);
    }
    assert!(asked_all.contains(&honest) && asked_all.len() == MOST_UNFIT + 1, "{}", asked_all.len());
    assert_eq!(lookup.nearest()[0].0, honest);
}

#[test]
fn however_many_are_named_few_are_remembered_and_asked() {
    let mut lookup = lookup(vec![node(0xf0, 1)]);
    let mut rng = fastrand::Rng::with_seed(1);
    while !lookup.is_done() {
        for info in asked(&mut lookup) {
            let nodes = (0..20).map(|_| NodeInfo {
                id: node_id::random(&mut rng),
                addr: SocketAddr::from(([10, rng.u8(..), rng.u8(..), rng.u8(1..)], 1)),
            });
            let nodes = nodes.collect();
            lookup.answered(info.addr, reply(info, nodes));
        }
        assert!(lookup.candidates.len() <= MOST_KNOWN);
    }
    assert!(lookup.tally.asked as usize <= MOST_LOOKUP_NODES);
}
