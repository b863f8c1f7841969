//! What has more lines than room: which of them are in sight, and a mark that says so and how to get to the others.
//!
//! ```text
//!  ↓ 12 more lines                                   ↑ ↓ PgUp PgDn scroll
//! ```

use ratatui::layout::Rect;

use crate::ui::action::Action;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, inset, take_bottom, width};
use crate::ui::theme::Role;
use crate::units;

/// Rows of so many that are for the lines themselves, where these stand in so many halves.
fn room(lines: usize, rows: usize, halves: usize) -> usize {
    // Where not all fit, the last row says so; in one row there is nothing but lines.
    if lines <= rows * halves || rows < 2 { rows } else { rows - 1 }
}

/// How far so many lines can be scrolled in so many rows.
pub(super) fn furthest(lines: usize, rows: usize, halves: usize) -> usize {
    lines.saturating_sub(room(lines, rows, halves) * halves)
}

/// The first of so many lines that is in sight at this scroll, and the area for them; what is above and below is
/// told in the last row.
pub(super) fn window(
    pen: &mut Pen<'_>,
    area: Rect,
    model: &Model,
    (lines, halves): (usize, usize),
    scroll: usize,
) -> (usize, Rect) {
    let rows = usize::from(area.height);
    let room = room(lines, rows, halves);
    let first = scroll.min(furthest(lines, rows, halves));
    let mut body = area;
    if room < rows {
        let row = inset(take_bottom(&mut body, 1), 1, 1);
        let below = lines.saturating_sub(first + room * halves);
        mark(pen, row, model, first, below);
    }
    (first, body)
}

fn mark(pen: &mut Pen<'_>, row: Rect, model: &Model, above: usize, below: usize) {
    let lines = |count: usize| if count == 1 { "line" } else { "lines" };
    let said = match (above, below) {
        (0, below) => format!("↓ {} more {}", units::count(below as u64), lines(below)),
        (above, 0) => format!("↑ {} {} above", units::count(above as u64), lines(above)),
        (above, below) => {
            format!(
                "↓ {} more {} · ↑ {} above",
                units::count(below as u64),
                lines(below),
                units::count(above as u64)
            )
        }
    };
    let used = pen.put(row.x, row.y, row.width, &said, Role::Strong);
    let keys: Vec<String> = [Action::Up, Action::Down, Action::PageUp, Action::PageDown]
        .into_iter()
        .filter_map(|action| model.keys.name_here(action, model))
        .collect();
    let keys = format!("{} scroll", keys.join(" "));
    if usize::from(used) + 2 + width(&keys) <= usize::from(row.width) {
        pen.put_right(row.right(), row.y, row.width, &keys, Role::Dim);
    }
}

/// Rows in which a line is worth more than the count of those without room.
const FEW: usize = 3;

/// Draws lines below each other. Those for which there is no room and which no key brings into sight are counted in
/// the last row; where there are few rows, that ends in `…`.
pub(super) fn shortened(pen: &mut Pen<'_>, area: Rect, lines: &[Spans]) {
    let rows = usize::from(area.height);
    let counts = lines.len() > rows && rows >= FEW;
    let shown = if counts { rows - 1 } else { rows };
    for (line, y) in lines.iter().take(shown).zip(area.top()..area.bottom()) {
        pen.spans(area.x, y, area.width, line);
    }
    let left = lines.len().saturating_sub(shown);
    if left == 0 || area.is_empty() {
        return;
    }
    let last = area.bottom() - 1;
    if counts {
        let said = format!("… {left} more {} in a taller window", if left == 1 { "line" } else { "lines" });
        pen.put(area.x, last, area.width, &said, Role::Dim);
    } else {
        pen.put(area.right() - 1, last, 1, "…", Role::Dim);
    }
}

/// How many of so many rows are not among those in sight: `↓ 12 more`, `↑ 3 ↓ 9 more`.
pub(super) fn hidden(visible: &[usize], count: usize) -> String {
    let above = visible.first().copied().unwrap_or(0);
    let below = count.saturating_sub(visible.last().map_or(0, |last| last + 1));
    match (above, below) {
        (0, 0) => String::new(),
        (above, 0) => format!("↑ {} more", units::count(above as u64)),
        (0, below) => format!("↓ {} more", units::count(below as u64)),
        (above, below) => format!("↑ {} ↓ {} more", units::count(above as u64), units::count(below as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_takes_a_row_only_where_it_has_something_to_say() {
        assert_eq!((room(20, 20, 1), furthest(20, 20, 1)), (20, 0));
        assert_eq!((room(21, 20, 1), furthest(21, 20, 1)), (19, 2));
        assert_eq!((room(41, 20, 2), furthest(41, 20, 2)), (19, 3));
        assert_eq!((room(9, 1, 1), furthest(9, 1, 1)), (1, 8));
    }

    #[test]
    fn rows_out_of_sight_are_counted_on_either_side() {
        assert_eq!(hidden(&[0, 1, 2], 3), "");
        assert_eq!(hidden(&[0, 1], 9), "↓ 7 more");
        assert_eq!(hidden(&[7, 8], 9), "↑ 7 more");
        assert_eq!(hidden(&[2, 3], 9), "↑ 2 ↓ 5 more");
        assert_eq!(hidden(&[], 0), "");
    }
}
