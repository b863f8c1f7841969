//! The picker alone: what it asks of whom.

use super::*;

const SLOW: ConnKey = ConnKey(1);
const QUICK: ConnKey = ConnKey(2);
const MIB: u64 = 1 << 20;

/// A picker of one piece of eight blocks, all of them asked of a peer that sends 1 KiB/s; another has nothing to do.
struct Case {
    geometry: Geometry,
    picker: Picker,
}

impl Case {
    /// The same without peers, with this much memory, bytes.
    fn of_none(memory_bytes: u64) -> Self {
        let geometry = Geometry::new(8 * u64::from(BLOCK_LENGTH), 8 * BLOCK_LENGTH).unwrap();
        Self::of_seeds(geometry, memory_bytes, [])
    }

    /// Seeds of a torrent of this geometry, of which nothing is here. They choke us.
    fn of_seeds(geometry: Geometry, memory_bytes: u64, seeds: impl IntoIterator<Item = ConnKey>) -> Self {
        let (random, none) = (fastrand::Rng::with_seed(1), Bitfield::empty(geometry.piece_count()));
        let picker = Picker::new(geometry, &PieceChoice::default(), &none, memory_bytes, None, random);
        let mut case = Self { geometry, picker };
        case.picker.set_active(At::ZERO, true);
        for conn in seeds {
            case.join(conn);
        }
        case
    }

    fn new() -> Self {
        let mut case = Self::of_none(20 * MIB);
        case.join(SLOW);
        case.picker.choked(At::ZERO, SLOW, false);
        assert_eq!(case.picker.asked_of(SLOW).len(), 8);
        case.sends(At::from_secs(2), SLOW, 1024);
        case.join(QUICK);
        case
    }

    fn join(&mut self, conn: ConnKey) {
        self.picker.joined(At::ZERO, conn, PeerKey(conn.0));
        let pieces = self.geometry.piece_count();
        self.picker.has(conn, Bitfield::full(pieces), pieces);
        self.picker.set_usable(At::ZERO, conn, true);
    }

    fn sends(&mut self, now: At, conn: ConnKey, down_bps: u64) {
        let sample = PeerSample { down_bps, requests_out: 1, request_target: 8, ..PeerSample::default() };
        let window = WindowState { down_bps, outstanding: 1, target: 8, ..WindowState::default() };
        self.picker.sampled(now, conn, &sample);
        self.picker.window(now, conn, window);
    }

    /// Orders since the last time.
    fn orders(&mut self) -> Vec<(ConnKey, Order)> {
        let picks = std::iter::from_fn(|| self.picker.poll());
        picks
            .filter_map(|pick| if let Pick::Order(conn, order) = pick { Some((conn, order)) } else { None })
            .collect()
    }

    fn block(&self, number: u32) -> BlockRef {
        self.geometry.block(self.geometry.piece(0).unwrap(), number).unwrap()
    }
}

#[test]
fn a_peer_with_nothing_to_do_takes_over_what_another_promises_later() {
    let mut case = Case::new();
    case.sends(At::from_secs(2), QUICK, MIB);
    case.orders();
    case.picker.choked(At::from_secs(2), QUICK, false);
    let all: Vec<BlockRef> = (0..8).map(|number| case.block(number)).collect();
    // The block under way is asked of both; what comes after it is the other's no more.
    assert_eq!(case.picker.asked_of(QUICK), all);
    assert_eq!(case.picker.asked_of(SLOW), all[..1]);
    let orders = case.orders();
    let revoked = orders.iter().filter(|(conn, order)| *conn == SLOW && matches!(order, Order::Revoke(_)));
    assert_eq!((revoked.count(), orders.last()), (7, Some(&(QUICK, Order::Grant(all.clone())))));
    // The first to send it ends the other's request.
    assert!(case.picker.arrived(At::from_millis(2100), QUICK, all[0]));
    assert_eq!(case.orders(), [(SLOW, Order::Revoke(vec![all[0]]))]);
    case.picker.assert_consistent(&Bitfield::empty(1));
}

#[test]
fn a_block_that_is_owed_no_more_is_dropped_where_memory_is_full() {
    let block = u64::from(BLOCK_LENGTH);
    let mut case = Case::of_none(4 * block);
    for conn in [SLOW, QUICK] {
        case.join(conn);
    }
    case.picker.choked(At::ZERO, QUICK, false);
    while let Some(asked) = case.picker.asked_of(QUICK).first().copied() {
        assert!(case.picker.arrived(At::ZERO, QUICK, asked));
    }
    // A quarter of memory is beyond what is asked for.
    let mut late = (0..8).map(|number| case.block(number));
    let (first, second) = (late.next_back().unwrap(), late.next_back().unwrap());
    assert!(case.picker.arrived(At::ZERO, SLOW, first));
    assert!(!case.picker.arrived(At::ZERO, SLOW, second), "{}", case.picker.describe().join("\n"));
    case.picker.written(second.piece(), block);
    assert!(case.picker.arrived(At::ZERO, SLOW, second));
}

#[test]
fn what_changes_hands_is_paid_for_once_under_a_limit() {
    let mut case = Case::new();
    case.sends(At::from_secs(2), QUICK, MIB);
    // Sixteen blocks can be saved up; what the other is asked for took eight of them.
    let (now, block) = (At::from_secs(3), u64::from(BLOCK_LENGTH));
    case.picker.set_limit(At::from_secs(2), Some(160 * block));
    case.picker.limit.take(now, 8 * block).unwrap();
    case.picker.choked(now, QUICK, false);
    assert_eq!(case.picker.asked_of(QUICK).len(), 8);
    // The block under way is asked of two, and paid for twice.
    assert_eq!(case.picker.limit.left(now), Some(7 * block));
}

#[test]
fn nothing_changes_hands_for_a_peer_that_is_no_quicker() {
    let mut case = Case::new();
    case.sends(At::from_secs(2), QUICK, 100);
    case.picker.choked(At::from_secs(2), QUICK, false);
    // It sends a block in 164 s, where the last of the other's eight comes after 128.
    assert_eq!((case.picker.asked_of(QUICK).len(), case.picker.asked_of(SLOW).len()), (0, 8));
    assert!(case.picker.deadline().is_some(), "it is looked again");
}

#[test]
fn of_a_peer_nothing_is_known_of_one_block_shows_how_quick_it_is() {
    let mut case = Case::new();
    case.picker.choked(At::from_secs(2), QUICK, false);
    assert_eq!(case.picker.asked_of(QUICK), [case.block(7)]);
}

#[test]
fn a_third_peer_makes_the_slowest_of_two_give_way() {
    let mut case = Case::new();
    // Two that fall silent with the last block under way.
    case.picker.choked(At::from_secs(2), SLOW, true);
    let block = case.block(0);
    for number in 1..8 {
        assert!(case.picker.arrived(At::from_secs(2), QUICK, case.block(number)));
    }
    case.picker.choked(At::from_secs(2), SLOW, false);
    assert_eq!(case.picker.asked_of(SLOW), [block]);
    case.picker.choked(At::from_secs(9), QUICK, false);
    assert_eq!(case.picker.asked_of(QUICK), [block]);
    let third = ConnKey(3);
    case.join(third);
    case.picker.choked(At::from_secs(18), third, false);
    assert_eq!(case.picker.asked_of(third), [block]);
    let asked = [SLOW, QUICK].map(|conn| case.picker.asked_of(conn).len());
    assert_eq!(asked.iter().sum::<usize>(), 1, "two are asked for a block, no more");
    case.picker.assert_consistent(&Bitfield::empty(1));
}

#[test]
fn what_a_peer_refuses_is_not_asked_of_it_again_at_once() {
    let mut case = Case::new();
    let refused: Vec<BlockRef> = [0, 2].map(|number| case.block(number)).into();
    case.picker.rejected(At::from_secs(2), SLOW, &refused);
    assert!(case.picker.asked_of(SLOW).iter().all(|block| !refused.contains(block)));
    case.picker.choked(At::from_secs(3), QUICK, false);
    assert!(refused.iter().all(|block| case.picker.asked_of(QUICK).contains(block)), "another is asked");
}

#[test]
fn a_peer_that_loses_its_last_block_is_asked_for_another_at_once() {
    let bytes = u64::from(BLOCK_LENGTH);
    let geometry = Geometry::new(16 * bytes, 8 * BLOCK_LENGTH).unwrap();
    let [first, second] = [0, 1].map(|number| geometry.piece(number).unwrap());
    let mut of_first = Bitfield::empty(2);
    of_first.set(first);
    // Memory is short: one block for each beside what is not written.
    let mut picker = Picker::new(
        geometry,
        &PieceChoice::default(),
        &Bitfield::empty(2),
        2 * bytes,
        None,
        fastrand::Rng::with_seed(1),
    );
    picker.set_active(At::ZERO, true);
    for conn in [SLOW, QUICK] {
        picker.joined(At::ZERO, conn, PeerKey(conn.0));
        picker.has(conn, of_first.clone(), 1);
        picker.set_usable(At::ZERO, conn, true);
    }
    let mut case = Case { geometry, picker };
    case.picker.choked(At::ZERO, SLOW, false);
    case.sends(At::from_secs(2), SLOW, 1024);
    case.sends(At::from_secs(2), QUICK, MIB);
    case.picker.choked(At::from_secs(2), QUICK, false);
    let mut now = At::from_secs(2);
    while case.picker.asked_of(SLOW).iter().any(|block| block.piece() == first) {
        assert!(now < At::from_secs(4), "{:#?}", case.picker.describe());
        now += Duration::from_millis(16);
        let asked = case.picker.asked_of(QUICK);
        if let Some(block) = asked.first() {
            if case.picker.asked_of(SLOW) == asked {
                case.picker.have(SLOW, &[second], |_| true);
            }
            case.picker.arrived(now, QUICK, *block);
            case.sends(now, QUICK, MIB);
            case.picker.on_time(now);
            case.picker.assert_nobody_idles(now);
            case.picker.written(first, bytes);
        }
        case.picker.on_time(now);
    }
    assert!(!case.picker.asked_of(SLOW).is_empty());
}

#[test]
fn no_peer_is_asked_for_more_than_memory_holds_while_the_sum_of_rates_is_old() {
    let bytes = u64::from(BLOCK_LENGTH);
    let geometry = Geometry::new(64 * bytes, 8 * BLOCK_LENGTH).unwrap();
    let mut case = Case::of_seeds(geometry, 4 * bytes, [SLOW, QUICK]);
    case.sends(At::from_secs(2), SLOW, 1024);
    case.picker.choked(At::from_secs(2), SLOW, false);
    // Both rates are summed up now; then one becomes much quicker.
    case.sends(At::from_millis(2100), QUICK, MIB);
    case.picker.choked(At::from_millis(2100), QUICK, false);
    assert_eq!(case.picker.ahead(QUICK), 4);
}

#[test]
fn a_piece_that_a_peer_refuses_whole_is_not_begun_with_it() {
    let geometry = Geometry::new(6 * u64::from(BLOCK_LENGTH), BLOCK_LENGTH).unwrap();
    let mut case = Case::of_seeds(geometry, 20 * MIB, [QUICK]);
    let refused: Vec<BlockRef> =
        geometry.pieces().take(5).map(|piece| geometry.block(piece, 0).unwrap()).collect();
    for block in &refused {
        case.picker.rejected(At::ZERO, QUICK, &[*block]);
    }
    case.picker.choked(At::ZERO, QUICK, false);
    // Choked before, it may have refused for that only; what it refuses from here on it does not send.
    for block in &refused {
        case.picker.rejected(At::ZERO, QUICK, &[*block]);
        case.picker.give_up(block.piece());
    }
    case.sends(At::from_secs(1), QUICK, MIB);
    case.picker.on_time(At::from_secs(1));
    assert!(
        refused.iter().all(|block| !case.picker.has_begun(block.piece())),
        "{:#?}",
        case.picker.describe()
    );
    // They are asked for again when it may have changed its mind.
    let last = geometry.block(geometry.piece(5).unwrap(), 0).unwrap();
    case.picker.arrived(At::from_secs(1), QUICK, last);
    case.picker.second(At::from_secs(31));
    case.sends(At::from_secs(31), QUICK, MIB);
    assert!(
        refused.iter().all(|block| case.picker.has_begun(block.piece())),
        "{:#?}",
        case.picker.describe()
    );
}

#[test]
fn memory_that_comes_back_block_by_block_is_asked_for_in_batches() {
    let bytes = u64::from(BLOCK_LENGTH);
    let geometry = Geometry::new(512 * bytes, 8 * BLOCK_LENGTH).unwrap();
    let mut case = Case::of_seeds(geometry, 64 * bytes, [SLOW, QUICK]);
    let quick = |case: &mut Case, now, conn| {
        case.sends(now, conn, 64 * MIB);
        let window =
            WindowState { down_bps: 64 * MIB, outstanding: 32, target: 32, ..WindowState::default() };
        case.picker.window(now, conn, window);
    };
    let mut now = At::from_secs(2);
    for conn in [SLOW, QUICK] {
        quick(&mut case, now, conn);
        case.picker.choked(now, conn, false);
    }
    case.orders();
    let mut batches = Vec::new();
    for _ in 0..200 {
        for conn in [SLOW, QUICK] {
            let block = case.picker.asked_of(conn)[0];
            now += Duration::from_micros(250);
            case.picker.arrived(now, conn, block);
            case.picker.written(block.piece(), bytes);
            quick(&mut case, now, conn);
            case.picker.on_time(now);
            let granted = case.orders().into_iter().filter_map(|(_, order)| match order {
                Order::Grant(blocks) => Some(blocks.len()),
                _ => None,
            });
            batches.extend(granted);
        }
    }
    // One that is nearly out of requests is asked for what there is, so that not all of them are large.
    let granted: usize = batches.iter().sum();
    assert!(granted >= 380 && batches.len() <= granted / 6, "{granted}: {batches:?}");
}

/// The pieces that 32 such peers have begun of 512, of a MiB each, where memory holds 16.
fn begun_by_32_peers_of(down_bps: u64) -> usize {
    let mut case = Case::of_seeds(Geometry::new(512 * MIB, 1 << 20).unwrap(), 16 * MIB, (0..32).map(ConnKey));
    for round in 0..8 {
        for conn in (0..32).map(ConnKey) {
            let now = At::from_millis(1000 + round * 10);
            case.sends(now, conn, down_bps);
            if round == 0 {
                case.picker.choked(now, conn, false);
            }
            while let Some(block) = case.picker.asked_of(conn).first().copied() {
                case.picker.arrived(now, conn, block);
            }
        }
    }
    case.geometry.pieces().filter(|piece| case.picker.has_begun(*piece)).count()
}

#[test]
fn peers_that_send_a_piece_at_once_share_pieces_where_memory_does_not_hold_one_for_each() {
    let (rapid, quick) = (begun_by_32_peers_of(4 * MIB), begun_by_32_peers_of(MIB / 4));
    assert!(rapid <= 17, "{rapid}");
    assert!(quick >= 32, "{quick}");
}

/// How many blocks such a peer is asked for once all came that it was asked for, memory is full and the disk has a whole
/// piece; and how many when that is written.
fn asked_while_the_disk_has_a_piece(down_bps: u64) -> (usize, usize) {
    let (bytes, now) = (u64::from(BLOCK_LENGTH), At::from_secs(2));
    let geometry = Geometry::new(64 * bytes, 8 * BLOCK_LENGTH).unwrap();
    let mut case = Case::of_seeds(geometry, 16 * bytes, [SLOW, QUICK]);
    case.sends(now, QUICK, down_bps);
    for (conn, down_bps) in [(SLOW, 1024), (QUICK, down_bps)] {
        case.sends(now, conn, down_bps);
        case.picker.choked(now, conn, false);
    }
    let asked = case.picker.asked_of(QUICK);
    for block in &asked {
        case.picker.arrived(now, QUICK, *block);
    }
    case.sends(now, QUICK, down_bps);
    case.picker.on_time(now);
    case.picker.assert_consistent(&Bitfield::empty(geometry.piece_count()));
    let before = case.picker.asked_of(QUICK).len();
    let whole =
        geometry.pieces().find(|piece| asked.iter().filter(|block| block.piece() == *piece).count() == 8);
    case.picker.written(whole.unwrap(), 8 * bytes);
    case.picker.on_time(now);
    (before, case.picker.asked_of(QUICK).len())
}

#[test]
fn where_the_disk_gives_memory_back_next_a_quick_peer_waits_for_it_and_a_slow_one_has_its_block() {
    assert_eq!(asked_while_the_disk_has_a_piece(64 * MIB), (0, 8));
    assert_eq!(asked_while_the_disk_has_a_piece(MIB).0, 1);
}
