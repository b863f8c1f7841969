//! What hashing the files on disk found.

use std::fmt::Write;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::json_line;
use crate::metainfo::{Bitfield, File, Torrent};
use crate::storage::Verdicts;
use crate::text::clean;
use crate::units::{self, Units};

/// Files that are named; more are counted.
const MOST_FILES: usize = 200;
/// Characters of a path.
const MOST_PATH_CHARS: usize = 400;

#[derive(Serialize)]
struct Verified<'a> {
    schema: &'static str,
    pieces: u32,
    good: u32,
    bad: Vec<u32>,
    missing: Vec<u32>,
    files: Vec<Damaged<'a>>,
}

/// A file that is not whole, and the pieces of it that are bad or missing. A piece that lies in two files is named with
/// both.
#[derive(Serialize)]
struct Damaged<'a> {
    path: &'a str,
    bad: Vec<u32>,
    missing: Vec<u32>,
    /// Pieces in which it lies.
    #[serde(skip)]
    of: usize,
}

/// The verdicts as one line of JSON, with every file that is not whole.
pub fn json(torrent: &Torrent, verdicts: &Verdicts) -> String {
    json_line(&Verified {
        schema: "ttui.verify/1",
        pieces: looked_at(verdicts),
        good: verdicts.good.count(),
        bad: verdicts.bad.numbers().collect(),
        missing: verdicts.missing.numbers().collect(),
        files: damaged(torrent, verdicts).collect(),
    })
}

/// The verdicts in lines for a person.
pub fn text(torrent: &Torrent, verdicts: &Verdicts) -> String {
    let name = clean(&torrent.name, 200);
    let all = u64::from(looked_at(verdicts));
    let size = units::bytes(bytes_looked_at(torrent, verdicts), Units::Binary);
    if verdicts.bad.is_empty() && verdicts.missing.is_empty() {
        let pieces = if all == 1 {
            "its only piece is".to_owned()
        } else {
            format!("all {} pieces are", units::count(all))
        };
        return format!("{name}: {pieces} verified ({size})\n");
    }
    let mut lines = format!(
        "{name}: {} of {} pieces are verified ({size} in all)\n",
        units::count(u64::from(verdicts.good.count())),
        units::count(all)
    );
    for (label, pieces) in [("bad", &verdicts.bad), ("missing", &verdicts.missing)] {
        if !pieces.is_empty() {
            let count = units::count(u64::from(pieces.count()));
            let _ = writeln!(lines, "{label:<8} {count}: {}", ranges(pieces.numbers()));
        }
    }
    files(&mut lines, torrent, verdicts);
    lines
}

/// How many pieces were looked at.
fn looked_at(verdicts: &Verdicts) -> u32 {
    verdicts.good.count() + verdicts.bad.count() + verdicts.missing.count()
}

fn bytes_looked_at(torrent: &Torrent, verdicts: &Verdicts) -> u64 {
    if looked_at(verdicts) == verdicts.good.len() {
        return torrent.geometry.total_bytes();
    }
    let numbers = [&verdicts.good, &verdicts.bad, &verdicts.missing].into_iter().flat_map(Bitfield::numbers);
    let pieces = numbers.filter_map(|number| torrent.geometry.piece(number));
    pieces.map(|piece| u64::from(torrent.geometry.length_of(piece))).sum()
}

/// What of which file is bad or missing.
fn files(lines: &mut String, torrent: &Torrent, verdicts: &Verdicts) {
    let mut files = damaged(torrent, verdicts);
    for file in files.by_ref().take(MOST_FILES) {
        let told = [("bad", &file.bad), ("missing", &file.missing)].into_iter();
        let told =
            told.filter(|(_, some)| !some.is_empty()).map(|(label, some)| match some.len() == file.of {
                true => format!("all {label}"),
                false => format!("{label} {}", ranges(some.iter().copied())),
            });
        let told = told.collect::<Vec<_>>().join("; ");
        let _ = writeln!(lines, "  {}: {told}", clean(file.path, MOST_PATH_CHARS));
    }
    let left_out = files.count() as u64;
    if left_out > 0 {
        let _ = writeln!(lines, "  and in {} more files", units::count(left_out));
    }
}

/// The files that are not whole, in the order of the torrent.
fn damaged<'a>(torrent: &'a Torrent, verdicts: &Verdicts) -> impl Iterator<Item = Damaged<'a>> {
    let files = torrent.files.iter().filter(|file| !file.pad && file.length > 0);
    let files = files.map(|file| {
        let pieces = pieces_of(torrent, file);
        let [bad, missing] =
            [&verdicts.bad, &verdicts.missing].map(|among| within(torrent, among, pieces.clone()));
        Damaged { path: file.path.as_str(), bad, missing, of: pieces.count() }
    });
    files.filter(|file| !(file.bad.is_empty() && file.missing.is_empty()))
}

/// The pieces in which a file that is not empty lies.
fn pieces_of(torrent: &Torrent, file: &File) -> RangeInclusive<u32> {
    let piece = u64::from(torrent.geometry.piece_bytes());
    let number = |offset: u64| u32::try_from(offset / piece).unwrap_or(u32::MAX);
    number(file.offset)..=number(file.offset + file.length.saturating_sub(1))
}

fn within(torrent: &Torrent, pieces: &Bitfield, range: RangeInclusive<u32>) -> Vec<u32> {
    let has = |number: &u32| torrent.geometry.piece(*number).is_some_and(|piece| pieces.has(piece));
    range.filter(has).collect()
}

/// `3, 7-9`
fn ranges(pieces: impl Iterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in pieces {
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
            json(&torrent, &some),
            r#"{"schema":"ttui.verify/1","pieces":10,"good":5,"bad":[7],"missing":[0,2,3,4],"files":[{"path":"n","bad":[7],"missing":[0,2,3,4]}]}"#
        );
        assert_eq!(
            text(&torrent, &some),
            "n: 5 of 10 pieces are verified (100 B in all)\nbad      1: 7\nmissing  4: 0, 2-4\n  n: bad 7; missing 0, 2-4\n"
        );
        let whole = verdicts(&torrent, &[], &[]);
        assert_eq!(text(&torrent, &whole), "n: all 10 pieces are verified (100 B)\n");
        let mut few = verdicts(&torrent, &[], &[]);
        (3..10).for_each(|number| _ = few.good.clear(torrent.geometry.piece(number).unwrap()));
        assert_eq!(
            text(&torrent, &few),
            "n: all 3 pieces are verified (30 B)\n",
            "where no others were looked at"
        );
    }

    #[test]
    fn names_the_files_in_which_pieces_are_bad_or_missing() {
        let files: [(&str, &[u8]); 5] =
            [("whole", &[1; 25]), ("empty", &[]), ("part", &[2; 40]), ("gone", &[3; 15]), ("last", &[4; 20])];
        let torrent = Torrent::from_bytes(&NewTorrent::of_files("n", 10, &files).to_bytes()).unwrap();
        let some = verdicts(&torrent, &[4], &[6, 7]);
        let told = text(&torrent, &some);
        let lines: Vec<&str> = told.lines().skip(3).collect();
        assert_eq!(lines, ["  n/part: bad 4; missing 6", "  n/gone: all missing"]);
        let told: serde_json::Value = serde_json::from_str(&json(&torrent, &some)).unwrap();
        let part = serde_json::json!({"path": "n/part", "bad": [4], "missing": [6]});
        let gone = serde_json::json!({"path": "n/gone", "bad": [], "missing": [6, 7]});
        assert_eq!(told["files"], serde_json::json!([part, gone]));
        let whole: serde_json::Value =
            serde_json::from_str(&json(&torrent, &verdicts(&torrent, &[], &[]))).unwrap();
        assert_eq!(whole["files"], serde_json::json!([]));

        // Of very many files the first are named.
        let names: Vec<String> = (0..1_300).map(|number| format!("{number:04}")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &[5u8; 10][..])).collect();
        let torrent = Torrent::from_bytes(&NewTorrent::of_files("n", 10, &files).to_bytes()).unwrap();
        let all: Vec<u32> = (0..1_300).collect();
        let told = text(&torrent, &verdicts(&torrent, &[], &all));
        let lines: Vec<&str> = told.lines().skip(2).collect();
        assert_eq!((lines.len(), lines[199]), (201, "  n/0199: all missing"));
        assert_eq!(lines[200], "  and in 1 100 more files");
    }
}
