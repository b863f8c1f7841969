//! Packets that no honest peer sends, to a stream that is open.

use std::time::Duration;

use super::line::World;
use crate::utp::{End, Settings, StreamId};
use crate::wire::utp::{Header, Kind};

const MINUTE: Duration = Duration::from_secs(60);

fn open() -> (World, [StreamId; 2]) {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 100_000, MINUTE);
    (world, ids)
}

/// What the other end could send to 0 next.
fn header(world: &World, ids: [StreamId; 2]) -> Header {
    let stream = world.ends[1].streams.get(ids[1]).unwrap();
    let (seq, ack) = stream.numbers();
    Header { kind: Kind::State, id: stream.send_id, sent: 1, delay: 1, window: 1 << 20, seq, ack }
}

/// 0 hears it as if the other end had sent it.
fn hear(world: &mut World, header: Header, selective_ack: Option<&[u8]>, payload: &[u8]) {
    let mut packet = Vec::new();
    match selective_ack {
        Some(_) => header.write_extended(&mut packet, selective_ack, None),
        None => header.write(&mut packet, &[payload]),
    }
    let from = world.addrs[1];
    world.ends[0].hear(world.now, from, &packet);
    world.ends[0].flush(world.now);
}

#[test]
fn an_ack_of_what_was_never_sent_is_counted_and_left() {
    let (mut world, ids) = open();
    let good = header(&world, ids);
    for ahead in [1, 2, 1_000, 0x7fff, 0x8000] {
        hear(&mut world, Header { ack: good.ack.wrapping_add(ahead), ..good }, None, &[]);
    }
    assert_eq!(world.ends[0].counters().bad_acks, 5);
    world.transfer(0, ids, 100_000, MINUTE);
}

#[test]
fn an_ack_of_everything_at_once_counts_for_what_was_sent() {
    let (mut world, ids) = open();
    world.ends[0].write(world.now, ids[0], &[1; 14_000]);
    world.transmit();
    let good = header(&world, ids);
    for _ in 0..100 {
        hear(&mut world, good, Some(&[0xff; 252]), &[]);
    }
    let figures = world.ends[0].figures(world.now, ids[0]).unwrap();
    assert!(figures.in_flight_bytes < 14_000, "{figures:?}");
    assert!(figures.window_bytes < 1 << 20, "{figures:?}");
    // What was said to have come did come, as it happens.
    world.run_until(MINUTE, |world| world.ends[0].is_flushed(ids[0]));
    world.read(1, ids[1]);
    world.transfer(0, ids, 100_000, MINUTE);
}

#[test]
fn a_window_of_4_gib_makes_nobody_send_more_than_may_be_under_way() {
    let (mut world, ids) = open();
    let most = Settings::default().send_buffer;
    let huge = Header { window: u32::MAX, ..header(&world, ids) };
    hear(&mut world, huge, None, &[]);
    let taken = (0..100).map(|_| world.ends[0].write(world.now, ids[0], &[0; 1 << 20])).sum::<usize>();
    assert!(taken <= most, "{taken} bytes taken");
    world.transmit();
    let figures = world.ends[0].figures(world.now, ids[0]).unwrap();
    assert!(figures.in_flight_bytes <= figures.window_bytes, "{figures:?}");
}

#[test]
fn a_window_of_0_for_ever_costs_a_packet_now_and_then() {
    let (mut world, ids) = open();
    world.keeps = true;
    world.ends[0].write(world.now, ids[0], &[1; 100_000]);
    let until = world.now + 10 * MINUTE;
    while world.now < until {
        let closed = Header { window: 0, ..header(&world, ids) };
        hear(&mut world, closed, None, &[]);
        // What the other end says itself is lost.
        world.ways[1].loss = 1.0;
        world.run(Duration::from_millis(500));
    }
    let sent = world.sent[0].len();
    assert!((10..200).contains(&sent), "{sent} packets in ten minutes");
    assert_eq!(world.ends[0].end_of(ids[0]), None);
}

#[test]
fn numbers_that_jump_are_counted_and_left() {
    let (mut world, ids) = open();
    let good = header(&world, ids);
    for ahead in [5_000, 20_000, 0x7fff] {
        let data = Header { kind: Kind::Data, seq: good.seq.wrapping_add(ahead), ..good };
        hear(&mut world, data, None, &[1; 100]);
    }
    assert_eq!(world.ends[0].counters().out_of_reach, 3);
    for behind in [1, 100, 0x8000] {
        let data = Header { kind: Kind::Data, seq: good.seq.wrapping_sub(behind), ..good };
        hear(&mut world, data, None, &[1; 100]);
    }
    assert_eq!(world.ends[0].readable(ids[0]), 0);
    world.transfer(1, ids, 100_000, MINUTE);
}

#[test]
fn a_reset_counts_by_a_number_that_we_sent_and_by_no_other() {
    let (mut world, ids) = open();
    let good = Header { kind: Kind::Reset, ..header(&world, ids) };
    for bend in [100, 0x7fff, 0x8000, 0xff00] {
        hear(&mut world, Header { ack: good.ack.wrapping_add(bend), ..good }, None, &[]);
    }
    hear(&mut world, Header { id: good.id.wrapping_add(9), ..good }, None, &[]);
    assert_eq!(world.ends[0].counters().resets_ignored, 5);
    assert_eq!(world.ends[0].end_of(ids[0]), None);
    hear(&mut world, good, None, &[]);
    assert_eq!(world.ends[0].end_of(ids[0]), Some(&End::Reset(None)));
}

#[test]
fn clocks_that_run_backwards_or_anywhere_stop_nothing() {
    for clock in [
        |number: u32| number.wrapping_mul(50_000).wrapping_neg(),
        |number: u32| number.wrapping_mul(2_654_435_761),
    ] {
        let mut world = World::new(Settings::default());
        world.clock = Some(clock);
        let ids = world.open();
        world.transfer(0, ids, 200_000, 2 * MINUTE);
        world.transfer(1, ids, 200_000, 2 * MINUTE);
    }
}
