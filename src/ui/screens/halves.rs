//! Lines across a page, or beside each other where it has the columns for two.

use ratatui::layout::Rect;

use crate::ui::paint::{Pen, Spans, inset, take_top};

/// Columns of a page that has two.
pub(super) const TWO_COLUMNS_FROM: u16 = 120;
/// Columns between them.
const GAP: u16 = 2;

/// A line of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Across the page.
    Whole(Spans),
    /// Beside each other, the left one in as many columns as stand first.
    Halves(u16, Spans, Spans),
}

/// Columns that are right of the gap.
pub(super) fn right_of(left: u16, room: u16) -> u16 {
    room.saturating_sub(left + GAP)
}

/// Lines that stand beside each other, the left ones in this many columns.
pub(super) fn beside(
    columns: u16,
    mut left: Vec<Spans>,
    mut right: Vec<Spans>,
) -> impl Iterator<Item = Line> {
    let rows = left.len().max(right.len());
    left.resize(rows, Spans::new());
    right.resize(rows, Spans::new());
    left.into_iter().zip(right).map(move |(left, right)| Line::Halves(columns, left, right))
}

/// Draws lines below each other, as many as there are rows for, within a margin of a column.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, lines: &[Line]) {
    let mut rows = inset(area, 1, 1);
    for line in lines {
        let row = take_top(&mut rows, 1);
        if row.is_empty() {
            return;
        }
        match line {
            Line::Whole(text) => _ = pen.spans(row.x, row.y, row.width, text),
            Line::Halves(left, one, other) => {
                pen.spans(row.x, row.y, *left, one);
                pen.spans(row.x + left + GAP, row.y, right_of(*left, row.width), other);
            }
        }
    }
}
