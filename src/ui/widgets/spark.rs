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

/// The newest `span` values, in as many means as there are columns for, the newest last. `pushed` is the number of the
/// newest value of all that ever were: each mean is of values that belong together by their number, so that it goes to the
/// left as it is when others follow.
pub(crate) fn means(newest_last: &[u64], span: usize, columns: usize, pushed: u64) -> Vec<u64> {
    if columns == 0 || span == 0 {
        return Vec::new();
    }
    let values = &newest_last[newest_last.len().saturating_sub(span)..];
    let each = span.div_ceil(columns);
    // How many values the newest mean is of as yet.
    let begun = (pushed.saturating_sub(1) % each as u64) as usize + 1;
    let mut means: Vec<u64> = Vec::with_capacity(columns);
    let (mut rest, mut take) = (values, begun);
    while !rest.is_empty() && means.len() < columns {
        let (older, these) = rest.split_at(rest.len().saturating_sub(take));
        let sum = these.iter().fold(0, |sum: u64, value| sum.saturating_add(*value));
        means.push(sum / these.len().max(1) as u64);
        (rest, take) = (older, each);
    }
    means.reverse();
    means
}

/// Draws such means as a curve in the area's first row, the newest at its right; `most` is full.
pub(crate) fn line(pen: &mut Pen<'_>, area: Rect, means: &[u64], most: u64, role: Role) {
    if area.is_empty() {
        return;
    }
    let most = most.max(1);
    let means = &means[means.len().saturating_sub(usize::from(area.width))..];
    let from = area.right() - means.len() as u16;
    let levels: &[&str] = if pen.look.is_ascii() {
        &["_", ".", ":", "|"]
    } else {
        // A whole block would touch the row above.
        &["▁", "▂", "▃", "▄", "▅", "▆", "▇"]
    };
    for (mean, x) in means.iter().zip(from..).filter(|(mean, _)| **mean > 0) {
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
        let drawn_in = |look, columns: u16, values: &[u64]| {
            let means = means(values, 6, columns.into(), values.len() as u64);
            let most = means.iter().copied().max().unwrap_or(0);
            drawn(look, columns, |pen, area| line(pen, area, &means, most, Role::Down))
        };
        let curve = |look, values: &[u64]| drawn_in(look, 6, values);
        let unicode = Look::default();
        assert_eq!(curve(unicode, &[]), "      ");
        assert_eq!(curve(unicode, &[8]), "     ▇");
        assert_eq!(curve(unicode, &[1, 0, 4, 8]), "  ▁ ▄▇");
        assert_eq!(curve(unicode, &[9, 9, 9, 1, 2, 3, 4, 5, 8]), "▁▂▃▄▅▇");
        assert_eq!(curve(Look { glyphs: Glyphs::Ascii, ..unicode }, &[1, 0, 4, 8]), "  _ :|");
        let halves = |values: &[u64]| drawn_in(unicode, 3, values);
        assert_eq!(halves(&[8, 8, 4, 4, 0, 0]), "▇▄ ");
        assert_eq!(halves(&[8]), "  ▇", "seconds before the first are not counted");
        assert_eq!(halves(&[u64::MAX; 6]), "▇▇▇");
    }

    #[test]
    fn a_mean_goes_to_the_left_as_it_is() {
        let mut random = fastrand::Rng::with_seed(3);
        let all: Vec<u64> = (0..90).map(|_| random.u64(..1000)).collect();
        for (columns, each) in [(15, 2), (12, 3), (30, 1)] {
            let mut before: Vec<u64> = Vec::new();
            for seconds in 31..all.len() {
                let now = means(&all[seconds - 30..seconds], 30, columns, seconds as u64);
                let shift = usize::from((seconds - 1) % each == 0);
                if !before.is_empty() {
                    let kept =
                        |means: &[u64], from: usize, to: usize| means[from.min(means.len())..to].to_vec();
                    // All but the newest, which is not over, and the oldest, which falls out.
                    let (old, new) = (before.len() - usize::from(shift == 0), now.len() - 1);
                    let count = old.min(new).saturating_sub(1);
                    assert_eq!(
                        kept(&now, new - count, new),
                        kept(&before, old - count, old),
                        "{columns}: {seconds}"
                    );
                }
                before = now;
            }
        }
    }

    #[test]
    fn a_bar_of_nothing_is_none() {
        let bar = |share| drawn(Look::default(), 4, |pen, area| beside(pen, area, share, 100, Role::Down));
        assert_eq!([bar(0), bar(1), bar(50), bar(200)], ["    ", "╸───", "━━──", "━━━━"]);
    }
}
