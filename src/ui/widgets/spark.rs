//! What fits into a cell of a table: a small bar, and a curve of one row.

use ratatui::layout::Rect;

use super::bar;
use crate::ui::paint::Pen;
use crate::ui::theme::Role;

/// A thin bar in half columns beside a number, so that those of rows below each other stay apart. What is nothing has
/// none, and something is never drawn as nothing.
pub(crate) fn beside(pen: &mut Pen<'_>, area: Rect, share: u64, most: u64, role: Role) {
    if area.is_empty() || share == 0 {
        return;
    }
    let halves = bar::filled(share, most, u64::from(area.width) * 2).max(1) as u16;
    let (full, half) = (halves / 2, halves % 2);
    pen.put(area.x, area.y, full, &"━".repeat(full.into()), role);
    pen.put(area.x + full, area.y, half, "╸", role);
    let rest = area.width - full - half;
    pen.put(area.right() - rest, area.y, rest, &"─".repeat(rest.into()), Role::Rule);
}

/// Draws values as a curve in the area's first row, the newest at its right: each column stands for as many of the newest
/// `span` values as fall to it, and the highest is full.
pub(crate) fn line(pen: &mut Pen<'_>, area: Rect, newest_last: &[u64], span: usize, role: Role) {
    let columns = usize::from(area.width);
    if area.is_empty() || span == 0 {
        return;
    }
    let first = newest_last.len().saturating_sub(span);
    let values = &newest_last[first..];
    // Before the first value there was none.
    let before = span - values.len();
    let of = |column: usize| {
        let (from, to) =
            (column * span / columns, ((column + 1) * span / columns).max(column * span / columns + 1));
        let known = from.max(before)..to.max(before);
        let sum = known
            .clone()
            .filter_map(|at| values.get(at - before))
            .fold(0, |sum: u64, value| sum.saturating_add(*value));
        sum / known.len().max(1) as u64
    };
    let means: Vec<u64> = (0..columns).map(of).collect();
    let most = means.iter().copied().max().unwrap_or(0).max(1);
    let levels: &[&str] = if pen.look.is_ascii() {
        &["_", ".", ":", "|"]
    } else {
        // A whole block would touch the row above.
        &["▁", "▂", "▃", "▄", "▅", "▆", "▇"]
    };
    for (mean, x) in means.iter().zip(area.x..).filter(|(mean, _)| **mean > 0) {
        let level = u128::from(*mean) * levels.len() as u128 / u128::from(most);
        let level = (level as usize).min(levels.len() - 1);
        pen.put(x, area.y, 1, levels[level], role);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::{Glyphs, Look};

    fn drawn(look: Look, columns: u16, draw: impl Fn(&mut Pen<'_>, Rect)) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
        let area = buf.area;
        draw(&mut Pen::new(&mut buf, area, &look), area);
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn a_curve_ends_now_and_begins_when_there_was_something() {
        let curve = |look, values: &[u64]| drawn(look, 6, |pen, area| line(pen, area, values, 6, Role::Down));
        let unicode = Look::default();
        assert_eq!(curve(unicode, &[]), "      ");
        assert_eq!(curve(unicode, &[8]), "     ▇");
        assert_eq!(curve(unicode, &[1, 0, 4, 8]), "  ▁ ▄▇");
        assert_eq!(curve(unicode, &[9, 9, 9, 1, 2, 3, 4, 5, 8]), "▁▂▃▄▅▇");
        assert_eq!(curve(Look { glyphs: Glyphs::Ascii, ..unicode }, &[1, 0, 4, 8]), "  _ :|");
        let halves = |values: &[u64]| drawn(unicode, 3, |pen, area| line(pen, area, values, 6, Role::Down));
        assert_eq!(halves(&[8, 8, 4, 4, 0, 0]), "▇▄ ");
        assert_eq!(halves(&[8]), "  ▇", "seconds before the first are not counted");
        assert_eq!(halves(&[u64::MAX; 6]), "▇▇▇");
    }

    #[test]
    fn a_bar_of_nothing_is_none() {
        let bar = |share| drawn(Look::default(), 4, |pen, area| beside(pen, area, share, 100, Role::Down));
        assert_eq!([bar(0), bar(1), bar(50), bar(200)], ["    ", "╸───", "━━──", "━━━━"]);
    }
}
