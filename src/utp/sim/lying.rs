//! Peers that lie, beside honest ones: nothing panics, nothing grows, nothing is lost.

use std::net::SocketAddr;
use std::time::Duration;

use super::app::Transfer;
use super::liar::{LIES, Liar, Lie};
use super::line::{Line, Way};
use super::raw::{self, Raw};
use super::runs::env;
use super::world::World;
use super::{KIB, MIB, ms, secs};
use crate::utp::{End, Settings};

/// As long as a transfer may take that goes over a free line.
const SOON: Duration = secs(60);
const FEW_RUNS: u64 = 1;

fn addr(number: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], port))
}

/// Two hosts with a free line.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    for number in 1..=2 {
        world.host(addr(number, 6881), Settings::default());
        world.ways.push(Way::new(Line::clean(2 * MIB, ms(20), ms(200))));
    }
    world.route(0, 1, 0);
    world.route(1, 0, 1);
    world
}

/// The honest ones get what they want, and after what lied was hung up on nothing is left.
fn must_complete(world: &mut World) {
    let end = world.now + SOON;
    assert!(world.run_until(end, World::is_over), "not over after {SOON:?}: {:?}", world.transfers);
    let done = |transfer: &Transfer| assert!(transfer.is_done(), "not done: {transfer:?}");
    world.transfers.iter().for_each(done);
}

fn lie(lie: Lie) {
    let runs: u64 = env("TTUI_SIM_RUNS").map_or(FEW_RUNS, |runs| runs / 10 + 1);
    for seed in 0..runs {
        let mut world = world(seed);
        let liars = [3, 4].map(|number| addr(number, 6881));
        for liar in liars {
            world.begin_to_lie(liar, Liar::new(liar, addr(1, 6881), lie, 300));
            world.dial_liar(0, liar);
            world.dial_liar(0, liar);
        }
        world.dial(0, 1, Transfer::new(400 * KIB, 400 * KIB));
        world.dial(1, 0, Transfer::new(400 * KIB, 400 * KIB));
        must_complete(&mut world);
        // They go on for a while.
        let later = world.now + secs(15);
        world.run_until(later, |_| false);
        let heard: u64 = world.liars.values().map(|liar| liar.heard).sum();
        assert!(heard > 20, "{lie:?}: only {heard} packets were sent to those who lie");
        // Who answers is never told more than it gave reason for.
        assert!(heard < 100_000, "{lie:?}: {heard} packets were sent to those who lie");
        // They fall silent; what they said last still arrives.
        world.liars.values_mut().for_each(Liar::fall_silent);
        let later = world.now + secs(1);
        world.run_until(later, |_| false);
        world.hang_up(0);
        world.must_be_quiet();
    }
}

#[test]
fn whatever_peers_say_honest_ones_beside_them_lose_nothing_and_nothing_is_left() {
    LIES.into_iter().for_each(lie);
}

/// A call from this address.
fn call(id: u16) -> Vec<u8> {
    Raw { kind: raw::SYN, version: 1, id, seq: 1, window: 1 << 20, ..Raw::default() }.write()
}

#[test]
fn ten_thousand_calls_from_nobody_leave_no_state_and_cost_others_nothing() {
    let mut world = world(1);
    world.dial(1, 0, Transfer::new(400 * KIB, 400 * KIB));
    for number in 0..10_000u32 {
        let from = SocketAddr::from(([11, (number >> 8) as u8, number as u8, 1], 6881));
        world.hear(0, from, &call(number as u16));
        if number % 16 == 0 {
            let next = world.now + ms(1);
            world.run_until(next, |_| false);
        }
        assert!(world.hosts[0].endpoint.streams() <= 1, "a call alone made a stream");
    }
    must_complete(&mut world);
    assert_eq!(world.hosts[0].accepted, 1);
    world.must_be_quiet();
    assert!((1..=10_000).contains(&world.strays), "{} answers to 10 000 calls", world.strays);
}

#[test]
fn guessed_resets_from_elsewhere_end_no_stream() {
    let mut world = world(2);
    world.dial(0, 1, Transfer::new(MIB, MIB));
    let soon = world.now + ms(300);
    world.run_until(soon, |_| false);
    for id in 0..=u16::MAX {
        let reset = Raw { kind: raw::RESET, version: 1, id, ..Raw::default() }.write();
        for from in [addr(2, 6882), addr(9, 6881)] {
            world.hear(0, from, &reset);
        }
        if id % 256 == 0 {
            let next = world.now + ms(1);
            world.run_until(next, |_| false);
        }
    }
    must_complete(&mut world);
    world.must_be_quiet();
}

#[test]
fn bytes_from_elsewhere_with_the_right_id_reach_no_stream() {
    let mut world = world(3);
    // Who guesses all numbers may guess one right, and have a stream of its own.
    let elsewhere = addr(9, 6881);
    world.begin_to_lie(elsewhere, Liar::new(elsewhere, addr(1, 6881), Lie::Repeats, 0));
    world.dial(0, 1, Transfer::new(MIB, MIB));
    let soon = world.now + ms(300);
    world.run_until(soon, |_| false);
    for id in 0..=u16::MAX {
        let data = Raw {
            kind: raw::DATA,
            version: 1,
            id,
            window: 1 << 20,
            seq: id.wrapping_mul(7),
            rest: vec![1; 100],
            ..Raw::default()
        };
        world.hear(0, elsewhere, &data.write());
        if id % 256 == 0 {
            let next = world.now + ms(1);
            world.run_until(next, |_| false);
        }
    }
    must_complete(&mut world);
    world.hang_up(0);
    world.must_be_quiet();
}

#[test]
fn where_a_router_gives_another_port_in_mid_stream_both_ends_know_how_it_ended() {
    for seed in 0..8 {
        let mut world = world(seed);
        world.patient = true;
        let transfer = world.dial(0, 1, Transfer::new(4 * MIB, MIB));
        let moves_at = ms(world.random.u64(50..2_000));
        world.run_until(moves_at, |_| false);
        world.moves(0, 7001);
        let end = world.now + secs(300);
        world.run_until(end, World::is_over);
        let transfer = &world.transfers[transfer];
        assert!(transfer.ends.iter().any(Option::is_some), "nobody noticed: {transfer:?}");
        let told = |end: &End| matches!(end, End::Reset(_) | End::Silent | End::Unanswered | End::Refused(_));
        let ended = transfer.ends.iter().flatten().all(told);
        assert!(transfer.is_done() || ended, "it ended otherwise: {transfer:?}");
        // Who has nothing to say waits for as long as it likes.
        (0..2).for_each(|host| world.hang_up(host));
        world.must_be_quiet();
    }
}
