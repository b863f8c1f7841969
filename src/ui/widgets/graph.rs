//! Throughput over time: what comes grows upwards, what goes hangs below it, on one time axis.

use ratatui::layout::Rect;

use crate::event::Sample;
use crate::ledger::Series;
use crate::ui::model::Window;
use crate::ui::paint::Pen;
use crate::ui::theme::{Glyphs, Role};
use crate::units::Units;

/// The samples of a window in `points` steps, oldest first; `None` before the run began.
pub(crate) fn points(series: &Series, window: Window, points: usize) -> Vec<Option<Sample>> {
    let (samples, span) = match window {
        Window::Minute => (&series.seconds, 60),
        Window::FiveMinutes => (&series.seconds, 300),
        Window::Quarter => (&series.seconds, 900),
        Window::Hour => (&series.seconds, 3600),
        Window::Run if series.minutes.len() * 60 > series.seconds.len() + 60 => {
            (&series.minutes, series.minutes.len())
        }
        Window::Run => (&series.seconds, series.seconds.len().max(60)),
    };
    // How many samples of the window were never taken, and how many are older than it.
    let absent = span.saturating_sub(samples.len());
    let older = samples.len().saturating_sub(span);
    let mean = |point: usize| {
        let from = point * span / points.max(1);
        let to = ((point + 1) * span / points.max(1)).max(from + 1);
        let range = from.max(absent)..to.max(absent);
        let (mut sum, mut count) = (Sample::default(), 0);
        for at in range {
            if let Some(sample) = samples.get(at - absent + older) {
                sum.down_bps = sum.down_bps.saturating_add(sample.down_bps);
                sum.up_bps = sum.up_bps.saturating_add(sample.up_bps);
                count += 1;
            }
        }
        (count > 0).then(|| Sample { down_bps: sum.down_bps / count, up_bps: sum.up_bps / count })
    };
    (0..points).map(mean).collect()
}

/// The end of a scale that holds `most`, and its label: 1, 2 or 5 with zeros, so that it seldom changes.
pub(crate) fn scale(most: u64, units: Units) -> (u64, String) {
    let (step, names) = match units {
        Units::Binary => (1024, ["KiB", "MiB", "GiB", "TiB"]),
        Units::Decimal => (1000, ["kB", "MB", "GB", "TB"]),
    };
    let mut unit = step;
    for name in names {
        for count in [1, 2, 5, 10, 20, 50, 100, 200, 500] {
            if unit * count >= most && unit * count >= 10 * step {
                return (unit * count, format!("{count} {name}"));
            }
        }
        unit *= step;
    }
    (most, String::new())
}

/// Which end of a column of the graph stands on the axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grows {
    Up,
    Down,
}

/// How many points the graph shows in so many columns.
pub(crate) fn points_in(columns: u16, glyphs: Glyphs) -> usize {
    usize::from(columns) * if glyphs == Glyphs::Braille { 2 } else { 1 }
}

/// Draws one value a point into the area, from 0 to `full`.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, values: &[u64], full: u64, grows: Grows, role: Role) {
    if area.is_empty() {
        return;
    }
    let glyphs = pen.look.glyphs;
    let steps_a_row: u64 = match glyphs {
        Glyphs::Braille => 4,
        Glyphs::Blocks if grows == Grows::Up => 8,
        Glyphs::Blocks | Glyphs::Ascii => 2,
    };
    let steps = steps_a_row * u64::from(area.height);
    let height = |value: u64| {
        let exact = u128::from(value) * u128::from(steps) / u128::from(full.max(1));
        (exact.min(u128::from(steps)) as u64).max(u64::from(value > 0))
    };
    let a_cell = if glyphs == Glyphs::Braille { 2 } else { 1 };
    for (column, cell) in values.chunks(a_cell).enumerate().take(usize::from(area.width)) {
        for row in 0..area.height {
            // Rows counted from the axis.
            let from_axis = u64::from(if grows == Grows::Up { area.height - 1 - row } else { row });
            let within = |value: u64| height(value).saturating_sub(from_axis * steps_a_row).min(steps_a_row);
            let glyph = match glyphs {
                Glyphs::Braille => {
                    braille(within(cell[0]), cell.get(1).map_or(0, |value| within(*value)), grows)
                }
                Glyphs::Blocks if grows == Grows::Up => {
                    [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][within(cell[0]) as usize]
                }
                Glyphs::Blocks => [' ', '▀', '█'][within(cell[0]) as usize],
                Glyphs::Ascii if grows == Grows::Up => [' ', '.', '#'][within(cell[0]) as usize],
                Glyphs::Ascii => [' ', '\'', '#'][within(cell[0]) as usize],
            };
            if glyph != ' ' {
                let mut text = [0; 4];
                let text = glyph.encode_utf8(&mut text);
                pen.put(area.x + column as u16, area.y + row, 1, text, role);
            }
        }
    }
}

/// Two columns of up to four dots each, standing or hanging.
fn braille(left: u64, right: u64, grows: Grows) -> char {
    const LEFT: [u32; 4] = [0x40, 0x04, 0x02, 0x01];
    const RIGHT: [u32; 4] = [0x80, 0x20, 0x10, 0x08];
    let dots = |count: u64, bits: [u32; 4]| -> u32 {
        let count = count as usize;
        match grows {
            Grows::Up => bits[..count].iter().sum(),
            Grows::Down => bits[4 - count..].iter().sum(),
        }
    };
    match dots(left, LEFT) + dots(right, RIGHT) {
        0 => ' ',
        bits => char::from_u32(0x2800 + bits).unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[u64]) -> Series {
        let seconds = values.iter().map(|&down_bps| Sample { down_bps, up_bps: 0 }).collect();
        Series { seconds, ..Series::default() }
    }

    #[test]
    fn the_newest_sample_is_the_last_point_and_the_time_before_the_run_is_empty() {
        let shown = points(&series(&[7, 8, 9]), Window::Minute, 60);
        assert_eq!(shown[56], None);
        assert_eq!(shown[57].unwrap().down_bps, 7);
        assert_eq!(shown[59].unwrap().down_bps, 9);
    }

    #[test]
    fn more_samples_than_points_become_their_mean() {
        let shown = points(&series(&[10; 300]), Window::FiveMinutes, 10);
        assert!(shown.iter().all(|point| point.unwrap().down_bps == 10));
        let shown = points(&series(&[0, 10].repeat(30)), Window::Minute, 30);
        assert!(shown.iter().all(|point| point.unwrap().down_bps == 5));
    }

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!(scale(0, Units::Binary), (10 << 10, "10 KiB".to_owned()));
        assert_eq!(scale(19 << 20, Units::Binary), (20 << 20, "20 MiB".to_owned()));
        assert_eq!(scale(501 << 10, Units::Binary), (1 << 20, "1 MiB".to_owned()));
        assert_eq!(scale(21_000_000, Units::Decimal), (50_000_000, "50 MB".to_owned()));
    }

    #[test]
    fn braille_stands_on_its_axis_or_hangs_from_it() {
        assert_eq!(braille(1, 1, Grows::Up), '⣀');
        assert_eq!(braille(4, 4, Grows::Up), '⣿');
        assert_eq!(braille(1, 1, Grows::Down), '⠉');
        assert_eq!(braille(2, 2, Grows::Down), '⠛');
        assert_eq!(braille(0, 0, Grows::Up), ' ');
    }
}
