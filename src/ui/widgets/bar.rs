//! Bars: how much is done, with its percentage in it or as a thin line; shares in eighths of a cell; and parts behind
//! each other.

use ratatui::layout::Rect;

use crate::ui::paint::{Pen, Spans, width};
use crate::ui::theme::{Glyphs, Role};

/// A cell that is filled from its left by so many eighths.
const EIGHTHS: [&str; 8] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// How many of `cells` a share of the whole fills.
pub(super) fn filled(share: u64, whole: u64, cells: u64) -> u64 {
    let exact = u128::from(share) * u128::from(cells) / u128::from(whole.max(1));
    u64::try_from(exact).unwrap_or(cells).min(cells)
}

/// A bar of blocks across the area's first row, filled up to `done` of `total`, with a few words in it. It is full only
/// when all is done.
pub(crate) fn progress(pen: &mut Pen<'_>, area: Rect, done: u64, total: u64, words: &str) {
    if area.is_empty() {
        return;
    }
    let ascii = pen.look.glyphs == Glyphs::Ascii;
    let eighths = filled(done, total, u64::from(area.width) * 8) as u16;
    let (full, part) = (eighths / 8, if ascii { 0 } else { usize::from(eighths % 8) });
    for at in 0..area.width {
        let (glyph, role) = match () {
            () if at < full => ("█", Role::Progress),
            () if at == full && part > 0 => (EIGHTHS[part], Role::Progress),
            () => ("─", Role::Rule),
        };
        pen.dot(area.x + at, area.y, glyph, role);
    }
    let words = format!(" {words} ");
    let columns = width(&words) as u16;
    // At the end of what is done, or where that is too short, behind it.
    let inside = full >= columns;
    let x = if inside { area.x + full - columns } else { area.x + full + u16::from(part > 0) };
    if inside || x + columns <= area.right() {
        pen.put(x, area.y, columns, &words, Role::Progress);
    }
    if inside && !ascii {
        pen.point(Rect { x, width: columns, height: 1, ..area });
    }
}

/// A thin line across the area's first row, filled up to `done` of `total`.
pub(crate) fn line(pen: &mut Pen<'_>, area: Rect, done: u64, total: u64) {
    if area.is_empty() {
        return;
    }
    let halves = filled(done, total, u64::from(area.width) * 2) as u16;
    for at in 0..area.width {
        let (glyph, role) = match halves.saturating_sub(at * 2) {
            0 => ("─", Role::Rule),
            1 => ("╸", Role::Progress),
            _ => ("━", Role::Progress),
        };
        pen.dot(area.x + at, area.y, glyph, role);
    }
}

/// The same as a part of a line of text.
pub(crate) fn line_spans(columns: usize, done: u64, total: u64) -> Spans {
    line_spans_as(Role::Progress, columns, done, total)
}

/// The same where it tells of something else than how much is done.
pub(crate) fn line_spans_as(role: Role, columns: usize, done: u64, total: u64) -> Spans {
    let halves = filled(done, total, columns as u64 * 2) as usize;
    let (full, half) = (halves / 2, halves % 2);
    Spans::new()
        .add(role, "━".repeat(full) + ["", "╸"][half])
        .add(Role::Rule, "─".repeat(columns - full - half))
}

/// A bar of blocks, in eighths of a cell: `share` of `most` fills `columns` columns. Something is never drawn as nothing.
pub(crate) fn blocks(
    pen: &mut Pen<'_>,
    (x, y): (u16, u16),
    columns: u16,
    (share, most): (u64, u64),
    role: Role,
) {
    let eighths = filled(share, most, u64::from(columns) * 8).max(u64::from(share > 0));
    let bar = if pen.look.glyphs == Glyphs::Ascii {
        "#".repeat(eighths.div_ceil(8) as usize)
    } else {
        "█".repeat((eighths / 8) as usize) + EIGHTHS[(eighths % 8) as usize].trim_end()
    };
    pen.put(x, y, columns, &bar, role);
}

/// A part of a bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// How much of the whole it is.
    pub(crate) share: u64,
    /// What it is drawn with, but for the first of a bar, which is of blocks.
    pub(crate) glyph: &'static str,
    /// How that looks.
    pub(crate) role: Role,
}

/// Parts of a whole behind each other, of which the first is in eighths. Each has a cell at least.
pub(crate) fn stacked(pen: &mut Pen<'_>, area: Rect, parts: &[Part], whole: u64) {
    let Some((first, tails)) = parts.split_first().filter(|_| !area.is_empty()) else { return };
    blocks(pen, (area.x, area.y), area.width, (first.share, whole), first.role);
    let columns = u64::from(area.width);
    let cells = |share: u64| filled(share, whole, columns * 8).div_ceil(8) as u16;
    let (mut sum, mut from) = (first.share, cells(first.share).max(u16::from(first.share > 0)));
    for part in tails.iter().filter(|part| part.share > 0) {
        sum = sum.saturating_add(part.share);
        let to = cells(sum).max(from + 1).min(area.width);
        for at in from..to {
            pen.put(area.x + at, area.y, 1, part.glyph, part.role);
        }
        from = to.max(from);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::Look;

    fn drawn_on(columns: u16, draw: impl Fn(&mut Pen<'_>, Rect)) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
        let area = buf.area;
        draw(&mut Pen::new(&mut buf, area, &Look::default()), area);
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    fn drawn(draw: impl Fn(&mut Pen<'_>, Rect)) -> String {
        drawn_on(8, draw)
    }

    #[test]
    fn a_line_goes_in_half_columns_and_is_full_only_when_all_is_done() {
        assert_eq!(drawn(|pen, area| line(pen, area, 0, 100)), "────────");
        assert_eq!(drawn(|pen, area| line(pen, area, 20, 100)), "━╸──────");
        assert_eq!(drawn(|pen, area| line(pen, area, 99, 100)), "━━━━━━━╸");
        assert_eq!(drawn(|pen, area| line(pen, area, 100, 100)), "━━━━━━━━");
        assert_eq!(drawn(|pen, area| line(pen, area, u64::MAX, 1)), "━━━━━━━━");
        for done in [0, 1, 20, 99, 100, u64::MAX] {
            let shown = drawn(|pen, area| line(pen, area, done, 100));
            assert_eq!(line_spans(8, done, 100).text(), shown, "as a part of a line");
        }
    }

    #[test]
    fn the_percentage_stands_in_the_bar_at_the_end_of_what_is_done() {
        let bar = |done, words: &str| drawn_on(16, |pen, area| progress(pen, area, done, 1000, words));
        assert_eq!(bar(0, "0 %"), " 0 % ───────────");
        assert_eq!(bar(100, "10 %"), "█▌ 10 % ────────");
        assert_eq!(bar(500, "50 %"), "██ 50 % ────────");
        assert_eq!(bar(999, "99 %"), "█████████ 99 % ▉");
        assert_eq!(bar(1000, "100 %"), "█████████ 100 % ");
        assert_eq!(drawn_on(4, |pen, area| progress(pen, area, 1, 100, "1 %")), "────");
    }

    #[test]
    fn one_of_many_is_still_a_sliver() {
        let share = |share, most| drawn(|pen, _| blocks(pen, (0, 0), 8, (share, most), Role::Dim));
        assert_eq!(share(1, 10_000), "▏       ");
        assert_eq!(share(5, 10), "████    ");
        assert_eq!(share(0, 10), "        ");
    }

    #[test]
    fn parts_stand_behind_each_other_and_end_where_the_whole_ends() {
        let stack = |shares: [u64; 3]| {
            let parts = [("", 0), ("░", 1), ("▒", 2)];
            let parts = parts.map(|(glyph, at)| Part { share: shares[at], glyph, role: Role::Text });
            drawn(|pen, area| stacked(pen, area, &parts, 8))
        };
        assert_eq!(stack([4, 2, 2]), "████░░▒▒");
        assert_eq!(stack([4, 2, 0]), "████░░  ");
        assert_eq!(stack([0, 2, 1]), "░░▒     ");
        assert_eq!(stack([8, 9, 9]), "████████");
        let tiny = [
            Part { share: 1000, glyph: "", role: Role::Text },
            Part { share: 1, glyph: "░", role: Role::Text },
        ];
        assert_eq!(drawn(|pen, area| stacked(pen, area, &tiny, 2000)), "████░   ");
    }
}
