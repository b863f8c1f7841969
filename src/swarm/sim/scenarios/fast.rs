//! What goes on in spite of a choke (BEP 6), and those that want nothing any more (BEP 21).

use std::collections::BTreeMap;

use super::one::addr;
use super::*;
use crate::event::{PeerInfo, PeerSample, Transport};
use crate::metainfo::PeerId;
use crate::peer::{News, Step};
use crate::swarm::{Action, ConnKey, Input, Order, WindowState};
use crate::wire::allowed_fast_set;

const CONN: ConnKey = ConnKey(7);

/// A swarm of a hundred pieces of four blocks, of which it has `have`, and a peer that called and has `has`.
fn called(have: &Bitfield, has: &Bitfield) -> Swarm {
    let geometry = Geometry::new(100 * 65_536, 65_536).unwrap();
    let mut swarm = Swarm::new(At::ZERO, geometry, have.clone(), Settings::default());
    let so_far = vec![(At::ZERO, Step::Connected)];
    let (addr, peer_id) = (addr(9), PeerId::ours(9));
    swarm.handle(
        At::ZERO,
        Input::Handshaken { conn: CONN, peer: None, transport: Transport::Tcp, addr, peer_id, so_far },
    );
    swarm.handle(At::ZERO, Input::News(CONN, News::Has(has.clone())));
    swarm
}

fn some(numbers: impl IntoIterator<Item = u32>) -> Bitfield {
    let geometry = Geometry::new(100 * 65_536, 65_536).unwrap();
    let mut some = Bitfield::empty(100);
    numbers.into_iter().for_each(|number| _ = some.set(geometry.piece(number).unwrap()));
    some
}

fn orders(swarm: &mut Swarm) -> Vec<Order> {
    let orders = std::iter::from_fn(|| swarm.poll()).filter_map(|action| match action {
        Action::Order(CONN, order) => Some(order),
        _ => None,
    });
    orders.collect()
}

fn allowed(swarm: &mut Swarm) -> Vec<Vec<u32>> {
    let numbers = |pieces: Vec<PieceIndex>| pieces.iter().map(|piece| piece.number()).collect();
    let allowed = orders(swarm).into_iter().filter_map(|order| match order {
        Order::AllowFast(pieces) => Some(numbers(pieces)),
        _ => None,
    });
    allowed.collect()
}

/// The pieces of which blocks are granted, and how many of each.
fn granted(swarm: &mut Swarm) -> BTreeMap<u32, usize> {
    let mut granted = BTreeMap::new();
    for order in orders(swarm) {
        if let Order::Grant(blocks) = order {
            blocks.iter().for_each(|block| *granted.entry(block.piece().number()).or_default() += 1);
        }
    }
    granted
}

#[test]
fn a_peer_that_begins_may_ask_for_few_pieces_that_we_have_until_it_has_as_many() {
    let set = allowed_fast_set(addr(9).ip(), &Settings::default().info_hash, 100, 10);
    let mut swarm = called(&Bitfield::full(100), &some([]));
    assert_eq!(allowed(&mut swarm), std::slice::from_ref(&set));
    let pieces = |range: std::ops::Range<u32>| {
        range.map(|n| swarm.geometry().unwrap().piece(n).unwrap()).collect::<Vec<_>>()
    };
    let (ten, one) = (pieces(0..10), pieces(10..11));
    swarm.handle(At::ZERO, Input::News(CONN, News::Have(ten)));
    assert!(allowed(&mut swarm).is_empty());
    swarm.handle(At::ZERO, Input::News(CONN, News::Have(one)));
    assert_eq!(allowed(&mut swarm), [Vec::<u32>::new()]);
    // One that has many, and one that has all, are told of none.
    for has in [some(0..11), Bitfield::full(100)] {
        assert!(allowed(&mut called(&Bitfield::full(100), &has)).is_empty());
    }
    // Of what we do not have either, none; and none in a pause.
    let mut swarm = called(&some(set[..3].iter().copied()), &some([]));
    assert_eq!(allowed(&mut swarm), [set[..3].to_vec()]);
    swarm.handle(At::ZERO, Input::Command(Command::Pause));
    assert_eq!(allowed(&mut swarm), [Vec::<u32>::new()]);
    swarm.handle(At::ZERO, Input::Command(Command::Resume));
    assert_eq!(allowed(&mut swarm), [set[..3].to_vec()]);
    assert!(allowed(&mut called(&some([]), &some([]))).is_empty());
}

#[test]
fn of_one_that_chokes_only_the_pieces_it_names_are_asked() {
    let mut swarm = called(&some([5]), &some(0..50));
    assert!(granted(&mut swarm).is_empty());
    let piece = |n| swarm.geometry().unwrap().piece(n).unwrap();
    let (have, lacks, names, other) = (piece(5), piece(60), piece(3), piece(4));
    for useless in [have, lacks] {
        swarm.handle(At::ZERO, Input::News(CONN, News::AllowedFast(useless)));
        assert!(granted(&mut swarm).is_empty(), "{useless:?}");
    }
    swarm.handle(At::ZERO, Input::News(CONN, News::AllowedFast(names)));
    assert_eq!(granted(&mut swarm), BTreeMap::from([(3, 4)]));
    swarm.assert_consistent();
    swarm.handle(At::ZERO, Input::News(CONN, News::AllowedFast(other)));
    assert_eq!(granted(&mut swarm), BTreeMap::from([(4, 4)]));
    // What it refuses after all it is not asked for again.
    let refused: Vec<BlockRef> = swarm.geometry().unwrap().blocks_of(names).collect();
    swarm.handle(At::ZERO, Input::News(CONN, News::Rejected(refused)));
    swarm.handle(At::ZERO, Input::News(CONN, News::Window { blocks: 0, window: WindowState::default() }));
    assert!(granted(&mut swarm).is_empty());
    swarm.assert_consistent();
    // It chokes again: what it was asked for is void, and asked for anew where it sends it all the same.
    swarm.handle(At::ZERO, Input::News(CONN, News::Unchoked));
    assert!(granted(&mut swarm).keys().any(|piece| *piece != 4));
    swarm.handle(At::ZERO, Input::News(CONN, News::Choked));
    assert_eq!(granted(&mut swarm), BTreeMap::from([(4, 4)]));
    swarm.assert_consistent();
}

#[test]
fn one_that_names_pieces_and_sends_none_of_them_holds_none() {
    let mut swarm = called(&some([]), &some(0..50));
    let names = swarm.geometry().unwrap().piece(3).unwrap();
    swarm.handle(At::ZERO, Input::News(CONN, News::AllowedFast(names)));
    assert_eq!(granted(&mut swarm).len(), 1);
    let sample = PeerSample { requests_out: 4, ..PeerSample::default() };
    for second in 1..60 {
        swarm.handle(At::from_secs(second), Input::News(CONN, News::Sample(sample)));
    }
    let revoked = orders(&mut swarm).iter().filter(|order| matches!(order, Order::Revoke(_))).count();
    assert_eq!((revoked, swarm.picker().asked_of(CONN).len()), (1, 0));
}

fn says_upload_only(upload_only: bool) -> Input {
    Input::News(CONN, News::Introduced(PeerInfo { upload_only: Some(upload_only), ..PeerInfo::default() }))
}

#[test]
fn two_that_want_nothing_any_more_do_not_stay_connected() {
    let closes = |swarm: &mut Swarm| orders(swarm).contains(&Order::Close(Cause::BothSeeds));
    // A peer may have wanted a part alone, and has it.
    let mut swarm = called(&Bitfield::full(100), &some(0..50));
    assert!(!closes(&mut swarm));
    swarm.handle(At::ZERO, says_upload_only(true));
    assert!(closes(&mut swarm));
    // While we want something it stays.
    let mut swarm = called(&some([3]), &some(0..50));
    swarm.handle(At::ZERO, says_upload_only(true));
    assert!(!closes(&mut swarm));
}

#[test]
fn one_that_wants_nothing_takes_no_slot_whatever_its_interest() {
    let mut swarm = called(&some([3]), &some(0..50));
    swarm.handle(At::ZERO, says_upload_only(true));
    swarm.handle(At::ZERO, Input::News(CONN, News::Interested(true)));
    swarm.handle(At::from_secs(11), Input::Tick);
    assert!(!orders(&mut swarm).contains(&Order::Choke(false)));
    swarm.handle(At::from_secs(12), says_upload_only(false));
    assert!(orders(&mut swarm).contains(&Order::Choke(false)));
}
