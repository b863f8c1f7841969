//! Throughput over time: what comes grows upwards, what goes hangs below it, on one time axis.

use ratatui::layout::Rect;

use crate::event::Sample;
use crate::ledger::Series;
use crate::ui::model::Window;
use crate::ui::paint::Pen;
use crate::ui::theme::{Glyphs, Role, STEPS};
use crate::units::Units;

/// Points that a scale is found from: no screen shows more of them, and fewer of them are never higher.
const SCALE_POINTS: usize = 400;

/// The samples of a window in `points` points, oldest first, the newest at the end; `None` before the run began.
///
/// The points divide the window and reach no further back. Points and samples are numbered from the beginning of the run, so
/// that each point has its samples for good: they wander to the left as they are and never change on their way. A point that
/// stands for several samples is their mean; a sample that is several points wide stays so.
pub(crate) fn points(series: &Series, window: Window, points: usize) -> Vec<Option<Sample>> {
    let seconds = series.seconds.len();
    let pushed = usize::try_from(series.pushed).unwrap_or(usize::MAX).max(seconds);
    let (span, _) = span(series, window);
    let (samples, newest) = match window {
        Window::Run if in_minutes(series) => (&series.minutes, (pushed / 60).max(series.minutes.len())),
        _ => (&series.seconds, pushed),
    };
    if points == 0 {
        return Vec::new();
    }
    let oldest = newest - samples.len();
    // The sample in which a point begins, and the point in which a sample ends.
    let begins = |point: u128| (point * span as u128 / points as u128) as usize;
    let last_point = (newest as u128 * points as u128).div_ceil(span as u128).saturating_sub(1);
    let mean = |point: usize| {
        let number = (last_point + point as u128 + 1).checked_sub(points as u128)?;
        let first = begins(number);
        let (from, to) = (first.max(oldest), begins(number + 1).max(first + 1).min(newest));
        let (mut sum, mut count) = (Sample::default(), 0);
        for sample in (from..to).filter_map(|at| samples.get(at - oldest)) {
            sum.down_bps = sum.down_bps.saturating_add(sample.down_bps);
            sum.up_bps = sum.up_bps.saturating_add(sample.up_bps);
            count += 1;
        }
        (count > 0).then(|| Sample { down_bps: sum.down_bps / count, up_bps: sum.up_bps / count })
    };
    (0..points).map(mean).collect()
}

/// How many seconds a window has.
pub(crate) fn seconds_in(series: &Series, window: Window) -> usize {
    let (span, of_sample) = span(series, window);
    span * of_sample
}

/// How many samples a window has, and how many seconds each stands for.
fn span(series: &Series, window: Window) -> (usize, usize) {
    match window {
        Window::Minute => (60, 1),
        Window::FiveMinutes => (300, 1),
        Window::Quarter => (900, 1),
        Window::Hour => (3600, 1),
        Window::Run if in_minutes(series) => (in_steps(series.minutes.len()), 60),
        Window::Run => (in_steps(series.seconds.len().max(60)), 1),
    }
}

/// A span that grows in steps of an eighth at most, so that a curve of the whole run keeps its shape in between.
fn in_steps(span: usize) -> usize {
    let step = (span.next_power_of_two() / 16).max(1);
    span.next_multiple_of(step)
}

/// Whether the whole run is longer than its seconds are kept.
fn in_minutes(series: &Series) -> bool {
    series.minutes.len() * 60 > series.seconds.len() + 60
}

/// The ends of both scales. They go up at once and come down late, so that a rate which wavers about a round
/// number does not move the whole drawing with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scales {
    /// For which window and units.
    of: Option<(Window, Units)>,
    down: u64,
    up: u64,
}

impl Scales {
    /// The scales for what a window shows now.
    pub(crate) fn take_in(&mut self, series: &Series, window: Window, units: Units) {
        let kept = if self.of == Some((window, units)) { *self } else { Self::default() };
        let shown = points(series, window, SCALE_POINTS);
        let most = |rate: fn(&Sample) -> u64| shown.iter().flatten().map(rate).max().unwrap_or(0);
        self.of = Some((window, units));
        self.down = settled(kept.down, most(|sample| sample.down_bps), units);
        self.up = settled(kept.up, most(|sample| sample.up_bps), units);
    }

    /// The end of the scale of what comes, and its label; at least as much as `most`.
    pub(crate) fn down(&self, most: u64, units: Units) -> (u64, String) {
        scale(self.down.max(most), units)
    }

    /// The same of what goes.
    pub(crate) fn up(&self, most: u64, units: Units) -> (u64, String) {
        scale(self.up.max(most), units)
    }
}

/// The end of a scale that was at `before` and has to hold `most`.
fn settled(before: u64, most: u64, units: Units) -> u64 {
    let wanted = scale(most, units).0;
    // A fifteenth more must still fit before it comes down.
    let comes_down = scale(most.saturating_add(most / 15), units).0 < before;
    if wanted > before || comes_down { wanted } else { before }
}

/// The round numbers that scales end at, in hundredths of a unit: each is at most a quarter more than the one before, so
/// that with what a scale waits before it comes down, no more than a quarter of a graph stays empty.
const ENDS: [u64; 40] = [
    100, 120, 150, 180, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000, 1200, 1500, 1800, 2000, 2500,
    3000, 3500, 4000, 5000, 6000, 7000, 8000, 10_000, 12_000, 15_000, 18_000, 20_000, 25_000, 30_000, 35_000,
    40_000, 50_000, 60_000, 70_000, 80_000, 90_000,
];

/// The end of a scale that holds `most`, and its label: a round number, so that it seldom changes.
pub(crate) fn scale(most: u64, units: Units) -> (u64, String) {
    let (step, names) = match units {
        Units::Binary => (1024, ["KiB", "MiB", "GiB", "TiB"]),
        Units::Decimal => (1000, ["kB", "MB", "GB", "TB"]),
    };
    let mut unit = step;
    for name in names {
        for hundredths in ENDS {
            let end = u64::try_from(u128::from(unit) * u128::from(hundredths) / 100).unwrap_or(u64::MAX);
            if end >= most && end >= 10 * step {
                let tenth = hundredths % 100 / 10;
                let tenth = if tenth > 0 { format!(".{tenth}") } else { String::new() };
                return (end, format!("{}{tenth} {name}", hundredths / 100));
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

/// The points of a curve, from 0 to `full`, and how it looks at each step of its height, 0 on the axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Points<'a> {
    pub(crate) values: &'a [u64],
    pub(crate) full: u64,
    pub(crate) ramp: fn(u8) -> Role,
}

/// The step of a ramp in this row of an area, of a curve that grows so.
pub(crate) fn step(area: Rect, y: u16, grows: Grows) -> u8 {
    let from_axis =
        if grows == Grows::Up { area.bottom().saturating_sub(y + 1) } else { y.saturating_sub(area.y) };
    match area.height {
        // Where there is a row only, it is neither foot nor top.
        1 => STEPS / 2,
        height => Role::step(u64::from(from_axis), u64::from(height)),
    }
}

/// Draws one value a point into the area.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, Points { values, full, ramp }: Points<'_>, grows: Grows) {
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
        let (left, right) = (height(cell[0]), cell.get(1).map_or(0, |value| height(*value)));
        for row in 0..area.height {
            // Rows counted from the axis.
            let from_axis = u64::from(if grows == Grows::Up { area.height - 1 - row } else { row });
            let within = |height: u64| height.saturating_sub(from_axis * steps_a_row).min(steps_a_row);
            let glyph = match glyphs {
                Glyphs::Braille => braille(within(left), within(right), grows),
                Glyphs::Blocks if grows == Grows::Up => {
                    [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][within(left) as usize]
                }
                Glyphs::Blocks => [' ', '▀', '█'][within(left) as usize],
                Glyphs::Ascii if grows == Grows::Up => [' ', '.', '#'][within(left) as usize],
                Glyphs::Ascii => [' ', '\'', '#'][within(left) as usize],
            };
            if glyph != ' ' {
                let mut text = [0; 4];
                let text = glyph.encode_utf8(&mut text);
                let role = ramp(step(area, area.y + row, grows));
                pen.dot(area.x + column as u16, area.y + row, text, role);
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
    fn a_step_of_several_seconds_wanders_to_the_left_as_it_is() {
        let mut series = series(&[]);
        let mut random = fastrand::Rng::with_seed(5);
        let mut before: Vec<Option<Sample>> = Vec::new();
        for second in 0..4000_u64 {
            series.seconds.push_back(Sample { down_bps: random.u64(..1000), up_bps: second });
            if series.seconds.len() > 3600 {
                series.seconds.pop_front();
            }
            series.pushed += 1;
            if second < 3700 {
                continue;
            }
            // Sixty points of sixty seconds each, of which the newest is still growing.
            let now = points(&series, Window::Hour, 60);
            if !before.is_empty() {
                let shift = usize::from(series.pushed % 60 == 1);
                assert_eq!(now[1..59 - shift], before[1 + shift..59], "second {second}");
            }
            before = now;
        }
    }

    #[test]
    fn a_curve_goes_to_the_left_by_whole_points_and_keeps_its_shape() {
        let mut series = series(&[]);
        let mut random = fastrand::Rng::with_seed(7);
        // As many points as its newest second is wide, whatever number of them there is room for.
        for count in [60, 92, 104, 130, 187] {
            let mut before: Vec<Option<Sample>> = Vec::new();
            for second in 0..150 {
                series.seconds.push_back(Sample { down_bps: random.u64(..1000), up_bps: second });
                series.pushed += 1;
                let now = points(&series, Window::Minute, count);
                let wide = now.iter().rev().take_while(|point| **point == now[count - 1]).count();
                assert!((count / 60..=count.div_ceil(60)).contains(&wide), "{count} points: {wide}");
                if !before.is_empty() {
                    assert_eq!(now[..count - wide], before[wide..], "{count} points, second {second}");
                }
                before = now;
            }
        }
    }

    #[test]
    fn every_window_reaches_from_its_edge_to_now() {
        let mut series = series(&(1..=3600).collect::<Vec<u64>>());
        series.pushed = 10_000;
        for (window, span) in [
            (Window::Minute, 60_u64),
            (Window::FiveMinutes, 300),
            (Window::Quarter, 900),
            (Window::Hour, 3600),
        ] {
            for count in [1, 7, 52, 104, 240, 700] {
                let shown = points(&series, window, count);
                assert_eq!(shown.len(), count);
                let last = shown[count - 1].unwrap().down_bps;
                let first = shown[0].unwrap().down_bps;
                let a_step = span.div_ceil(count as u64);
                let edge = 3600 - span;
                let reach = edge..=edge + 2 * a_step;
                assert!(last > 3600 - a_step && reach.contains(&first), "{window:?} {count}: {first} {last}");
            }
            assert_eq!(seconds_in(&series, window) as u64, span);
        }
        assert_eq!(points(&series, Window::Run, 9).len(), 9);
        assert!(points(&series, Window::Hour, 0).is_empty());
    }

    #[test]
    fn the_whole_run_fills_the_graph_but_for_an_eighth() {
        for seconds in [60, 61, 93, 150, 1000, 3600] {
            let series = series(&vec![7; seconds]);
            for count in [45, 92, 200] {
                let shown = points(&series, Window::Run, count);
                let blank = shown.iter().take_while(|point| point.is_none()).count();
                assert!(blank <= count / 8 + 1, "{seconds} s in {count} points: {blank} blank");
            }
        }
    }

    #[test]
    fn a_scale_goes_up_at_once_and_comes_down_late() {
        let units = Units::Binary;
        let mib = 1 << 20;
        let mut end = 0;
        let mut ends = Vec::new();
        for tenths in [90, 100, 101, 100, 99, 110, 97, 94, 93, 70, 30] {
            end = settled(end, tenths * mib / 10, units);
            ends.push(scale(end, units).1);
        }
        let expected = ["10", "10", "12", "12", "12", "12", "12", "12", "10", "7", "3"];
        assert_eq!(ends, expected.map(|end| format!("{end} MiB")));
        assert_eq!(settled(20 * mib, 0, units), scale(0, units).0);
    }

    #[test]
    fn no_more_than_a_quarter_of_a_graph_stays_empty() {
        for units in [Units::Binary, Units::Decimal] {
            let mut random = fastrand::Rng::with_seed(7);
            let (mut end, mut most) = (0, 1 << 20);
            for _ in 0..100_000 {
                most = (most as f64 * (0.9 + 0.2 * random.f64())).clamp(20_000.0, 5e12) as u64;
                end = settled(end, most, units);
                // A whole unit is not ten hundreds of the one before it where these are counted in 1024s.
                assert!(end >= most && most as f64 >= end as f64 * 0.74, "{most} of {end}");
            }
        }
    }

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!(scale(0, Units::Binary), (10 << 10, "10 KiB".to_owned()));
        assert_eq!(scale(19 << 20, Units::Binary), (20 << 20, "20 MiB".to_owned()));
        assert_eq!(scale(901 << 10, Units::Binary), (1 << 20, "1 MiB".to_owned()));
        assert_eq!(scale(21_000_000, Units::Decimal), (25_000_000, "25 MB".to_owned()));
        assert_eq!(scale(1_100_000, Units::Decimal), (1_200_000, "1.2 MB".to_owned()));
        let step = |pair: &[u64]| pair[1] * 100 / pair[0];
        assert!(ENDS.windows(2).all(|pair| (101..=125).contains(&step(pair))));
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
