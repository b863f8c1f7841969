//! Files of every version so far stay readable, and say the same.

use super::*;
use crate::record::batch::{Entry, Told};
use crate::record::reader::{self, Met};

/// What is in the file of each version: every kind of event that version 1 had, a tenth of a second apart.
fn run() -> Run {
    let mut run = Run::new(30);
    for event in every_kind::events() {
        run.tell(event).wait_ms(100);
    }
    run
}

fn path(version: u16) -> String {
    format!("{}/tests/recordings/version-{version}.ttrec", env!("CARGO_MANIFEST_DIR"))
}

/// What a file tells, in some order.
fn told(recording: &mut Recording<std::fs::File>) -> Vec<Event> {
    let mut cursor = reader::Cursor::after(0);
    let mut told = Vec::new();
    loop {
        match cursor.next(recording) {
            Ok(Met::End) => break,
            Ok(Met::Snapshot(_)) => {}
            Ok(Met::Entry(Entry { told: Told::Event(event), .. })) => told.push(event),
            Ok(Met::Entry(Entry { told: Told::Haves(peer, pieces), .. })) => {
                told.extend(pieces.into_iter().map(|piece| Event::Have { peer, piece }));
            }
            Ok(Met::Entry(Entry { told: Told::Known(_), .. }) | Met::Unknown) => {
                panic!("something that we do not know")
            }
            Err(reader::Broken(frame, what)) => panic!("frame {frame}: {what}"),
        }
    }
    sorted(told)
}

/// Haves come at the end of their second.
fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| format!("{event:?}"));
    events
}

fn reads(version: u16) {
    let mut recording = Recording::open(std::fs::File::open(path(version)).unwrap()).unwrap();
    assert_eq!(recording.wall_ms(), 1_700_000_000_000);
    assert_eq!((recording.damage(), recording.torrents()), (None, 1));
    assert_eq!(told(&mut recording), sorted(every_kind::events()));
    let mut player = Player::new(recording).unwrap();
    assert_eq!((player.damage(), player.left_out()), (None, None));
    player.go_to(At::MAX);
    assert_eq!(player.view(), run().end().1);
}

#[test]
fn reads_version_1() {
    reads(1);
}

#[test]
fn reads_version_2() {
    reads(2);
}

/// A real run of the demo that was recorded when version 1 was written.
#[test]
fn a_run_of_version_1_plays_to_its_end() {
    let path = format!("{}/tests/recordings/version-1-demo.ttrec", env!("CARGO_MANIFEST_DIR"));
    let recording = Recording::open(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!((recording.files(0).version, recording.program()), (1, None));
    let mut player = Player::new(recording).unwrap();
    assert_eq!((player.damage(), player.left_out()), (None, None));
    player.go_to(At::MAX);
    let view = player.view();
    assert!(view.peers.len() > 10 && view.down_bytes > 0, "{} peers", view.peers.len());
    let named = view.peers.iter().filter(|peer| peer.info.calls_itself.is_some() && peer.info.reqq.is_some());
    assert!(named.count() > 3, "what peers said of themselves");
}

/// `cargo test --lib golden -- --ignored` writes the file of the present version, once, when there is a new one.
#[test]
#[ignore = "writes into the source tree"]
fn write_this_version() {
    let mut file = std::fs::File::create_new(path(VERSION)).unwrap();
    std::io::Write::write_all(&mut file, &run().end().0).unwrap();
}
