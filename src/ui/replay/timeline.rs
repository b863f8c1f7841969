//! The line of time of a recording: which column shows which moment.

use ratatui::layout::Rect;

use crate::event::At;
use crate::record::Playback;

/// A whole recording from its beginning to its end, over the columns of an area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timeline {
    /// Where it is drawn.
    pub(crate) area: Rect,
    begin: At,
    end: At,
}

impl Timeline {
    /// The line of a recording in this area.
    pub(crate) fn new(area: Rect, playback: &Playback) -> Self {
        Self { area, begin: playback.begin, end: playback.end }
    }

    /// How long the recording is, at least a moment.
    fn whole_ns(&self) -> u128 {
        self.end.saturating_sub(self.begin).as_nanos().max(1)
    }

    /// The column of a moment, counted from the first one of the area.
    pub(crate) fn column(&self, at: At) -> u16 {
        let gone = at.saturating_sub(self.begin).as_nanos();
        let last = u128::from(self.area.width.saturating_sub(1));
        (gone * u128::from(self.area.width) / self.whole_ns()).min(last) as u16
    }

    /// The moment that this column of the screen stands for: the first one is the beginning, the last one the end.
    pub(crate) fn moment(&self, x: u16) -> At {
        let last = self.area.width.saturating_sub(1);
        let column = x.saturating_sub(self.area.x).min(last);
        let gone = self.whole_ns() * u128::from(column) / u128::from(last.max(1));
        let gone = At::from_nanos(u64::try_from(gone).unwrap_or(u64::MAX));
        (self.begin + gone).min(self.end)
    }

    /// One column farther or back from a moment, and a second at least.
    pub(crate) fn beside(&self, at: At, forward: bool) -> At {
        let a_column =
            (self.end.saturating_sub(self.begin) / u32::from(self.area.width.max(1))).max(At::from_secs(1));
        let moved = if forward { at + a_column } else { at.saturating_sub(a_column) };
        moved.clamp(self.begin, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(columns: u16, begin: u64, end: u64) -> Timeline {
        let area = Rect::new(7, 3, columns, 1);
        Timeline { area, begin: At::from_millis(begin), end: At::from_millis(end) }
    }

    #[test]
    fn a_column_stands_for_a_moment_that_is_shown_in_it() {
        for columns in [1, 2, 3, 17, 80, 500] {
            for (begin, end) in [(0, 1), (0, 60_000), (1_500, 1_731_250), (0, 40_000_000_000)] {
                let line = line(columns, begin, end);
                for column in 0..columns {
                    let at = line.moment(line.area.x + column);
                    assert_eq!(line.column(at), column, "{columns} columns, {begin} to {end}");
                }
            }
        }
    }

    #[test]
    fn its_ends_are_the_ends_of_the_recording() {
        let line = line(50, 1_000, 91_000);
        assert_eq!((line.moment(0), line.moment(7)), (line.begin, line.begin));
        assert_eq!((line.moment(56), line.moment(500)), (line.end, line.end));
        assert_eq!((line.column(At::ZERO), line.column(At::MAX)), (0, 49));
    }

    #[test]
    fn beside_it_is_a_column_on_and_never_less_than_a_second() {
        let long = line(100, 0, 1_000_000);
        assert_eq!(long.beside(At::from_secs(500), true), At::from_secs(510));
        assert_eq!(long.beside(At::from_secs(5), false), At::ZERO);
        let short = line(100, 0, 3_000);
        assert_eq!(short.beside(At::from_millis(1_500), false), At::from_millis(500));
        assert_eq!(short.beside(At::from_millis(2_500), true), At::from_secs(3));
        let none = line(0, 0, 0);
        assert_eq!(
            (none.column(At::MAX), none.moment(9), none.beside(At::MAX, false)),
            (0, At::ZERO, At::ZERO)
        );
    }
}
