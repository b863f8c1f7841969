//! What hashing the files on disk found.

use std::fmt::Write;

use serde::Serialize;

use super::json_line;
use crate::metainfo::{Bitfield, Torrent};
use crate::storage::Verdicts;
use crate::text::clean;
use crate::units::{self, Units};

#[derive(Serialize)]
struct Verified {
    schema: &'static str,
    pieces: u32,
    good: u32,
    bad: Vec<u32>,
    missing: Vec<u32>,
}

/// The verdicts as one line of JSON.
pub fn json(verdicts: &Verdicts) -> String {
    json_line(&Verified {
        schema: "ttui.verify/1",
        pieces: verdicts.good.len(),
        good: verdicts.good.count(),
        bad: verdicts.bad.numbers().collect(),
        missing: verdicts.missing.numbers().collect(),
    })
}

/// The verdicts in lines for a person.
pub fn text(torrent: &Torrent, verdicts: &Verdicts) -> String {
    let name = clean(&torrent.name, 200);
    let all = u64::from(verdicts.good.len());
    let size = units::bytes(torrent.geometry.total_bytes(), Units::Binary);
    if verdicts.good.is_full() {
        let pieces = if all == 1 {
            "its only piece is".to_owned()
        } else {
            format!("all {} pieces are", units::count(all))
        };
        return format!("{name}: {pieces} good ({size})\n");
    }
    let mut lines = format!(
        "{name}: {} of {} pieces are good ({size} in all)\n",
        units::count(u64::from(verdicts.good.count())),
        units::count(all)
    );
    for (label, pieces) in [("bad", &verdicts.bad), ("missing", &verdicts.missing)] {
        if !pieces.is_empty() {
            let count = units::count(u64::from(pieces.count()));
            let _ = writeln!(lines, "{label:<8} {count}: {}", ranges(pieces));
        }
    }
    lines
}

/// `3, 7-9`
fn ranges(pieces: &Bitfield) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in pieces.numbers() {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::NewTorrent;

    fn verdicts(torrent: &Torrent, bad: &[u32], missing: &[u32]) -> Verdicts {
        let count = torrent.geometry.piece_count();
        let set = |numbers: &[u32]| {
            let mut set = Bitfield::empty(count);
            for &number in numbers {
                set.set(torrent.geometry.piece(number).unwrap());
            }
            set
        };
        let good: Vec<u32> =
            (0..count).filter(|number| !bad.contains(number) && !missing.contains(number)).collect();
        Verdicts { good: set(&good), bad: set(bad), missing: set(missing), finished: true }
    }

    #[test]
    fn names_bad_and_missing_pieces() {
        let torrent = Torrent::from_bytes(&NewTorrent::of_file("n", 10, &[1; 100]).to_bytes()).unwrap();
        let some = verdicts(&torrent, &[7], &[0, 2, 3, 4]);
        assert_eq!(
            json(&some),
            r#"{"schema":"ttui.verify/1","pieces":10,"good":5,"bad":[7],"missing":[0,2,3,4]}"#
        );
        assert_eq!(
            text(&torrent, &some),
            "n: 5 of 10 pieces are good (100 B in all)\nbad      1: 7\nmissing  4: 0, 2-4\n"
        );
        let whole = verdicts(&torrent, &[], &[]);
        assert_eq!(text(&torrent, &whole), "n: all 10 pieces are good (100 B)\n");
    }
}
