//! Lines at random, each from its seed, with two streams of our own on each.

use std::net::{Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use super::app::{REASON, Transfer};
use super::clock::Clock;
use super::line::{Line, Way};
use super::runs::{self, env};
use super::world::World;
use super::{KIB, MIB, ms, secs};
use crate::event::At;
use crate::utp::{End, Settings};

/// Runs in an ordinary test, and the same for every machine.
const QUICK_RUNS: u64 = 60;
/// Lines on which something went wrong once.
const FAILED_ONCE: [u64; 7] = [
    2_000_391_399_503_699_118,
    2_259_995_718_409_712_805,
    2_790_293_681_833_612_239,
    4_293_447_262_352_727_573,
    6_390_679_036_053_477_823,
    6_657_833_117_622_561_715,
    8_902_287_193_291_024_702,
];
/// No line is so slow that its transfers take longer.
const ENOUGH: Duration = secs(4 * 3600);
/// As long as an application waits for one that says nothing.
const GIVES_UP_AFTER: Duration = secs(240);

fn seeds() -> Vec<u64> {
    runs::seeds(QUICK_RUNS, &FAILED_ONCE)
}

/// What a run that fails leaves on the screen.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("repeat it with TTUI_SEED={}", self.0);
        }
    }
}

fn one_in(random: &mut fastrand::Rng, of: u32) -> bool {
    random.u32(..of) == 0
}

/// From the second to a few seconds later.
fn span(random: &mut fastrand::Rng, most: Duration) -> Range<At> {
    let from = ms(random.u64(..20_000));
    from..from + most.mul_f64(random.f64())
}

fn line(random: &mut fastrand::Rng, v6: bool) -> Line {
    let bps = random.choice([30 * KIB, 200 * KIB, 2 * MIB, 10 * MIB]).unwrap_or(MIB);
    let queue = ms(random.choice([20, 100, 400, 1500]).unwrap_or(100));
    let mut line = Line::clean(bps, ms(random.u64(..150)), queue);
    line.queue = line.queue.max(4 * 1500);
    let few = |random: &mut fastrand::Rng, most: u16| if random.bool() { 0 } else { random.u16(..most) };
    (line.lost, line.doubled, line.overtaken) = (few(random, 200), few(random, 100), few(random, 200));
    line.fits = if v6 { 1452 } else { 1472 };
    if one_in(random, 3) {
        // What is narrower than IPv6 allows says so.
        line.tells = random.bool();
        line.fits -= random.usize(..if v6 || !line.tells { 220 } else { 900 });
    }
    if one_in(random, 5) {
        line.holes.push(span(random, secs(5)));
    }
    line
}

fn settings(random: &mut fastrand::Rng) -> Settings {
    Settings {
        receive_window: random.choice([8 << 10, 64 << 10, 1 << 20, 4 << 20]).unwrap_or(1 << 20),
        send_buffer: random.choice([4 << 10, 100 << 10, 1 << 20]).unwrap_or(1 << 20),
        ..Settings::default()
    }
}

/// Two hosts and the line between them.
fn build(seed: u64) -> World {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(seed);
    let v6 = random.bool();
    for number in 1..=2u16 {
        let addr = if v6 {
            SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number), 6881))
        } else {
            SocketAddr::from(([10, 0, 0, number as u8], 6881))
        };
        let host = world.host(addr, settings(&mut random));
        // Some began long ago, some at the moment at which their microseconds wrap.
        let began = random.choice([secs(1), ms(4_294_960), secs(8_000_000)]).unwrap_or_default();
        let fast_ppm = if random.bool() { 0 } else { random.u32(..300) };
        world.hosts[host].clock = Clock { began, fast_ppm };
        world.hosts[host].naps = ms(random.choice([0, 0, 1, 15]).unwrap_or(0));
    }
    for _ in 0..2 {
        world.ways.push(Way::new(line(&mut random, v6)));
    }
    world.route(0, 1, 0);
    world.route(1, 0, 1);
    world
}

/// What goes over a line of this rate within some tens of seconds, were it not for its losses.
fn transfer(random: &mut fastrand::Rng, world: &World) -> Transfer {
    let mut bytes = |way: usize| {
        let line = &world.ways[way].line;
        let lossy = if line.lost > 20 || world.ways[1 - way].line.lost > 20 { 60 * KIB } else { 600 * KIB };
        random.u64(..(line.bps * 10).min(lossy))
    };
    let mut transfer = Transfer::new(bytes(0), bytes(1));
    for side in 0..2 {
        if one_in(random, 4) {
            transfer.reads_bps[side] = Some(random.u64(2 * KIB..200 * KIB));
        }
    }
    transfer
}

/// Begins both transfers, with some time between them.
fn begin_two(
    world: &mut World,
    random: &mut fastrand::Rng,
    bend: impl Fn(&mut fastrand::Rng, &mut Transfer),
) {
    for _ in 0..2 {
        let (from, mut transfer) = (random.usize(..2), transfer(random, world));
        if from == 1 {
            transfer.sends.swap(0, 1);
            transfer.sends[0] = transfer.sends[0].max(Transfer::LEAST);
        }
        bend(random, &mut transfer);
        world.dial(from, 1 - from, transfer);
        let pause = world.now + ms(random.u64(..5_000));
        world.run_until(pause, |_| false);
    }
}

/// Lets some time go by until both transfers are over, and then ends what is left of them.
fn give_up(world: &mut World) {
    // Who sends notices that nobody is there; who only waits does so for as long as it likes.
    let later = world.now + GIVES_UP_AFTER;
    world.run_until(later, World::is_over);
    (0..2).for_each(|host| world.hang_up(host));
}

fn loses_much(world: &World) -> bool {
    world.ways.iter().any(|way| way.line.lost > 20 || !way.line.holes.is_empty())
}

#[test]
fn every_byte_arrives_once_and_in_order_whatever_the_line_does_and_nothing_is_left() {
    for seed in seeds() {
        let _named = Named(seed);
        let (mut world, mut random) = (build(seed), fastrand::Rng::with_seed(!seed));
        begin_two(&mut world, &mut random, |_, _| {});
        let over = world.run_until(ENOUGH, World::is_over);
        assert!(over, "not over after {ENOUGH:?}: {:?}", world.transfers);
        for (number, transfer) in world.transfers.iter().enumerate() {
            // Whose few calls were all lost, or found the queue full, is not open.
            let unanswered = transfer.ends[0] == Some(End::Unanswered) && transfer.open == [false; 2];
            let excused = unanswered && world.lost_its_calls(number)
                || loses_much(&world) && (transfer.arrived() || transfer.was_given_up());
            assert!(transfer.is_done() || excused, "not done: {transfer:?}");
        }
        for host in &world.hosts {
            assert_eq!(host.endpoint.counters().no_room, 0, "more came than was offered");
        }
        world.must_be_quiet();
    }
}

#[test]
fn when_one_leaves_early_the_other_hears_why_and_nothing_is_left() {
    let mut reasons = 0;
    for seed in seeds() {
        let _named = Named(seed);
        let (mut world, mut random) = (build(seed), fastrand::Rng::with_seed(!seed));
        // Who left may be gone before the other one heard of it.
        world.patient = true;
        begin_two(&mut world, &mut random, |random, transfer| {
            let side = random.usize(..2);
            transfer.leaves_after[side] = Some(random.u64(..=transfer.sends[1 - side]));
        });
        give_up(&mut world);
        for transfer in &world.transfers {
            let left = transfer.ends.iter().position(|end| *end == Some(End::Ours));
            let Some(left) = left else { continue };
            let reason = transfer.reasons[1 - left];
            assert!(reason.is_none_or(|reason| reason == REASON), "{reason:?} was never given");
            reasons += u32::from(reason.is_some());
        }
        world.must_be_quiet();
    }
    assert!(reasons > 0 || env("TTUI_SEED").is_some(), "nobody heard of a reason");
}

#[test]
fn where_nobody_is_any_more_streams_end_and_nothing_is_left() {
    let mut refused = 0;
    for seed in seeds() {
        let _named = Named(seed);
        let (mut world, mut random) = (build(seed), fastrand::Rng::with_seed(!seed));
        let from = ms(random.u64(..5_000));
        for way in &mut world.ways {
            way.line.refuses = Some(from..At::MAX);
            // Some say nothing of it.
            if random.bool() {
                way.line.refuses = None;
                way.line.holes = vec![from..At::MAX];
            }
        }
        world.patient = true;
        begin_two(&mut world, &mut random, |_, _| {});
        give_up(&mut world);
        for end in world.transfers.iter().flat_map(|transfer| &transfer.ends).flatten() {
            let fits = matches!(
                end,
                End::Finished | End::Refused(_) | End::Unanswered | End::Reset(_) | End::Silent
            );
            assert!(fits, "it ended by {end:?}");
            refused += u32::from(matches!(end, End::Refused(Some(_))));
        }
        world.must_be_quiet();
    }
    assert!(refused > 0 || env("TTUI_SEED").is_some(), "nobody was refused");
}
