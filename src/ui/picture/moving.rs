//! A film of a screen: one picture that goes on by itself and begins again at its end.
//!
//! Each row that changes is a window onto a strip on which its states lie beside each other, every one of them once; an
//! animation puts the strip where the state of the moment is in sight. Rows that stay are drawn as in a still. What does
//! not animate shows the first frame.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{CELL, drawn, framed};

/// A row of the screen, of which only some states differ.
struct Row {
    states: Vec<Buffer>,
    /// From which millisecond on which state is in sight.
    shown: Vec<(u128, usize)>,
}

impl Row {
    /// What stands in a row in these frames.
    fn of(frames: &[(Duration, Buffer)], y: u16) -> Self {
        let mut row = Self { states: Vec::new(), shown: Vec::new() };
        for (at, frame) in frames {
            let columns = frame.area.width;
            let from = usize::from(y) * usize::from(columns);
            let content = frame.content()[from..from + usize::from(columns)].to_vec();
            let state = Buffer { area: Rect::new(0, 0, columns, 1), content };
            let known = row.states.iter().position(|known| *known == state);
            let number = known.unwrap_or_else(|| {
                row.states.push(state);
                row.states.len() - 1
            });
            if row.shown.last().is_none_or(|(_, before)| *before != number) {
                row.shown.push((at.as_millis(), number));
            }
        }
        row
    }

    /// The row as a part of a film of this length.
    fn drawn(&self, y: u16, length: Duration) -> String {
        let Some(first) = self.states.first() else { return String::new() };
        let (width, top) = (i32::from(first.area.width) * CELL.0, i32::from(y) * CELL.1);
        if let [still] = self.states.as_slice() {
            return format!("<g transform=\"translate(0 {top})\">\n{}</g>\n", drawn(still));
        }
        let ms = length.as_millis().max(1);
        let join = |mut list: String, item: String| {
            let _ = write!(list, "{}{item}", if list.is_empty() { "" } else { ";" });
            list
        };
        // In ten-thousandths of the whole, with no more digits than they need.
        let time = |at: u128| match at * 10_000 / ms {
            0 => "0".to_owned(),
            part => format!(".{part:04}").trim_end_matches('0').to_owned(),
        };
        let times = self.shown.iter().map(|(at, _)| time(*at)).fold(String::new(), join);
        let places = self.shown.iter().map(|(_, state)| (-width * *state as i32).to_string());
        let places = places.fold(String::new(), join);
        let mut row = format!(
            "<svg y=\"{top}\" width=\"{width}\" height=\"{}\"><g>\n<animateTransform attributeName=\"transform\" \
             type=\"translate\" calcMode=\"discrete\" dur=\"{ms}ms\" repeatCount=\"indefinite\" keyTimes=\"{times}\" \
             values=\"{places}\"/>\n",
            CELL.1
        );
        for (state, number) in self.states.iter().zip(0..) {
            let _ = write!(row, "<g transform=\"translate({})\">\n{}</g>\n", width * number, drawn(state));
        }
        row + "</g></svg>\n"
    }
}

/// The film of these frames, each from its time on, over and over: the same frames always make the same bytes.
pub(in crate::ui) fn moving(frames: &[(Duration, Buffer)], length: Duration, title: &str) -> String {
    let area = frames.first().map_or_else(Rect::default, |(_, frame)| frame.area);
    let rows = (0..area.height).map(|y| Row::of(frames, y).drawn(y, length));
    framed(area, title, &rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    /// Frames of two rows, one a second.
    fn film(rows: &[[&str; 2]]) -> String {
        let frame = |(at, rows): (u64, &[&str; 2])| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 10, 2));
            for (y, row) in rows.iter().enumerate() {
                buf.set_string(0, y as u16, row, Style::new());
            }
            (Duration::from_secs(at), buf)
        };
        let frames: Vec<_> = (0..).zip(rows).map(frame).collect();
        moving(&frames, Duration::from_secs(rows.len() as u64), "film")
    }

    /// What a list says between the quotes behind `name`.
    fn list(svg: &str, name: &str) -> Vec<String> {
        let from = svg.split(&format!(" {name}=\"")).nth(1).unwrap();
        from.split('"').next().unwrap().split(';').map(str::to_owned).collect()
    }

    #[test]
    fn every_state_of_a_row_is_there_once_and_comes_at_its_times() {
        let svg = film(&[
            ["one", "still"],
            ["two", "still"],
            ["one", "still"],
            ["three", "still"],
            ["three", "still"],
        ]);
        for (text, count) in [("one", 1), ("two", 1), ("three", 1), ("still", 1), ("<animateTransform", 1)] {
            let text = if text.starts_with('<') { text.to_owned() } else { format!(">{text}<") };
            assert_eq!(svg.matches(&text).count(), count, "{text} in {svg}");
        }
        assert_eq!(list(&svg, "keyTimes"), ["0", ".2", ".4", ".6"]);
        assert_eq!(list(&svg, "values"), ["0", "-80", "0", "-160"]);
        assert!(svg.contains("dur=\"5000ms\" repeatCount=\"indefinite\""), "{svg}");
        assert!(svg.contains("<svg y=\"0\" width=\"80\" height=\"16\">"), "{svg}");
        assert!(svg.contains("<g transform=\"translate(0 16)\">"), "the row that stays: {svg}");
    }

    #[test]
    fn times_grow_however_many_frames_there_are() {
        let rows: Vec<[String; 2]> = (0..3000).map(|at| [at.to_string(), String::new()]).collect();
        let rows: Vec<[&str; 2]> = rows.iter().map(|[one, other]| [one.as_str(), other.as_str()]).collect();
        let svg = film(&rows);
        let times: Vec<f64> = list(&svg, "keyTimes").iter().map(|time| time.parse().unwrap()).collect();
        assert_eq!((times.len(), times[0]), (3000, 0.0));
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]) && times[2999] < 1.0);
    }
}
