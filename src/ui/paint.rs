//! Writing text into cells: clipped by display width, never outside its area.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;

use super::mouse::Targets;
use super::theme::{Look, Role};
use super::widgets::rule;
use crate::text::columns::{cell_width, drawn};
pub(crate) use crate::text::columns::{clip, width, wrap};

/// An address in at most `most` columns: cut in its middle, never in its port.
pub(crate) fn clip_address(address: &str, most: usize) -> Cow<'_, str> {
    let length = address.len();
    if length <= most || !address.is_ascii() {
        return clip(address, most);
    }
    let port = address.rfind(':').unwrap_or(length);
    let tail = if address.starts_with('[') { &address[port.saturating_sub(1)..] } else { &address[port..] };
    if tail.len() + 1 > most {
        return clip(tail, most);
    }
    let mut head = &address[..most - tail.len() - 1];
    // Cutting behind a colon reads better than within a group.
    if let Some(group) = head.rfind(':').filter(|&at| at + 5 > head.len() && at > 1) {
        head = &head[..=group];
    }
    Cow::Owned(format!("{head}…{tail}"))
}

/// Breaks the text into lines of at most `most` columns, at spaces where it can and within words where it must, so
/// that nothing of it is left out up to `most_lines`; what is beyond them ends in `…`.
pub(crate) fn wrap_whole(text: &str, most: usize, most_lines: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = width(word);
        if used > 0 && used + 1 + fits > most {
            lines.push(String::new());
            used = 0;
        }
        if lines.len() > most_lines {
            break;
        }
        let line = lines.last_mut().expect("there is always a line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for grapheme in word.graphemes(true) {
            let columns = cell_width(grapheme);
            if used + columns > most && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            used += columns;
            lines.last_mut().expect("there is always a line").push_str(grapheme);
            if lines.len() > most_lines {
                break;
            }
        }
    }
    if lines.len() > most_lines {
        lines.truncate(most_lines);
        if let Some(last) = lines.last_mut() {
            while width(last) + 1 > most && last.pop().is_some() {}
            last.push('…');
        }
    }
    lines
}

/// Pieces of text of different roles that stand behind each other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spans(Vec<(Role, String)>);

impl Spans {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(mut self, role: Role, text: impl Into<String>) -> Self {
        self.push(role, text);
        self
    }

    pub(crate) fn push(&mut self, role: Role, text: impl Into<String>) {
        self.0.push((role, text.into()));
    }

    /// With the others behind them.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The text of all of them.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same with the first span in this role, and with this text where there is one.
    pub(crate) fn with_first(mut self, role: Role, text: Option<&str>) -> Self {
        if let Some(first) = self.0.first_mut() {
            first.0 = role;
            if let Some(text) = text {
                text.clone_into(&mut first.1);
            }
        }
        self
    }

    /// Every span as this role would have it.
    pub(crate) fn all_as(mut self, role: Role) -> Self {
        self.0.iter_mut().for_each(|span| span.0 = role);
        self
    }
}

/// The place to draw on, and how things look there. Nothing is ever written outside its area.
pub(crate) struct Pen<'a> {
    pub(crate) buf: &'a mut Buffer,
    pub(crate) look: &'a Look,
    /// What can be clicked.
    pub(crate) targets: Targets,
    area: Rect,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buf: &'a mut Buffer, area: Rect, look: &'a Look) -> Self {
        let area = area.intersection(buf.area);
        Self { buf, look, targets: Targets::default(), area }
    }

    /// Lays the bar of the selected row behind what is drawn.
    pub(crate) fn select(&mut self, area: Rect) {
        for at in area.intersection(self.area).positions() {
            self.look.select(&mut self.buf[at]);
        }
    }

    /// Whether nothing stands in a cell.
    pub(crate) fn is_blank(&self, at: Position) -> bool {
        self.buf.cell(at).is_none_or(|cell| cell.symbol() == " ")
    }

    /// Puts the cursor on what is drawn.
    pub(crate) fn point(&mut self, area: Rect) {
        for at in area.intersection(self.area).positions() {
            Look::point(&mut self.buf[at]);
        }
    }

    /// Makes what stands in a cell look like this role.
    pub(crate) fn recolour(&mut self, x: u16, y: u16, role: Role) {
        if self.area.contains((x, y).into()) {
            let style = self.look.style(role);
            let cell = &mut self.buf[(x, y)];
            let symbol = cell.symbol().to_owned();
            cell.reset();
            cell.set_symbol(&symbol).set_style(style);
        }
    }

    /// Writes one character of one column: for drawings of many cells.
    pub(crate) fn dot(&mut self, x: u16, y: u16, symbol: &str, role: Role) {
        if self.area.contains((x, y).into()) {
            let style = self.look.style(role);
            let cell = &mut self.buf[(x, y)];
            cell.reset();
            cell.set_symbol(symbol).set_style(style);
        }
    }

    /// Writes the text at this place in at most `most` columns, and returns how many it took.
    pub(crate) fn put(&mut self, x: u16, y: u16, most: u16, text: &str, role: Role) -> u16 {
        let area = self.area;
        if y < area.top() || y >= area.bottom() || x >= area.right() {
            return 0;
        }
        let outside = area.left().saturating_sub(x);
        let x = x + outside;
        let most = most.saturating_sub(outside).min(area.right() - x);
        let style = self.look.style(role);
        let text = clip(text, usize::from(most));
        let mut at = x;
        let end = x + most;
        for grapheme in text.graphemes(true) {
            let columns = cell_width(grapheme) as u16;
            if columns == 0 {
                continue;
            }
            if at + columns > end {
                break;
            }
            let shown = drawn(grapheme);
            let shown = if shown.chars().any(char::is_control) { "?" } else { shown };
            let cell = &mut self.buf[(at, y)];
            cell.reset();
            cell.set_symbol(shown).set_style(style);
            for behind in at + 1..at + columns {
                self.buf[(behind, y)].reset();
            }
            at += columns;
        }
        at - x
    }

    /// Writes the text so that it ends before column `end`, in at most `most` columns; returns how many it took.
    pub(crate) fn put_right(&mut self, end: u16, y: u16, most: u16, text: &str, role: Role) -> u16 {
        let text = clip(text, usize::from(most));
        let columns = width(&text) as u16;
        self.put(end.saturating_sub(columns), y, columns, &text, role)
    }

    /// Writes the spans in at most `most` columns, and returns how many they took.
    pub(crate) fn spans(&mut self, x: u16, y: u16, most: u16, spans: &Spans) -> u16 {
        let mut used = 0;
        for (role, text) in &spans.0 {
            if used >= most {
                break;
            }
            used += self.put(x + used, y, most - used, text, *role);
        }
        used
    }

    /// Writes the spans so that they end before column `end`.
    pub(crate) fn spans_right(&mut self, end: u16, y: u16, most: u16, spans: &Spans) -> u16 {
        let columns = (spans.width() as u16).min(most);
        self.spans(end.saturating_sub(columns), y, columns, spans)
    }

    /// A thin rule across the area's first row, with a title, a note beside it and another at its end. What does
    /// not fit is left out, the right note first.
    pub(crate) fn rule(&mut self, area: Rect, title: &str, note: &str, right: &str) {
        rule::draw(self, area, title, &Spans::new().add(Role::Text, note), right);
    }
}

/// Takes rows off the top of an area.
pub(crate) fn take_top(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let taken = Rect { height: rows, ..*area };
    area.y += rows;
    area.height -= rows;
    taken
}

/// Takes rows off the bottom of an area.
pub(crate) fn take_bottom(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    area.height -= rows;
    Rect { y: area.bottom(), height: rows, ..*area }
}

/// The area less a margin left and right.
pub(crate) fn inset(area: Rect, left: u16, right: u16) -> Rect {
    let left = left.min(area.width);
    Rect { x: area.x + left, width: area.width.saturating_sub(left + right), ..area }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clips_an_address_in_its_middle_and_never_in_its_port() {
        assert_eq!(clip_address("83.148.245.186:51414", 21), "83.148.245.186:51414");
        assert_eq!(clip_address("[2a01:4f8:c17:1234::2]:51413", 21), "[2a01:4f8:…]:51413");
        assert_eq!(clip_address("83.148.245.186:51414", 12), "83.14…:51414");
        assert_eq!(clip_address("[2a01:4f8:c17:1234::2]:51413", 8), "…]:51413");
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 7), ["incomp…"]);
        assert_eq!(wrap("", 7), [""]);
    }

    #[test]
    fn what_was_cut_ends_in_one_ellipsis() {
        assert_eq!(clip("one two", 4), "one…");
        assert_eq!(clip("one… two", 5), "one…");
        assert_eq!(clip("one…", 4), "one…");
    }

    #[test]
    fn wraps_whole_words_where_it_can_and_leaves_nothing_out() {
        assert_eq!(wrap_whole("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap_whole("an incomprehensible one", 7, 9), ["an", "incompr", "ehensib", "le one"]);
        assert_eq!(wrap_whole("one two three", 7, 1), ["one tw…"]);
        assert_eq!(wrap_whole("", 7, 9), [""]);
    }

    proptest! {
        #[test]
        fn clipped_text_keeps_its_width(text in "\\PC{0,40}", most in 0usize..30) {
            let shown = clip(&text, most);
            prop_assert!(width(&shown) <= most);
            for line in wrap(&text, most.max(1)) {
                prop_assert!(width(&line) <= most.max(1));
            }
            for line in wrap_whole(&text, most.max(2), 5) {
                prop_assert!(width(&line) <= most.max(2));
            }
        }

        #[test]
        fn nothing_is_written_outside_the_width(text in "\\PC{0,40}", x in 0u16..20, most in 0u16..30) {
            let mut buf = Buffer::filled(Rect::new(0, 0, 30, 1), ratatui::buffer::Cell::new("."));
            let area = buf.area;
            Pen::new(&mut buf, area, &Look::default()).put(x, 0, most, &text, Role::Text);
            for at in (0..30).filter(|&at| at < x || at >= x + most) {
                prop_assert_eq!(buf[(at, 0)].symbol(), ".");
            }
        }
    }
}
