//! What happened, line by line: long lines go on below, and the newest stands at the end until somebody scrolls.

use ratatui::layout::Rect;

use super::frame;
use crate::event::{At, Severity};
use crate::ledger::{LogLine, View};
use crate::ui::action::Action;
use crate::ui::model::{self, Model};
use crate::ui::paint::{Pen, clip, inset, take_top, wrap_whole};
use crate::ui::theme::Role;
use crate::units;

/// Columns before the text: time, glyph, and the gaps.
const BEFORE: u16 = 12;
/// Rows of the screen that are not the log's: head, title, key line.
const OTHERS: u16 = 4;

/// The lines that are shown: all, or those of one peer.
pub(in crate::ui) fn shown<'a>(model: &Model, view: &'a View) -> Vec<&'a LogLine> {
    let of_peer = view.log.iter().filter(|line| model.log_of.is_none() || line.peer == model.log_of);
    of_peer.filter(|line| model.filters.log.takes(&line.text)).collect()
}

/// The rows of a line in so many columns, at most so many.
fn rows_of(line: &LogLine, columns: u16, most: usize) -> Vec<String> {
    wrap_whole(&line.text, usize::from(columns.saturating_sub(BEFORE)).max(1), most)
}

/// How many lines from the first on fit into so many rows; the one at the edge may not.
fn fitting<'a>(lines: impl Iterator<Item = &'a &'a LogLine>, columns: u16, room: usize) -> usize {
    let mut used = 0;
    let fits = |line: &&&LogLine| {
        used += rows_of(line, columns, room).len();
        used <= room
    };
    lines.take_while(fits).count()
}

/// How many lines are shown.
pub(super) fn count(model: &Model, view: &View) -> usize {
    shown(model, view).len()
}

/// Which of so many lines is selected: the newest, until somebody moves up.
pub(in crate::ui) fn selected(model: &Model, lines: usize) -> Option<usize> {
    lines.checked_sub(1).map(|newest| newest.saturating_sub(model.scrolls.log_back))
}

/// How many lines can at most lie below the last one shown: the selected one stands at the bottom until the oldest are
/// in sight, and then goes up among them.
fn furthest(model: &Model, view: &View) -> usize {
    let (columns, rows) = model.size;
    let lines = shown(model, view);
    let room = usize::from(rows.saturating_sub(OTHERS)).max(1);
    lines.len() - fitting(lines.iter(), columns.saturating_sub(2), room)
}

/// Draws the log.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let lines = shown(model, view);
    let room = usize::from(body.height.saturating_sub(1));
    let mut rows = inset(body, 1, 1);
    let all = take_top(&mut rows, 1);
    let last = lines.len() - model.scrolls.log_back.min(furthest(model, view));
    title(pen, all, model, view, (lines.len(), lines.len() - last));
    if lines.is_empty() {
        let said = match model.filters.log.is_empty() {
            true => "Nothing happened yet.".to_owned(),
            false => format!("No line has all these words. {}", model.hint(Action::Back, "shows all.")),
        };
        pen.put(rows.x + 1, rows.y, rows.width, &said, Role::Dim);
        return;
    }
    let first = last - fitting(lines[..last].iter().rev(), rows.width, room);
    let selected = selected(model, lines.len());
    for (at, line) in lines.iter().enumerate().take(last).skip(first) {
        let at_words = at_words(line.at, model);
        entry(pen, &mut rows, (line, &at_words), room, selected == Some(at));
    }
}

fn title(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, (count, below): (usize, usize)) {
    let lines =
        if count == 1 { "1 line".to_owned() } else { format!("{} lines", units::count(count as u64)) };
    let note = match (model.log_of, model.log_of.and_then(|key| model::peer(view, key))) {
        (None, _) if !model.filters.log.is_empty() => {
            let note = format!("{} with {}", units::count(count as u64), model.filters.log.text());
            clip(&note, usize::from(area.width / 2)).into_owned()
        }
        (None, _) => units::count(count as u64),
        (_, Some(peer)) => format!("{lines} of {}", peer.addr),
        _ => format!("{lines} of a peer that is gone"),
    };
    let right = match below {
        0 if model.log_of.is_some() => model.hint(Action::PeerLog, "shows all"),
        0 if !model.filters.log.is_empty() => model.hint(Action::Back, "shows all"),
        0 if by_day(model) => model.hint(Action::LogTimes, "time of day, UTC"),
        0 if model.started.is_known() => model.hint(Action::LogTimes, "time since the start"),
        0 => "time since the start".to_owned(),
        below => {
            let newest = model.keys.name_here(Action::Last, model);
            let newest = newest.map_or_else(String::new, |key| format!(" · {key}"));
            format!("{} newer below{newest}", units::count(below as u64))
        }
    };
    pen.rule(area, "Log", &note, &right);
}

/// Whether lines have times of day: the user wants them, and they are known.
fn by_day(model: &Model) -> bool {
    model.log_by_day && model.started.is_known()
}

/// When it was: `0:02:11` since the start, or `14:02:11`.
fn at_words(at: At, model: &Model) -> String {
    let day_time = model.started.day_time(at).filter(|_| model.log_by_day);
    let s = day_time.unwrap_or(at).as_secs();
    match day_time {
        Some(_) => format!("{:02}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60),
        None => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

fn entry(pen: &mut Pen<'_>, area: &mut Rect, (line, at): (&LogLine, &str), most: usize, selected: bool) {
    let (glyph, role) = match line.severity {
        Severity::Good => ("✓", Role::Progress),
        Severity::Info => ("·", Role::Dim),
        Severity::Warn => ("▲", Role::Trouble),
        Severity::Error => ("✗", Role::Trouble),
    };
    for (number, text) in rows_of(line, area.width, most).iter().enumerate() {
        let row = take_top(area, 1);
        if row.is_empty() {
            return;
        }
        let x = row.x + BEFORE;
        if number == 0 {
            // Where there is a margin, the mark stands in it, as in every list.
            if let Some(margin) = row.x.checked_sub(1).filter(|_| selected) {
                pen.put(margin, row.y, 1, "▸", Role::Strong);
            }
            pen.put_right(row.x + 8, row.y, 9, at, Role::Dim);
            pen.put(x - 2, row.y, 1, glyph, role);
        }
        pen.put(x, row.y, row.right().saturating_sub(x), text, Role::Text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::model::Screen;
    use crate::ui::theme::Look;
    use crate::ui::{sample, update};

    /// A view with so many lines, numbered from `first`, every third of them long.
    fn view(first: u64, last: u64) -> View {
        let mut view = sample::healthy();
        let line = |number: u64| LogLine {
            at: Duration::from_secs(number / 3),
            severity: Severity::Info,
            text: format!(
                "line {number} {}[{number}].",
                "is very long indeed ".repeat(if number.is_multiple_of(3) { 9 } else { 0 })
            ),
            peer: None,
        };
        view.log = Arc::new((first..=last).map(line).collect());
        view
    }

    fn text(model: &Model, view: &View) -> String {
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        let mut buf = Buffer::empty(area);
        crate::ui::draw(&mut buf, area, model, view);
        let row = |y| (0..area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
    }

    fn model(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.screen = Screen::Log;
        model.take_in(view);
        model
    }

    #[test]
    fn times_are_those_of_the_run_or_of_the_day_as_the_user_likes() {
        let mut model = Model::new(Look::default());
        let at = Duration::from_secs(3725);
        model.log_by_day = true;
        assert_eq!(at_words(at, &model), "1:02:05", "nobody knows the time of day");
        model.started = Some(Duration::from_secs(13 * 3600)).into();
        assert_eq!(at_words(at, &model), "14:02:05");
        model.log_by_day = false;
        assert_eq!(at_words(at, &model), "1:02:05");
    }

    #[test]
    fn long_lines_are_shown_whole_wherever_they_scroll_to() {
        let view = view(1, 99);
        let mut model = model(&view);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let text = text(&model, &view);
            assert!(!text.contains('…'), "{text}");
            seen.extend((1..=99).filter(|number| text.contains(&format!("[{number}]."))));
            update(&mut model, Action::Up, &view);
        }
        assert_eq!(seen.len(), 99, "every line can be reached");
        assert!(text(&model, &view).contains(" line 1 "));
    }

    #[test]
    fn follows_the_newest_until_somebody_scrolls() {
        let mut model = model(&view(1, 50));
        let later = view(1, 60);
        model.take_in(&later);
        assert!(text(&model, &later).contains("[60]"));
        update(&mut model, Action::Up, &later);
        let before = text(&model, &later);
        assert!(before.contains("1 newer below"), "{before}");
        // More come, and the oldest are let go.
        let latest = view(20, 75);
        model.take_in(&latest);
        let after = text(&model, &latest);
        assert!(after.contains("16 newer below"), "{after}");
        let log = |text: &str| text.lines().skip(3).take(19).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(log(&before), log(&after), "what is read stays where it is");
        update(&mut model, Action::Last, &latest);
        assert!(text(&model, &latest).contains("[75]"));
    }

    /// The first text of the line that is marked.
    fn marked(shown: &str) -> String {
        let line = shown.lines().skip(3).find(|line| line.starts_with('▸')).unwrap_or_default();
        line.split('·').nth(1).unwrap_or_default().trim().to_owned()
    }

    #[test]
    fn what_is_copied_is_the_line_that_is_marked() {
        use crate::ui::export::copied;
        use crate::ui::filter::List;
        use crate::ui::prompt;

        let now = view(1, 99);
        let mut model = model(&now);
        let mut seen = std::collections::BTreeSet::new();
        let holds = |model: &Model| {
            let (shown, copied) = (text(model, &now), copied(model, &now).unwrap());
            let marked = marked(&shown);
            assert!(
                !marked.is_empty() && copied.starts_with(&marked),
                "{marked} is marked, {copied} copied\n{shown}"
            );
            copied
        };
        assert!(holds(&model).contains("[99]"), "the newest");
        for _ in 0..120 {
            seen.insert(holds(&model));
            update(&mut model, Action::Up, &now);
        }
        assert_eq!(seen.len(), 99, "every line can be copied");
        for (action, number) in
            [(Action::Last, 99), (Action::First, 1), (Action::Down, 2), (Action::PageDown, 3)]
        {
            update(&mut model, action, &now);
            let copied = holds(&model);
            assert!(number == 3 || copied.contains(&format!("[{number}]")), "{action:?}: {copied}");
        }
        // Of those that a filter takes; and on a terminal of another size.
        prompt::filter(&mut model, List::Log, "very long", &now);
        update(&mut model, Action::Last, &now);
        for _ in 0..5 {
            update(&mut model, Action::Up, &now);
        }
        assert!(holds(&model).starts_with("line 84 is very long"));
        model.size = (200, 60);
        holds(&model);
        // More come: what is read stays what is copied.
        let later = view(1, 120);
        let before = copied(&model, &now);
        model.take_in(&later);
        assert_eq!(copied(&model, &later), before);
    }

    #[test]
    fn ten_thousand_characters_without_a_space_do_no_harm() {
        let mut view = view(1, 3);
        Arc::make_mut(&mut view.log)[1].text = "漢e\u{301}".repeat(10_000);
        let mut model = model(&view);
        for size in [(80, 24), (24, 5), (200, 60)] {
            model.size = size;
            let shown = text(&model, &view);
            assert!(shown.contains("line 3") || size.1 < 10, "{shown}");
        }
    }
}
