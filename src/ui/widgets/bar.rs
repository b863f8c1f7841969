//! Bars: a thin line for progress, blocks for the funnel.

use ratatui::layout::Rect;

use crate::ui::paint::Pen;
use crate::ui::theme::{Glyphs, Role};

/// A thin line across the area's first row, filled up to `done` of `total`.
pub(crate) fn progress(pen: &mut Pen<'_>, area: Rect, done: u64, total: u64) {
    if area.is_empty() {
        return;
    }
    let halves = u128::from(done) * u128::from(area.width) * 2 / u128::from(total.max(1));
    let halves = halves.min(u128::from(area.width) * 2) as u16;
    for at in 0..area.width {
        let (glyph, role) = match halves.saturating_sub(at * 2) {
            0 => ("─", Role::Rule),
            1 => ("╸", Role::Progress),
            _ => ("━", Role::Progress),
        };
        pen.put(area.x + at, area.y, 1, glyph, role);
    }
}

/// A bar of blocks: `share` of `most` fills `columns` columns. Something is never drawn as nothing.
pub(crate) fn blocks(
    pen: &mut Pen<'_>,
    (x, y): (u16, u16),
    columns: u16,
    (share, most): (u64, u64),
    role: Role,
) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(share) * u128::from(columns) * 8 / u128::from(most.max(1))) as u64;
    let eighths = eighths.min(u64::from(columns) * 8).max(u64::from(share > 0));
    if pen.look.glyphs == Glyphs::Ascii {
        let full = eighths.div_ceil(8) as usize;
        pen.put(x, y, columns, &"#".repeat(full), role);
    } else {
        let bar = "█".repeat((eighths / 8) as usize) + EIGHTHS[(eighths % 8) as usize];
        pen.put(x, y, columns, &bar, role);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::Look;

    fn drawn(draw: impl Fn(&mut Pen<'_>, Rect)) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 1));
        let area = buf.area;
        draw(&mut Pen::new(&mut buf, area, &Look::default()), area);
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn progress_goes_in_half_columns_and_is_full_only_when_done() {
        assert_eq!(drawn(|pen, area| progress(pen, area, 0, 100)), "────────");
        assert_eq!(drawn(|pen, area| progress(pen, area, 20, 100)), "━╸──────");
        assert_eq!(drawn(|pen, area| progress(pen, area, 99, 100)), "━━━━━━━╸");
        assert_eq!(drawn(|pen, area| progress(pen, area, 100, 100)), "━━━━━━━━");
        assert_eq!(drawn(|pen, area| progress(pen, area, u64::MAX, 1)), "━━━━━━━━");
    }

    #[test]
    fn one_of_many_is_still_a_sliver() {
        assert_eq!(drawn(|pen, _| blocks(pen, (0, 0), 8, (1, 10_000), Role::Dim)), "▏       ");
        assert_eq!(drawn(|pen, _| blocks(pen, (0, 0), 8, (5, 10), Role::Dim)), "████    ");
        assert_eq!(drawn(|pen, _| blocks(pen, (0, 0), 8, (0, 10), Role::Dim)), "        ");
    }
}
