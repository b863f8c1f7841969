//! What the fuzz targets check, quickly: every input that is kept, and changes of it, from one seed; for longer, where
//! there is no nightly toolchain, with `TTUI_FUZZ_RUNS=n` changes. None may fail, and none may make a parser ask the
//! allocator for more than it ever needs.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[expect(unreachable_pub, reason = "the fuzz targets reach it")]
#[path = "../fuzz/src/lib.rs"]
mod feeds;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
/// What one test allocates is not to be counted in another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Changed inputs for each parser.
const CHANGED: usize = 1000;
/// Those of the parsers that calculate with large numbers, or unpack.
const CHANGED_SLOW: usize = 60;
const SLOW: [&str; 3] = ["mse", "recording", "recording_frames"];
/// Bytes asked of the allocator for one input, all in all. Inputs are a few KiB.
const MOST_BYTES: usize = 64 << 20;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(path)
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = at("corpus").join(name);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// Changes an input as foreign bytes go wrong: bits, stretches left out, doubled, or of another input.
fn change(input: &mut Vec<u8>, other: &[u8], random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..input.len() + 1);
        let end = (at + random.usize(..40)).min(input.len());
        match random.u8(..7) {
            0 if at < input.len() => input[at] ^= 1 << random.u8(..8),
            1 if at < input.len() => input[at] = random.u8(..),
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            4 => {
                let from = random.usize(..other.len() + 1);
                let part = other[from..(from + 40).min(other.len())].to_vec();
                input.splice(at..end, part);
            }
            5 => input.truncate(at),
            _ => {
                let number =
                    random.choice(["0", "-1", "9", "4294967295", "18446744073709551616"]).unwrap_or("0");
                input.splice(at..at, number.bytes());
            }
        }
    }
}

/// Hands a parser one input.
///
/// # Errors
///
/// It fails, or asks for too much memory.
fn try_out(feed: feeds::Feed, input: &[u8], what: &str) -> Result<(), String> {
    let region = Region::new(ALLOCATOR);
    let holds = std::panic::catch_unwind(|| feed(input)).is_ok();
    let bytes = region.change().bytes_allocated;
    let shown = || input.escape_ascii();
    match () {
        () if !holds => Err(format!("{what}: {}", shown())),
        () if bytes > MOST_BYTES => Err(format!("{what} makes it allocate {bytes} bytes: {}", shown())),
        () => Ok(()),
    }
}

/// Hands a parser every input, so many changes of them, and nothing at all.
fn try_all(name: &str, feed: feeds::Feed, inputs: &[(String, Vec<u8>)]) -> Result<(), String> {
    for (file, input) in inputs {
        try_out(feed, input, &format!("{name}/{file}"))?;
    }
    let slow = SLOW.contains(&name);
    let (seed, runs) = match std::env::var("TTUI_FUZZ_RUNS").map(|runs| runs.parse().unwrap()) {
        // Of the moment: never the same night twice. What fails is shown, byte for byte.
        Ok(runs) => (fastrand::u64(..), if slow { runs / 20 } else { runs }),
        Err(_) => (6881, if slow { CHANGED_SLOW } else { CHANGED }),
    };
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..runs {
        let (file, input) = &inputs[random.usize(..inputs.len())];
        let other = &inputs[random.usize(..inputs.len())].1;
        let mut changed = input.clone();
        change(&mut changed, other, &mut random);
        try_out(feed, &changed, &format!("a change of {name}/{file}"))?;
    }
    try_out(feed, &[], &format!("nothing for {name}"))
}

#[test]
fn every_parser_takes_what_is_kept_and_changes_of_it() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, feed) in feeds::ALL {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "nothing is kept for {name}");
        try_all(name, feed, &inputs).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn every_target_is_tried_here() {
    let mut here: Vec<&str> = feeds::ALL.iter().map(|(name, _)| *name).collect();
    here.sort_unstable();
    let names = |folder: &str| {
        let entries = fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> =
            entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("fuzz_targets"), here);
    assert_eq!(names("corpus"), here);
    let manifest = fs::read_to_string(at("Cargo.toml")).unwrap();
    for name in here {
        let target = fs::read_to_string(at("fuzz_targets").join(name).with_extension("rs")).unwrap();
        assert!(target.contains(&format!("ttui_fuzz::{name}(bytes)")), "{target}");
        let entry = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&entry), "no target {name} in fuzz/Cargo.toml");
    }
}

#[test]
fn what_a_parser_must_not_do_is_noticed() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let inputs = [("kept".to_owned(), b"kept".to_vec())];
    let tried = |feed| try_all("made up", feed, &inputs);
    assert_eq!(tried(|_| ()), Ok(()));
    let fails_at_once = tried(|bytes| assert_ne!(bytes, b"kept"));
    assert_eq!(fails_at_once, Err("made up/kept: kept".to_owned()));
    let fails_when_changed = tried(|bytes| assert!(bytes.len() < 5)).unwrap_err();
    assert!(fails_when_changed.starts_with("a change of made up/kept: "), "{fails_when_changed}");
    let greedy = tried(|_| drop(vec![0u8; MOST_BYTES + 1])).unwrap_err();
    assert!(greedy.starts_with("made up/kept makes it allocate "), "{greedy}");
}
