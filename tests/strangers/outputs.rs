//! What was written, by where, and held against what a terminal would act on.

use std::collections::{BTreeMap, BTreeSet};

use ttui::text::is_invisible;

use super::pty::position;
use super::support::program::Output;

/// What no terminal may get: the screen itself is drawn with other sequences.
const PARTS: [&str; 6] = ["\x1b]0;x", "\x1b[6n", "\u{202e}", "\u{200b}", "\u{2066}", "\u{9b}"];

/// Everything that was written.
#[derive(Default)]
pub(crate) struct Outputs(BTreeMap<&'static str, Vec<u8>>);

impl Outputs {
    /// Takes in what was drawn on a terminal.
    #[track_caller]
    pub(crate) fn drawn(&mut self, place: &'static str, bytes: &[u8]) {
        for part in PARTS {
            let found = position(bytes, part.as_bytes());
            assert!(found.is_none(), "{place}: {part:?} at {found:?}");
        }
        self.add(place, bytes);
    }

    /// Takes in lines that were written: a terminal shows them and does nothing else.
    #[track_caller]
    pub(crate) fn written(&mut self, place: &'static str, text: &str) {
        for line in text.split_inclusive('\n') {
            let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
            let acts = |c: &char| c.is_control() || is_invisible(*c) || ('\u{2028}'..='\u{2029}').contains(c);
            let found = line.chars().find(acts);
            assert_eq!(found, None, "{place}: {line:?}");
            // Reports for people break their lines at spaces, where they will.
            let forged = place != "check" && line.trim_start().starts_with("FORGED");
            assert!(!forged, "{place}: {line:?}");
        }
        self.add(place, text.as_bytes());
    }

    /// What a program wrote on standard output, and its complaints.
    #[track_caller]
    pub(crate) fn of(&mut self, place: &'static str, output: &Output) {
        for lines in [&output.stdout, &output.stderr] {
            self.written(place, &lines.join("\n"));
        }
    }

    fn add(&mut self, place: &'static str, bytes: &[u8]) {
        let all = self.0.entry(place).or_default();
        all.extend(bytes);
        all.push(b'\n');
    }

    /// The outputs that have a mark.
    pub(crate) fn that_have(&self, mark: &str) -> BTreeSet<&'static str> {
        let holding = self.0.iter().filter(|(_, bytes)| position(bytes, mark.as_bytes()).is_some());
        holding.map(|(place, _)| *place).collect()
    }

    pub(crate) fn places(&self) -> BTreeSet<&'static str> {
        self.0.keys().copied().collect()
    }
}

#[test]
#[should_panic(expected = "somewhere")]
fn notices_what_acts() {
    Outputs::default().written("somewhere", "a\u{9b}2J");
}

#[test]
#[should_panic(expected = "somewhere")]
fn notices_a_forged_line() {
    Outputs::default().written("somewhere", "a\nFORGED");
}

#[test]
#[should_panic(expected = "somewhere")]
fn notices_what_is_drawn() {
    Outputs::default().drawn("somewhere", b"\x1b[2Ja\x1b[6n");
}
