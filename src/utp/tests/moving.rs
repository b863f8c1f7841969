//! A router gives one end another port in mid-stream.

use std::net::SocketAddr;
use std::time::Duration;

use super::line::World;
use crate::utp::{End, Settings, StreamId};
use crate::wire::utp::{Header, Kind};

const MINUTE: Duration = Duration::from_secs(60);

fn open() -> (World, [StreamId; 2]) {
    let mut world = World::new(Settings::default());
    let ids = world.open();
    world.transfer(0, ids, 100_000, MINUTE);
    world.transfer(1, ids, 100_000, MINUTE);
    (world, ids)
}

/// The last packet that this end sent, as sent again from elsewhere, with these changes.
fn state(world: &World, end: usize, id: StreamId, bend: impl Fn(Header) -> Header) -> Vec<u8> {
    let (seq, ack) = world.ends[end].streams.get(id).unwrap().numbers();
    let send_id = world.ends[end].streams.get(id).unwrap().send_id;
    let header = Header { kind: Kind::State, id: send_id, sent: 1, delay: 0, window: 1 << 20, seq, ack };
    let mut packet = Vec::new();
    bend(header).write(&mut packet, &[]);
    packet
}

#[test]
fn a_stream_follows_who_goes_on_sending_from_another_port() {
    let (mut world, ids) = open();
    let data = vec![7; 3_000_000];
    let (mut written, mut read) = (0, 0);
    for port in [1001, 1002] {
        let half = read + data.len() / 2;
        world.run_until(MINUTE, |world| {
            written += world.ends[0].write(world.now, ids[0], &data[written..]);
            read += world.read(1, ids[1]).len();
            read >= half - data.len() / 4
        });
        world.addrs[0].set_port(port);
    }
    world.run_until(MINUTE, |world| {
        written += world.ends[0].write(world.now, ids[0], &data[written..]);
        read += world.read(1, ids[1]).len();
        read == data.len()
    });
    assert_eq!(world.ends[1].counters().moved, 2);
    assert_eq!(world.ends[1].peer(ids[1]), Some(world.addrs[0]));
    // And back.
    world.transfer(1, ids, 100_000, MINUTE);
}

#[test]
fn one_that_only_listens_is_lost_and_both_ends_know_it() {
    let (mut world, ids) = open();
    world.addrs[0].set_port(1001);
    world.ends[1].write(world.now, ids[1], &[7; 10_000]);
    world.run_until(2 * MINUTE, |world| world.ends[1].end_of(ids[1]).is_some());
    assert_eq!(world.ends[1].end_of(ids[1]), Some(&End::Silent));
    // It says that it is there when nothing came for long: to somebody who gave up.
    world.run_until(MINUTE, |world| world.ends[0].end_of(ids[0]).is_some());
    assert_eq!(world.ends[0].end_of(ids[0]), Some(&End::Reset(None)));
}

#[test]
fn nobody_is_followed_to_where_a_packet_may_come_from_by_chance() {
    let (mut world, ids) = open();
    let (old, moved) = (world.addrs[0], SocketAddr::from(([192, 0, 2, 1], 1001)));
    let good = state(&world, 0, ids[0], |header| header);
    // The old port was heard of only just now.
    world.ends[1].hear(world.now, moved, &good);
    assert_eq!(world.ends[1].peer(ids[1]), Some(old));
    world.run(Duration::from_secs(1));
    let elsewhere = SocketAddr::from(([192, 0, 2, 9], 1000));
    world.ends[1].hear(world.now, elsewhere, &good);
    type Bend = fn(Header) -> Header;
    let bends: [Bend; 4] = [
        |header| Header { id: header.id.wrapping_add(5), ..header },
        |header| Header { ack: header.ack.wrapping_add(1), ..header },
        |header| Header { seq: header.seq.wrapping_sub(5_000), ..header },
        |header| Header { seq: header.seq.wrapping_add(5_000), ..header },
    ];
    for bend in bends {
        let bad = state(&world, 0, ids[0], bend);
        world.ends[1].hear(world.now, moved, &bad);
    }
    let counters = world.ends[1].counters();
    assert_eq!((counters.moved, counters.of_nobody), (0, 5));
    assert_eq!(world.ends[1].peer(ids[1]), Some(old));
    // The right one is believed.
    world.ends[1].hear(world.now, moved, &good);
    assert_eq!(world.ends[1].peer(ids[1]), Some(moved));
}
