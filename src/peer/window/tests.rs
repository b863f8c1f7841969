use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::*;
use crate::metainfo::Geometry;

const MIB: u64 = 1 << 20;

fn geometry() -> Geometry {
    Geometry::new(4096 * MIB, MIB as u32).unwrap()
}

fn blocks(n: usize) -> Vec<BlockRef> {
    let geometry = geometry();
    geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).take(n).collect()
}

fn ms(millis: u64) -> At {
    At::from_millis(millis)
}

fn refill(window: &mut Window, now: At) -> Vec<BlockRef> {
    let mut requests = Vec::new();
    window.refill(now, &mut requests);
    requests
}

/// A peer that answers in order at `bps` after half a round trip each way. Returns bytes received a second.
fn run(window: &mut Window, round_trip: At, bps: u64, seconds: u64) -> Vec<u64> {
    let all = blocks((bps * seconds / u64::from(BLOCK_LENGTH)) as usize + 4096);
    let mut next = all.iter().copied();
    let mut arrivals: BinaryHeap<Reverse<(At, BlockRef)>> = BinaryHeap::new();
    let mut peer_free = At::ZERO;
    let mut per_second = vec![0; seconds as usize];
    let block_time = At::from_nanos(u64::from(BLOCK_LENGTH) * 1_000_000_000 / bps);
    let mut now = At::ZERO;
    while now < At::from_secs(seconds) {
        window.grant(next.by_ref().take(window.target as usize));
        for block in refill(window, now) {
            let begins = peer_free.max(now + round_trip / 2);
            peer_free = begins + block_time;
            arrivals.push(Reverse((peer_free + round_trip / 2, block)));
        }
        let Some(Reverse((at, block))) = arrivals.pop() else { break };
        now = at;
        window.progressed(now, u64::from(BLOCK_LENGTH), 0);
        assert_eq!(window.received(now, block), Arrival::Requested);
        if let Some(sum) = per_second.get_mut(now.as_secs() as usize) {
            *sum += u64::from(BLOCK_LENGTH);
        }
    }
    per_second
}

#[test]
fn starts_with_64_requests_in_one_batch() {
    let mut window = Window::new();
    window.grant(blocks(100));
    assert_eq!(refill(&mut window, At::ZERO), blocks(64));
    assert!(refill(&mut window, At::ZERO).is_empty());
    let state = window.state(ms(30));
    assert_eq!((state.granted, state.outstanding, state.target, state.oldest_request_ms), (36, 64, 64, 30));
}

#[test]
fn refills_when_a_quarter_is_free() {
    let mut window = Window::new();
    window.grant(blocks(100));
    let asked = refill(&mut window, At::ZERO);
    for &block in &asked[..15] {
        window.received(At::ZERO, block);
        window.measured = false;
        assert!(refill(&mut window, At::ZERO).is_empty());
    }
    window.received(At::ZERO, asked[15]);
    window.measured = false;
    assert_eq!(refill(&mut window, At::ZERO).len(), 16);
}

#[test]
fn keeps_a_long_path_full() {
    let mut window = Window::new();
    let per_second = run(&mut window, ms(200), 4 * MIB, 10);
    assert!(per_second[0] > 3 * MIB - 200_000, "{per_second:?}");
    assert!(per_second[1..].iter().all(|&bytes| bytes > 4 * MIB - 100_000), "{per_second:?}");
    assert!((150..=250).contains(&window.target), "{}", window.target);
}

#[test]
fn grows_fast_to_the_limit_of_a_fast_peer() {
    let mut window = Window::new();
    window.set_reqq(2000);
    let per_second = run(&mut window, ms(100), 100 * MIB, 2);
    assert_eq!(window.target, MOST);
    assert!(per_second[1] > 98 * MIB, "{per_second:?}");
}

#[test]
fn shrinks_for_a_slow_peer() {
    let mut window = Window::new();
    run(&mut window, ms(50), 20_000, 60);
    assert!(window.target <= 4, "{}", window.target);
    assert!(window.outstanding.len() <= 4);
}

#[test]
fn never_asks_for_more_than_the_peer_queues() {
    let mut window = Window::new();
    window.set_reqq(10);
    window.grant(blocks(100));
    assert_eq!(refill(&mut window, At::ZERO).len(), 10);
    let mut window = Window::new();
    run(&mut window, ms(1), 500 * MIB, 1);
    assert_eq!(window.target, DEFAULT_REQQ);
    window.set_reqq(0);
    assert_eq!(window.target, 1);
}

#[test]
fn a_silent_peer_is_asked_for_one_block_until_it_sends_again() {
    let mut window = Window::new();
    window.grant(blocks(200));
    let asked = refill(&mut window, At::ZERO);
    window.tick(At::from_secs(19));
    assert!(!window.asks_one_at_a_time());
    window.tick(At::from_secs(20));
    assert!(window.asks_one_at_a_time());
    assert_eq!(window.state(At::from_secs(20)).target, 1);
    window.revoke(At::from_secs(21), &asked);
    assert_eq!(refill(&mut window, At::from_secs(21)).len(), 1);
    assert_eq!(window.received(At::from_secs(22), asked[0]), Arrival::Late);
    assert!(window.asks_one_at_a_time());
    assert_eq!(window.received(At::from_secs(22), blocks(65)[64]), Arrival::Requested);
    assert!(!window.asks_one_at_a_time());
    assert!(!refill(&mut window, At::from_secs(22)).is_empty());
}

#[test]
fn a_held_peer_is_not_asked_and_not_called_silent() {
    let mut window = Window::new();
    window.grant(blocks(100));
    refill(&mut window, At::ZERO);
    window.set_held(true);
    window.choke(At::ZERO);
    window.grant(blocks(100));
    assert!(refill(&mut window, At::ZERO).is_empty());
    window.tick(At::from_secs(60));
    assert!(!window.asks_one_at_a_time());
    window.set_held(false);
    assert_eq!(refill(&mut window, At::from_secs(60)).len(), 64);
}

#[test]
fn a_choke_voids_all_and_what_was_on_its_way_may_come_once() {
    let mut window = Window::new();
    window.grant(blocks(100));
    let asked = refill(&mut window, At::ZERO);
    window.choke(ms(5));
    let state = window.state(ms(5));
    assert_eq!((state.granted, state.outstanding), (0, 0));
    assert!(window.may_come(asked[3]));
    assert_eq!(window.received(ms(9), asked[3]), Arrival::Late);
    assert_eq!(window.received(ms(9), asked[3]), Arrival::Again);
    window.tick(At::from_secs(200));
    assert_eq!(window.received(At::from_secs(200), asked[4]), Arrival::Stray);
}

#[test]
fn blocks_nobody_remembers_are_ignored_up_to_a_bound_and_never_more_than_were_asked_for() {
    let mut window = Window::new();
    let all = blocks(2000);
    assert!(!window.may_come(all[0]));
    assert_eq!(window.received(ms(1), all[0]), Arrival::Unrequested);
    window.grant(all[..10].to_vec());
    refill(&mut window, ms(1));
    window.choke(ms(2));
    window.tick(At::from_secs(300));
    for block in &all[..10] {
        assert!(window.may_come(*block));
        assert_eq!(window.received(At::from_secs(300), *block), Arrival::Stray);
    }
    assert!(!window.may_come(all[10]), "no more than were asked for");
    assert_eq!(window.received(At::from_secs(300), all[10]), Arrival::Unrequested);
    let mut window = Window::new();
    for block in &all[..1000] {
        window.grant([*block]);
        refill(&mut window, ms(1));
        assert_eq!(window.received(ms(1), *block), Arrival::Requested);
    }
    let strays = all[1000..].iter().take_while(|block| window.received(ms(2), **block) == Arrival::Stray);
    assert_eq!(strays.count() as u32, MOST_STRAYS);
    // What comes as it should makes up for it.
    for block in &all[1500..1600] {
        window.grant([*block]);
        refill(&mut window, ms(3));
        assert_eq!(window.received(ms(3), *block), Arrival::Requested);
    }
    let strays = all[1700..].iter().take_while(|block| window.received(ms(4), **block) == Arrival::Stray);
    assert_eq!(strays.count() as u32, 100 / BLOCKS_A_REPEAT);
}

#[test]
fn revoked_blocks_are_cancelled_only_when_asked_for() {
    let mut window = Window::new();
    let all = blocks(100);
    window.grant(all.clone());
    refill(&mut window, At::ZERO);
    assert_eq!(window.revoke(ms(1), &[all[2], all[80], all[3]]), [all[2], all[3]]);
    let state = window.state(ms(1));
    assert_eq!((state.granted, state.outstanding), (35, 62));
    assert!(!window.expected().any(|block| block == all[2]));
    assert_eq!(window.received(ms(2), all[2]), Arrival::Late);
}

#[test]
fn a_block_asked_for_again_counts_once_as_owed() {
    let mut window = Window::new();
    let all = blocks(1);
    window.grant(all.clone());
    refill(&mut window, At::ZERO);
    window.choke(ms(1));
    window.grant(all.clone());
    refill(&mut window, ms(2));
    assert_eq!(window.received(ms(3), all[0]), Arrival::Requested);
    assert_eq!(window.received(ms(4), all[0]), Arrival::Late);
}

#[test]
fn a_block_granted_again_that_comes_late_is_not_asked_for_again() {
    let mut window = Window::new();
    window.grant(blocks(2));
    let asked = refill(&mut window, At::ZERO);
    window.choke(ms(10));
    window.grant(blocks(2));
    assert_eq!(window.received(ms(20), asked[0]), Arrival::Late);
    assert_eq!(refill(&mut window, ms(30)), asked[1..]);
}

#[test]
fn only_owed_blocks_can_be_rejected() {
    let mut window = Window::new();
    let all = blocks(100);
    window.grant(all.clone());
    refill(&mut window, At::ZERO);
    assert!(window.reject(ms(1), all[0]));
    assert!(!window.reject(ms(1), all[0]));
    assert!(!window.reject(ms(1), all[99]));
}

#[test]
fn the_answer_to_a_cancel_does_not_reject_what_is_asked_for_again() {
    let mut window = Window::new();
    let all = blocks(1);
    let ask = |window: &mut Window, at| {
        window.grant(all.clone());
        assert_eq!(refill(window, at), all);
    };
    ask(&mut window, At::ZERO);
    assert_eq!(window.revoke(ms(1), &all), all);
    ask(&mut window, ms(2));
    // Each has an answer: the cancelled one is rejected, then the other.
    assert!(!window.reject(ms(3), all[0]));
    assert!(window.expected().eq(all.clone()), "it is owed");
    assert!(window.reject(ms(4), all[0]));
    // What was rejected has been answered.
    ask(&mut window, ms(5));
    assert!(window.reject(ms(6), all[0]));
}

#[test]
fn measures_the_round_trip_when_nothing_else_is_queued() {
    let mut window = Window::new();
    run(&mut window, ms(200), MIB, 5);
    let known = window.state(At::from_secs(5)).round_trip_ms;
    assert!((200..250).contains(&known), "{known}");
}

#[test]
fn no_block_is_lost_or_doubled_under_any_order_of_calls() {
    let mut random = fastrand::Rng::with_seed(7);
    let all = blocks(400);
    let mut window = Window::new();
    let mut free: BTreeSet<BlockRef> = all.iter().copied().collect();
    let mut held: BTreeSet<BlockRef> = BTreeSet::new();
    let mut now = At::ZERO;
    for _ in 0..20_000 {
        now += ms(random.u64(0..20));
        match random.u8(0..12) {
            0 => {
                window.choke(now);
                free.append(&mut held);
            }
            1..=3 => {
                let some: Vec<BlockRef> = free.iter().copied().take(random.usize(0..90)).collect();
                for block in &some {
                    free.remove(block);
                    held.insert(*block);
                }
                window.grant(some);
            }
            4 => {
                if let Some(&block) = held.iter().nth(random.usize(0..=held.len())) {
                    window.revoke(now, &[block]);
                    held.remove(&block);
                    free.insert(block);
                }
            }
            5 => window.tick(now),
            6..=8 => {
                refill(&mut window, now);
            }
            _ => {
                let owed: Vec<BlockRef> = window.expected().collect();
                if !owed.is_empty() {
                    let block = owed[random.usize(0..owed.len().min(3))];
                    assert_eq!(window.received(now, block), Arrival::Requested);
                    assert!(held.remove(&block));
                    free.insert(block);
                }
            }
        }
        let state = window.state(now);
        assert!(state.outstanding <= DEFAULT_REQQ);
        assert!((1..=DEFAULT_REQQ).contains(&state.target));
        let inside: BTreeSet<BlockRef> = window.granted.iter().copied().chain(window.expected()).collect();
        assert_eq!(inside, held);
    }
}

#[test]
fn what_comes_twice_is_forgiven_up_to_a_bound() {
    let mut window = Window::new();
    let all = blocks(4000);
    let again = |window: &mut Window, block: BlockRef| {
        assert_eq!(window.may_come(block), window.repeats < MOST_REPEATS);
        window.received(ms(1), block)
    };
    let one_by_one = |window: &mut Window, block: BlockRef| {
        window.grant([block]);
        assert_eq!(refill(window, ms(1)), [block]);
        assert_eq!(window.received(ms(1), block), Arrival::Requested);
    };
    // A sixteenth may come twice for ever.
    for (nth, block) in all[..3000].iter().enumerate() {
        one_by_one(&mut window, *block);
        if nth % BLOCKS_A_REPEAT as usize == 0 {
            assert_eq!(again(&mut window, *block), Arrival::Again, "{nth}");
        }
    }
    // All of them: not for long.
    let forgiven = all[3000..].iter().take_while(|block| {
        one_by_one(&mut window, **block);
        again(&mut window, **block) == Arrival::Again
    });
    let forgiven = forgiven.count() as u32;
    assert!((MOST_REPEATS - 2..MOST_REPEATS + 8).contains(&forgiven), "{forgiven}");
}
