//! The selected row of a list: its mark, its bar, and its place among all rows.
//!
//! ```text
//! Peers ── 50 ────────────────────── by state ── 3/50 ──
//! ▸● sending    192.0.2.4:6881   1.2 MiB/s               ← the bar goes from edge to edge of the screen
//! ```

use ratatui::layout::Rect;

use crate::ui::paint::{Pen, width};
use crate::ui::theme::Role;
use crate::units;

/// Columns of a rule that the place of the selected row leaves to what else stands there.
const LEAST_RULE: usize = 20;

/// Puts this mark left of a row, or of the first of several, and lays the bar behind them.
pub(crate) fn draw(pen: &mut Pen<'_>, rows: Rect, mark: &str) {
    if rows.is_empty() {
        return;
    }
    if rows.x > 0 {
        pen.put(rows.x - 1, rows.y, 1, mark, Role::Strong);
    }
    bar(pen, rows);
}

/// Lays the bar behind rows that have their mark in them, from the first column of the screen to the last.
pub(crate) fn bar(pen: &mut Pen<'_>, rows: Rect) {
    pen.select(Rect { x: 0, width: u16::MAX, ..rows });
}

/// Lays the bar behind a row in these columns alone; what is drawn in one part of it stays as it is.
pub(crate) fn around(pen: &mut Pen<'_>, row: Rect, kept: Rect) {
    for at in row.positions() {
        if !kept.contains(at) || pen.is_blank(at) {
            pen.select(Rect { x: at.x, y: at.y, width: 1, height: 1 });
        }
    }
}

/// Tells at the right end of a rule which of `count` rows is selected, and returns the part of the rule that is left for
/// its title. In few columns, and where none is selected, all of it.
pub(crate) fn place(pen: &mut Pen<'_>, rule: Rect, selected: Option<usize>, count: usize) -> Rect {
    let Some(at) = selected.filter(|at| *at < count) else { return rule };
    let said = format!(" {}/{} ", units::count(at as u64 + 1), units::count(count as u64));
    let columns = width(&said) + 2;
    if rule.is_empty() || columns + LEAST_RULE > usize::from(rule.width) {
        return rule;
    }
    let columns = columns as u16;
    let x = rule.right() - columns;
    let used = pen.put(x, rule.y, columns, &said, Role::Text);
    for x in x + used..rule.right() {
        pen.dot(x, rule.y, "─", Role::Rule);
    }
    Rect { width: rule.width - columns, ..rule }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::Look;
    use crate::ui::widgets::rule;

    fn told(columns: u16, selected: Option<usize>, count: usize) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
        let area = buf.area;
        let look = Look::default();
        let pen = &mut Pen::new(&mut buf, area, &look);
        let left = place(pen, area, selected, count);
        rule::draw(pen, left, "Peers", &crate::ui::paint::Spans::new(), "by state");
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn the_place_of_the_selected_row_ends_the_rule_where_there_is_room() {
        assert_eq!(told(36, Some(2), 28), "Peers ────────── by state ── 3/28 ──");
        assert_eq!(told(28, Some(2), 28), "Peers ── by state ── 3/28 ──");
        assert_eq!(told(24, Some(2), 28), "Peers ────── by state ──");
        assert_eq!(told(30, None, 28), "Peers ──────────── by state ──");
        assert_eq!(told(30, Some(28), 28), told(30, None, 28), "no row of the list");
    }
}
