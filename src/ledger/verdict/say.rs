//! Numbers and times as sentences have them.

use std::time::Duration;

use crate::units;

/// `1 peer`, `7 peers`, `15 104 pieces`: nouns that take an s.
pub(super) fn many(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", units::count(count.into())) }
}

/// A number in a sentence.
pub(super) fn count(count: u32) -> String {
    units::count(count.into())
}

/// A rough time: `about 40 seconds`, `about a minute`, `about 3 hours`.
pub(super) fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, noun) = match seconds {
        0..10 => return "a few seconds".to_owned(),
        // To the nearest five: beside the exact number a rougher one reads as another.
        10..55 => return format!("about {} seconds", (seconds + 2) / 5 * 5),
        55..3570 => ((seconds + 30) / 60, "minute"),
        3570..127_800 => ((seconds + 1800) / 3600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    match (count, noun) {
        (1, "hour") => "about an hour".to_owned(),
        (1, _) => format!("about a {noun}"),
        _ => format!("about {} {noun}s", units::count(count)),
    }
}

/// A time that went by: `34 seconds`, `3 minutes`, `1 hour`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, noun) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", units::count(count)) }
}

/// Columns of a headline at most: a row of 40 columns less its glyph and margins.
pub(super) const MOST_COLUMNS: usize = 36;

/// What is told in full, from which shorter words are made.
pub(super) struct Told<'a> {
    pub(super) text: &'a str,
    pub(super) advice: &'a str,
    pub(super) evidence: &'a [(&'static str, u64)],
}

impl Told<'_> {
    /// A number of the evidence, where it is there.
    pub(super) fn seen(&self, name: &str) -> Option<u64> {
        self.evidence.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.seen(name).unwrap_or_default()
    }

    pub(super) fn count(&self, name: &str) -> String {
        units::count(self.number(name))
    }

    pub(super) fn many(&self, name: &str, noun: &str) -> String {
        many(u32::try_from(self.number(name)).unwrap_or(u32::MAX), noun)
    }

    /// This in place of the text, and the advice less what stands behind its semicolon.
    pub(super) fn in_brief(&self, told: String) -> (String, String) {
        (told, first_clause(self.advice))
    }

    /// The text up to the first of these ends, and this behind it, in place of the text.
    pub(super) fn cut_at(&self, ends: &[&str], then: &str) -> (String, String) {
        self.in_brief(format!("{}{then}", &self.text[..self.end(ends)]))
    }

    /// The text where it fits into a row, and this otherwise.
    pub(super) fn or_short(&self, otherwise: &str) -> String {
        short(self.text, otherwise)
    }

    /// What stands before the first of these ends, as a sentence.
    pub(super) fn head(&self, ends: &[&str]) -> String {
        match self.end(ends) {
            end if end == self.text.len() => self.text.to_owned(),
            end => format!("{}.", &self.text[..end]),
        }
    }

    /// Where the first of these ends begins in the text, or where it is over.
    fn end(&self, ends: &[&str]) -> usize {
        ends.iter().filter_map(|end| self.text.find(end)).min().unwrap_or(self.text.len())
    }
}

/// The text where it fits into a row of 40 columns, and this otherwise.
pub(super) fn short(text: &str, otherwise: &str) -> String {
    if text.chars().count() <= MOST_COLUMNS { text.to_owned() } else { otherwise.to_owned() }
}

/// The first sentence, or what stands before its semicolon; one of a word or two takes the next with it.
pub(super) fn first_sentence(text: &str) -> String {
    let ends = text.match_indices([';', '.']).map(|(end, _)| end);
    let mut ends = ends.filter(|&end| end >= 20 && text[end + 1..].starts_with(' '));
    ends.next().map_or_else(|| text.to_owned(), |end| format!("{}.", &text[..end]))
}

/// An advice less what stands behind its semicolon.
pub(super) fn first_clause(advice: &str) -> String {
    advice.split_once("; ").map_or_else(|| advice.to_owned(), |(first, _)| format!("{first}."))
}

/// The sentence for use after a colon: its first letter small, unless it begins a name.
pub(super) fn after_colon(sentence: &str) -> String {
    let mut chars = sentence.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::verdict::VerdictCode;
    use crate::ledger::verdict::table::{Kind, Rule};

    #[test]
    fn says_times_as_people_do() {
        for (seconds, said) in [
            (3, "a few seconds"),
            (15, "about 15 seconds"),
            (34, "about 35 seconds"),
            (38, "about 40 seconds"),
            (58, "about a minute"),
            (168, "about 3 minutes"),
            (3600, "about an hour"),
            (80_000, "about 22 hours"),
            (200_000, "about 2 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), said);
        }
        assert_eq!(span(Duration::from_secs(34)), "34 seconds");
        assert_eq!(span(Duration::from_secs(180)), "3 minutes");
    }

    #[test]
    fn makes_the_first_letter_small_except_in_names() {
        assert_eq!(after_colon("The 3 live peers wait."), "the 3 live peers wait.");
        assert_eq!(after_colon("41 of 48"), "41 of 48");
        assert_eq!(after_colon("TCP"), "TCP");
    }

    fn headline(code: VerdictCode, kind: Kind, text: &str, evidence: &[(&'static str, u64)]) -> String {
        (Rule::of(code, kind).unwrap().headline)(&Told { text, advice: "", evidence })
    }

    /// Whether this takes one row.
    fn fits(headline: &str) -> bool {
        headline.chars().count() <= MOST_COLUMNS && headline.ends_with('.')
    }

    #[test]
    fn great_numbers_fit_the_row_too() {
        let told = |code, kind, text: &str, evidence: &[(&'static str, u64)]| {
            let headline = headline(code, kind, text, evidence);
            assert!(fits(&headline), "{headline}");
            headline
        };
        told(VerdictCode::DialsTimeOut, Kind::Trouble, "", &[("timed_out", 12_345), ("dialled", 20_000)]);
        told(VerdictCode::TrackersFailing, Kind::Trouble, "", &[("trackers", 500)]);
        told(VerdictCode::SnubbedByMost, Kind::Note, "", &[("silent", 999), ("open", 1000)]);
        told(
            VerdictCode::Healthy,
            Kind::Note,
            "",
            &[("failed", 12_345), ("known", 20_000), ("offline", 12_000)],
        );
        told(VerdictCode::Healthy, Kind::Whole, "Going well. All", &[("sending", 1200)]);
        told(VerdictCode::PiecesMissing, Kind::Trouble, "", &[("unheld", 999_999)]);
        told(VerdictCode::CutRegularly, Kind::Trouble, "", &[("lasted_s", 119)]);
        let slow = told(VerdictCode::Slow, Kind::Whole, "", &[("sending", 120), ("down_bps", 32_700)]);
        assert_eq!(slow, "Slow: 31.9 KiB/s from 120 peers.");
        let starting = told(VerdictCode::Healthy, Kind::Whole, "Getting started. All", &[("sending", 7)]);
        assert_eq!(starting, "Getting started.");
        let full = "Stopped: no space is left in /home/somebody/with/a/long/path.";
        assert_eq!(told(VerdictCode::DiskTrouble, Kind::Whole, full, &[]), "Stopped: the disk refuses.");
    }

    #[test]
    fn a_text_that_is_short_stands_as_it_is() {
        let unknown = |text: &str| headline(VerdictCode::Unknown, Kind::Last, text, &[]);
        assert_eq!(unknown("Asking 3 trackers for peers."), "Asking 3 trackers for peers.");
        assert_eq!(unknown("Nobody is connected: none of the 5 peers shook hands."), "Nobody is connected.");
        let stalled = "Nothing has arrived for 34 seconds: 3 peers are connected, and none of them sends.";
        assert_eq!(
            headline(VerdictCode::Stalled, Kind::Last, stalled, &[]),
            "Nothing has arrived for 34 seconds."
        );
    }
}
