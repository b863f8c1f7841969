//! What the fuzz targets check, quickly: every input that is kept, and changes of it, from one seed; for longer, where
//! there is no nightly toolchain, with `TTUI_FUZZ_RUNS=n` changes.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

use std::fs;
use std::path::Path;

#[expect(unreachable_pub, reason = "the fuzz targets reach it")]
#[path = "../fuzz/src/lib.rs"]
mod feeds;

/// Changed inputs for each parser.
const CHANGED: usize = 1000;
/// Those of the parser that calculates with large numbers, or unpacks.
const CHANGED_SLOW: usize = 60;

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
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

fn try_out(feed: feeds::Feed, input: &[u8], what: &str) {
    let holds = std::panic::catch_unwind(|| feed(input)).is_ok();
    assert!(holds, "{what}: {}", input.escape_ascii());
}

#[test]
fn every_parser_takes_what_is_kept_and_changes_of_it() {
    for (name, feed) in feeds::ALL {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "nothing is kept for {name}");
        for (file, input) in &inputs {
            try_out(feed, input, &format!("{name}/{file}"));
        }
        let slow = ["mse", "recording"].contains(&name);
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
            try_out(feed, &changed, &format!("a change of {name}/{file}"));
        }
        feed(&[]);
    }
}
