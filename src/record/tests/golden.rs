//! Files of every version so far stay readable, and say the same.

use super::*;
use crate::record::batch::Entry;
use crate::record::reader::{self, Met};

/// Kinds that version 1 knew.
const KINDS_OF_1: usize = 44;

fn events() -> impl Iterator<Item = Event> {
    every_kind::events().into_iter().filter(|(kind, _)| *kind < KINDS_OF_1).map(|(_, event)| event)
}

/// What is in the file of version 1: every kind of event, a tenth of a second apart.
fn run() -> Run {
    let mut run = Run::new(30);
    for event in events() {
        run.tell(event).wait_ms(100);
    }
    run
}

fn path(version: u16) -> String {
    format!("{}/tests/recordings/version-{version}.ttrec", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn reads_version_1() {
    let mut recording = Recording::open(std::fs::File::open(path(1)).unwrap()).unwrap();
    assert_eq!(recording.wall_ms(), 1_700_000_000_000);
    assert_eq!(recording.damage(), None);
    let mut cursor = reader::Cursor::after(0);
    let mut told = Vec::new();
    loop {
        match cursor.next(&mut recording) {
            Ok(Met::End) => break,
            Ok(Met::Snapshot(_)) => {}
            Ok(Met::Entry(Entry::One(stamped))) => told.push(stamped.event),
            Ok(Met::Entry(Entry::Haves(_, peer, pieces))) => {
                told.extend(pieces.into_iter().map(|piece| Event::Have { peer, piece }));
            }
            Err(reader::Broken(frame, what)) => panic!("frame {frame}: {what}"),
        }
    }
    let mut expected: Vec<Event> = events().collect();
    // Haves come at the end of their second.
    let by_text = |event: &Event| format!("{event:?}");
    told.sort_by_key(by_text);
    expected.sort_by_key(by_text);
    assert_eq!(told, expected);
    let mut player = Player::new(recording).unwrap();
    player.go_to(At::MAX);
    assert_eq!(player.view(), run().end().1);
}

/// `cargo test --lib golden -- --ignored` writes the file of the present version, once, when there is a new one.
#[test]
#[ignore = "writes into the source tree"]
fn write_this_version() {
    let mut file = std::fs::File::create_new(path(VERSION)).unwrap();
    std::io::Write::write_all(&mut file, &run().end().0).unwrap();
}
