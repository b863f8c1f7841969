//! A thin rule with a title: what begins here, and beside it what is worth knowing of it.
//!
//! ```text
//! Peers ── 50 ──────────────────────────────────── by state ──
//! ```

use ratatui::layout::Rect;

use crate::ui::paint::{Pen, Spans, width};
use crate::ui::theme::Role;

/// Columns of the title and the note with what stands between them.
fn used(title: &str, note: &Spans) -> usize {
    let title = if title.is_empty() { 0 } else { width(title) + 1 };
    let note = match note.width() {
        0 => 0,
        columns if title > 0 => columns + 4,
        columns => columns + 1,
    };
    title + note
}

/// Whether all of it has room in the area's first row.
pub(crate) fn fits(area: Rect, title: &str, note: &Spans, right: &str) -> bool {
    let columns = usize::from(area.width);
    let noted = note.width() == 0 || used(title, &Spans::new()) + note.width() + 6 <= columns;
    let right = if right.is_empty() { 0 } else { width(right) + 6 };
    noted && used(title, note) + right <= columns
}

/// Draws it across the area's first row. What does not fit is left out, what stands at the right first.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, title: &str, note: &Spans, right: &str) {
    if area.is_empty() {
        return;
    }
    for x in area.left()..area.right() {
        pen.dot(x, area.y, "─", Role::Rule);
    }
    let mut at = area.x;
    let room = |at: u16| area.right().saturating_sub(at);
    if !title.is_empty() {
        at += pen.put(at, area.y, area.width, title, Role::Strong);
        at += pen.put(at, area.y, room(at), " ", Role::Dim);
    }
    let fits = |text: usize, at: u16| usize::from(at - area.x) + text + 6 <= usize::from(area.width);
    if note.width() > 0 && fits(note.width(), at) {
        if at > area.x {
            at += pen.put(at, area.y, room(at), "── ", Role::Rule);
        }
        at += pen.spans(at, area.y, room(at), note);
        at += pen.put(at, area.y, room(at), " ", Role::Dim);
    }
    if !right.is_empty() && fits(width(right), at) {
        pen.put_right(area.right().saturating_sub(2), area.y, room(at), &format!(" {right} "), Role::Dim);
    }
}

/// The same as a line of text: a title, and what stands at its right where there is room for that.
pub(crate) fn line(title: &str, right: &str, room: usize) -> Spans {
    let right = if width(title) + width(right) + 6 <= room { right } else { "" };
    let used = width(title) + 1 + if right.is_empty() { 0 } else { width(right) + 4 };
    let mut line = Spans::new().add(Role::Strong, title).add(Role::Dim, " ");
    line.push(Role::Rule, "─".repeat(room.saturating_sub(used)));
    if !right.is_empty() {
        line.push(Role::Dim, format!(" {right} "));
        line.push(Role::Rule, "──");
    }
    line
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::Look;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let note = Spans::new().add(Role::Text, "50");
        let row = |columns: u16| {
            let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
            let area = buf.area;
            draw(&mut Pen::new(&mut buf, area, &Look::default()), area, "Peers", &note, "by state");
            buf.content().iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        assert_eq!(row(32), "Peers ── 50 ──────── by state ──");
        assert_eq!(row(20), "Peers ── 50 ────────");
        assert_eq!(row(7), "Peers ─");
        for columns in 0..40 {
            let area = Rect::new(0, 0, columns, 1);
            assert_eq!(
                fits(area, "Peers", &note, "by state"),
                row(columns).contains("by state"),
                "{columns}"
            );
        }
    }
}
