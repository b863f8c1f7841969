//! A row of time: what happened when, what lasted, and what comes next, in words where there is room for them.
//!
//! ```text
//! ✗───────────✓━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┃·················◌
//! hung up     shook hands                            now    again in 4m
//! ```

use crate::event::At;
use crate::ui::paint::{Spans, width};
use crate::ui::theme::Role;

/// Columns between two words.
const GAP: usize = 2;

/// A moment that is marked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    /// When it was.
    pub(crate) at: At,
    /// What stands at its place.
    pub(crate) glyph: &'static str,
    /// What stands below it, where there is room.
    pub(crate) word: String,
    /// How glyph and word look.
    pub(crate) roles: (Role, Role),
}

/// What lasted from one moment to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    /// Since when.
    pub(crate) from: At,
    /// Until when.
    pub(crate) to: At,
    /// What it is drawn with.
    pub(crate) glyph: &'static str,
    /// How that looks.
    pub(crate) role: Role,
}

/// The time from one moment until now, and what comes next. What is to come has a quarter of the row, however far off it
/// is: its word says how far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TimeRow {
    /// Where it begins.
    pub(crate) from: At,
    /// Where the past ends.
    pub(crate) now: At,
    /// What lasted; a later one covers those before it.
    pub(crate) stretches: Vec<Stretch>,
    /// What happened, the most important first: it covers the others, and has its word.
    pub(crate) marks: Vec<Mark>,
    /// What comes next: its glyph, its word, and how both look.
    pub(crate) next: Option<(&'static str, String, Role)>,
}

impl TimeRow {
    /// The row and the words below it, in so many columns.
    pub(crate) fn lines(&self, columns: usize) -> [Spans; 2] {
        if columns == 0 {
            return [Spans::new(), Spans::new()];
        }
        let past = columns - if self.next.is_some() { columns / 4 } else { 0 };
        let mut cells = vec![("─", Role::Rule); columns];
        cells[past..].fill(("·", Role::Dim));
        for stretch in &self.stretches {
            let (from, to) = (self.place(stretch.from, past), self.place(stretch.to, past));
            cells[from..=to.max(from)].fill((stretch.glyph, stretch.role));
        }
        cells[past - 1] = ("┃", Role::Text);
        for mark in self.marks.iter().rev() {
            cells[self.place(mark.at, past)] = (mark.glyph, mark.roles.0);
        }
        let mut words = Words { columns, placed: Vec::new() };
        if let Some((glyph, word, role)) = &self.next {
            cells[columns - 1] = (glyph, *role);
            words.put(columns - 1, word, *role);
        }
        for mark in &self.marks {
            words.put(self.place(mark.at, past), &mark.word, mark.roles.1);
        }
        words.put(past - 1, "now", Role::Dim);
        [drawn(&cells), words.line()]
    }

    /// The cell of a moment, of so many up to now.
    fn place(&self, at: At, cells: usize) -> usize {
        let whole = self.now.saturating_sub(self.from).as_millis().max(1);
        let gone = at.saturating_sub(self.from).as_millis().min(whole);
        (gone * (cells - 1) as u128 / whole) as usize
    }
}

/// Cells that look alike, together.
fn drawn(cells: &[(&'static str, Role)]) -> Spans {
    let alike = cells.chunk_by(|one, other| one.1 == other.1);
    alike.fold(Spans::new(), |line, run| {
        line.add(run[0].1, run.iter().map(|(glyph, _)| *glyph).collect::<String>())
    })
}

/// Words in a line, each where it belongs or not at all.
struct Words<'a> {
    columns: usize,
    /// From which column to which, and how it looks.
    placed: Vec<(usize, usize, &'a str, Role)>,
}

impl<'a> Words<'a> {
    /// Puts a word below a cell, further left where the line ends.
    fn put(&mut self, cell: usize, word: &'a str, role: Role) {
        let wide = width(word);
        let Some(last) = self.columns.checked_sub(wide).filter(|_| wide > 0) else { return };
        let from = cell.min(last);
        let to = from + wide;
        if self.placed.iter().all(|(begin, end, ..)| from >= end + GAP || *begin >= to + GAP) {
            self.placed.push((from, to, word, role));
        }
    }

    fn line(mut self) -> Spans {
        self.placed.sort_unstable_by_key(|(from, ..)| *from);
        let (mut line, mut at) = (Spans::new(), 0);
        for (from, to, word, role) in self.placed {
            line.push(Role::Text, " ".repeat(from - at));
            line.push(role, word);
            at = to;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn s(seconds: u64) -> At {
        Duration::from_secs(seconds)
    }

    fn mark(at: At, glyph: &'static str, word: &str) -> Mark {
        Mark { at, glyph, word: word.to_owned(), roles: (Role::Text, Role::Text) }
    }

    #[test]
    fn everything_has_its_place_in_time() {
        let row = TimeRow {
            from: s(10),
            now: s(40),
            stretches: vec![Stretch { from: s(20), to: s(40), glyph: "━", role: Role::Sending }],
            marks: vec![mark(s(20), "✓", "open"), mark(s(10), "✗", "hung up")],
            next: None,
        };
        let [marks, words] = row.lines(31).map(|line| line.text());
        assert_eq!(marks, "✗─────────✓━━━━━━━━━━━━━━━━━━━┃");
        assert_eq!(words, "hung up   open              now");
        let next = Some(("◌", "again in 4m".to_owned(), Role::Waiting));
        let [marks, words] = TimeRow { next, ..row }.lines(40).map(|line| line.text());
        assert_eq!(marks, "✗────────✓━━━━━━━━━━━━━━━━━━━┃·········◌");
        assert_eq!(words, "hung up  open                again in 4m");
    }

    #[test]
    fn where_words_would_touch_the_most_important_stays() {
        let marks =
            vec![mark(s(50), "✓", "shook hands"), mark(s(49), "○", "open"), mark(s(1), "✗", "refused")];
        let row = TimeRow { now: s(100), marks, ..TimeRow::default() };
        let [_, words] = row.lines(41).map(|line| line.text());
        assert_eq!(words, "refused             shook hands       now");
        let [marks, words] = row.lines(5).map(|line| line.text());
        assert_eq!((marks.as_str(), words.as_str()), ("✗○✓─┃", " open"));
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_its_room(
            times in proptest::collection::vec(0u64..100, 0..9), (from, now) in (0u64..100, 0u64..100),
            columns in 0usize..60, next in any::<bool>(),
        ) {
            let marks = times.iter().map(|at| mark(s(*at), "✗", "no answer"));
            let stretch = |pair: &[u64]| Stretch { from: s(pair[0]), to: s(pair[1]), glyph: "━", role: Role::Text };
            let row = TimeRow {
                from: s(from),
                now: s(now),
                stretches: times.windows(2).map(stretch).collect(),
                marks: marks.collect(),
                next: next.then(|| ("◌", "again in 4m".to_owned(), Role::Waiting)),
            };
            let [cells, words] = row.lines(columns);
            prop_assert_eq!(cells.width(), columns);
            prop_assert!(words.width() <= columns);
        }
    }
}
