//! What happened: a row for every event, equal ones counted; why stands in the selected one, which has more rows where it
//! needs them; the newest stands at the end until somebody scrolls.

use std::borrow::Cow;
use std::net::SocketAddr;

use ratatui::layout::Rect;

use super::frame;
use super::page::Page;
use crate::event::{At, Severity};
use crate::ledger::{LogLine, View};
use crate::ui::action::Action;
use crate::ui::columns::host_of;
use crate::ui::model::{self, Model};
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip, clip_address, inset, take_top, width, wrap_whole};
use crate::ui::theme::Role;
use crate::ui::widgets::selection;
use crate::units;

/// Columns before the text: time, glyph, and the gaps.
const BEFORE: u16 = 12;
/// Columns of a row in which the one that an event is about stands in a column of its own, and columns of that.
const WHO_FROM: u16 = 98;
const WHO: u16 = 22;
/// Columns between that one and what happened.
const GAP: u16 = 2;
/// Rows of the selected event at most, however much somebody has to say.
const MOST_LINES: usize = 8;
/// Lines of which the tail takes its events.
const NEWEST: usize = 100;

/// The lines that are shown: all, or those of one peer.
pub(in crate::ui) fn shown<'a>(model: &Model, view: &'a View) -> Vec<&'a LogLine> {
    let of_peer = view.log.iter().filter(|line| model.log_of.is_none() || line.peer == model.log_of);
    of_peer.filter(|line| model.filters.log.takes(&line.text)).collect()
}

/// An event, and how often it came one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ui) struct Entry<'a> {
    /// The first line of it.
    pub(in crate::ui) first: &'a LogLine,
    /// The newest line of it.
    pub(in crate::ui) line: &'a LogLine,
    /// How many lines it stands for.
    pub(in crate::ui) count: usize,
}

/// The events of these lines: equal ones that follow each other are one.
pub(in crate::ui) fn entries<'a>(lines: &[&'a LogLine]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for line in lines {
        match entries.last_mut() {
            Some(entry) if (&entry.line.text, entry.line.severity) == (&line.text, line.severity) => {
                (entry.line, entry.count) = (line, entry.count + 1);
            }
            _ => entries.push(Entry { first: line, line, count: 1 }),
        }
    }
    entries
}

/// The events that are shown.
pub(in crate::ui) fn shown_entries<'a>(model: &Model, view: &'a View) -> Vec<Entry<'a>> {
    entries(&shown(model, view))
}

impl Entry<'_> {
    /// How often it came, where that is more than once.
    fn counted(&self) -> String {
        if self.count > 1 { format!(" ×{}", units::count(self.count as u64)) } else { String::new() }
    }

    /// Who it is about, and where what happened begins and what that is. Where there is no room for both beside each
    /// other, or only part of the name has room and all is to be shown, what happened is the whole text.
    fn told(&self, columns: u16, selected: bool) -> (Cow<'_, str>, u16, &str) {
        let text = self.line.text.as_str();
        if columns < WHO_FROM {
            return (Cow::Borrowed(""), BEFORE, text);
        }
        let (who, what) = split(text);
        let name = clip_address(host_of(who), WHO.into());
        if selected && name != who {
            return (Cow::Borrowed(""), BEFORE, text);
        }
        (name, BEFORE + WHO + GAP, what)
    }

    /// The lines of what happened, at most `most`: one, and all of its text only where it is selected.
    fn lines(&self, columns: u16, most: usize, selected: bool) -> Vec<String> {
        let (_, before, what) = self.told(columns, selected);
        let room = usize::from(columns.saturating_sub(before)).saturating_sub(width(&self.counted())).max(1);
        match selected {
            true => wrap_whole(what, room, most.min(MOST_LINES)),
            false => vec![clip(self.brief(what), room).into_owned()],
        }
    }

    /// What happened without the sentences that explain it, where it is about a peer: those stand in the row once it is
    /// selected, and on the page of the peer.
    fn brief<'t>(&self, what: &'t str) -> &'t str {
        let (who, _) = split(&self.line.text);
        if who.is_empty() || who.contains("://") {
            return what;
        }
        what.find(". ").map_or(what, |end| &what[..end])
    }
}

/// Who a line is about (a peer's address, `17 peers`, a tracker), where it begins with that, and the rest of it.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let first = first.strip_suffix(':').unwrap_or(first);
    if first.contains("://") || first.parse::<SocketAddr>().is_ok() {
        return (first, rest);
    }
    let is_count = |who: &str| who.strip_suffix(" peers").is_some_and(|count| count.parse::<u32>().is_ok());
    text.split_once(": ").filter(|(who, _)| is_count(who)).unwrap_or(("", text))
}

/// The glyph of a severity and its hue, and the hue of the words beside it.
pub(super) fn sign(severity: Severity) -> (&'static str, Role, Role) {
    match severity {
        Severity::Good => ("✓", Role::Progress, Role::Text),
        Severity::Info => ("·", Role::Info, Role::Text),
        Severity::Warn => ("▲", Role::Warning, Role::WarningWord),
        Severity::Error => ("✗", Role::Error, Role::ErrorWord),
    }
}

/// What happened stands out from why: the first sentence has this role, those behind it are dim.
pub(super) fn tinted(lines: &[String], what: &str, role: Role) -> Vec<Spans> {
    let shown = |text: &str| text.chars().filter(|c| *c != ' ').count();
    let mut left = what.find(". ").map_or(usize::MAX, |end| shown(&what[..=end]));
    let line = |line: &String| {
        let end = line.char_indices().filter(|(_, c)| *c != ' ').nth(left).map_or(line.len(), |(at, _)| at);
        left = left.saturating_sub(shown(line));
        Spans::new().add(role, &line[..end]).add(Role::Dim, &line[end..])
    };
    lines.iter().map(line).collect()
}

/// How many events from the first on fit into so many rows; each with whether it is selected.
fn fitting<'a>(entries: impl Iterator<Item = (&'a Entry<'a>, bool)>, columns: u16, room: usize) -> usize {
    let mut used = 0;
    let fits = |(entry, selected): &(&Entry<'_>, bool)| {
        used += if *selected { entry.lines(columns, room, true).len() } else { 1 };
        used <= room
    };
    entries.take_while(fits).count()
}

/// How many events are shown.
pub(super) fn count(model: &Model, view: &View) -> usize {
    shown_entries(model, view).len()
}

/// Which of so many events is selected: the newest, until somebody moves up.
pub(in crate::ui) fn selected(model: &Model, lines: usize) -> Option<usize> {
    lines.checked_sub(1).map(|newest| newest.saturating_sub(model.scrolls.log_back))
}

/// How many events can at most lie below the last one shown: the selected one stands at the bottom until the oldest are
/// in sight, and then goes up among them.
fn furthest(model: &Model, entries: &[Entry<'_>]) -> usize {
    let Rect { width: columns, height: rows, .. } = Page::of(super::body(model)).body;
    let room = usize::from(rows).max(1);
    let chosen = selected(model, entries.len());
    let each = entries.iter().enumerate().map(|(at, entry)| (entry, chosen == Some(at)));
    entries.len() - fitting(each, columns.saturating_sub(2), room)
}

/// How many events stand below the selected one in the window: as many as when it was clicked, and as there is room for.
fn under(model: &Model, entries: &[Entry<'_>], columns: u16, room: usize) -> usize {
    let Some(chosen) = selected(model, entries.len()) else { return 0 };
    let left = room.saturating_sub(entries[chosen].lines(columns, room, true).len());
    model.scrolls.log_under.min(model.scrolls.log_back).min(left)
}

/// Draws the log.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let page = Page::of(area);
    frame::page_head(pen, &page, model, view);
    let lines = shown(model, view);
    let entries = entries(&lines);
    let room = usize::from(page.body.height);
    let mut rows = inset(page.body, 1, 1);
    let all = page.rule;
    let back = model.scrolls.log_back - under(model, &entries, rows.width, room);
    let last = entries.len() - back.min(furthest(model, &entries));
    let all = selection::place(pen, all, selected(model, entries.len()), entries.len());
    title(pen, all, model, view, (lines.len(), entries.len() - last));
    if lines.is_empty() {
        let said = match model.filters.log.is_empty() {
            true => "Nothing happened yet.".to_owned(),
            false => format!("No line has all these words. {}", model.hint(Action::Back, "shows all.")),
        };
        pen.put(rows.x + 1, rows.y, rows.width, &said, Role::Dim);
        return;
    }
    let selected = selected(model, entries.len());
    let back = entries[..last].iter().enumerate().rev().map(|(at, entry)| (entry, selected == Some(at)));
    let first = last - fitting(back, rows.width, room);
    for (at, entry) in entries.iter().enumerate().take(last).skip(first) {
        let at_words = at_words(entry.line.at, model);
        let from = rows.y;
        put(pen, &mut rows, (entry, &at_words), room, selected == Some(at));
        let target = Target::Event { under: last - at - 1, below: entries.len() - last };
        pen.targets.add(Rect { y: from, height: rows.y - from, ..rows }, target);
    }
}

/// The newest lines.
fn newest(view: &View) -> Vec<&LogLine> {
    view.log.iter().skip(view.log.len().saturating_sub(NEWEST)).collect()
}

/// Rows of the rule and all of the newest events.
pub(super) fn rows_of_all(view: &View) -> u16 {
    1 + entries(&newest(view)).len() as u16
}

/// A rule and two events: with less it says nothing.
pub(super) const LEAST_ROWS: u16 = 3;

/// Draws the newest events into rows that a page has to spare, where these are enough to say something.
pub(super) fn spare(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.height >= LEAST_ROWS {
        tail(pen, area, model, view);
    }
}

/// Draws the newest events below a rule, as many as there is room for.
pub(super) fn tail(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let mut rows = area;
    let all = model.hint(Action::Show(model::Screen::Log), "shows all");
    pen.rule(inset(take_top(&mut rows, 1), 1, 1), "Log", "the newest last", &all);
    let mut rows = inset(rows, 1, 1);
    let lines = newest(view);
    let entries = entries(&lines);
    let skipped = entries.len().saturating_sub(usize::from(rows.height));
    for entry in &entries[skipped..] {
        pen.targets.add(Rect { height: 1, ..rows }, Target::Do(Action::Show(model::Screen::Log)));
        put(pen, &mut rows, (entry, &at_words(entry.line.at, model)), 1, false);
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
        (_, Some(peer)) => format!("only {lines} of {}", peer.addr),
        _ => format!("only {lines} of a peer that is gone"),
    };
    let right = match below {
        0 if model.log_of.is_some() => {
            let keys = [Action::Back, Action::PeerLog].map(|action| model.keys.name_here(action, model));
            format!("{} shows all", keys.into_iter().flatten().collect::<Vec<_>>().join(" or "))
        }
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

fn put(pen: &mut Pen<'_>, area: &mut Rect, (entry, at): (&Entry<'_>, &str), most: usize, selected: bool) {
    let (glyph, hue, words) = sign(entry.line.severity);
    let (who, before, what) = entry.told(area.width, selected);
    let lines = tinted(&entry.lines(area.width, most, selected), what, words);
    let whole = Rect { height: (lines.len() as u16).min(area.height), ..*area };
    for (number, text) in lines.iter().enumerate() {
        let row = take_top(area, 1);
        if row.is_empty() {
            break;
        }
        if number == 0 {
            pen.put_right(row.x + 8, row.y, 9, at, Role::Dim);
            pen.put(row.x + BEFORE - 2, row.y, 1, glyph, hue);
            pen.put(row.x + BEFORE, row.y, WHO, &who, Role::Text);
            pen.put_right(row.right(), row.y, row.width, &entry.counted(), Role::Strong);
        }
        let x = row.x + before;
        pen.spans(x, row.y, row.right().saturating_sub(x), text);
    }
    if selected {
        selection::draw(pen, whole, "▸");
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
    fn a_line_tells_who_it_is_about_and_what_happened() {
        for (text, who, what) in [
            ("1.2.3.4:80: not BT. It is none.", "1.2.3.4:80", "not BT. It is none."),
            (
                "[2a01::2]:6881 lets us download (Deluge 2.1.1).",
                "[2a01::2]:6881",
                "lets us download (Deluge 2.1.1).",
            ),
            (
                "17 peers: no answer; the last was 1.2.3.4:80.",
                "17 peers",
                "no answer; the last was 1.2.3.4:80.",
            ),
            ("udp://one.org:1337: no answer within 15 s.", "udp://one.org:1337", "no answer within 15 s."),
            ("Stopped: the disk is full.", "", "Stopped: the disk is full."),
            ("Downloading.", "", "Downloading."),
        ] {
            assert_eq!(split(text), (who, what), "{text}");
        }
        let (lines, what) = (
            ["hung up. It is full, or".to_owned(), "gone. Or away.".to_owned()],
            "hung up. It is full, or gone. Or away.",
        );
        let tints = tinted(&lines, what, Role::WarningWord);
        let expected = Spans::new().add(Role::WarningWord, "hung up. ").add(Role::Dim, "It is full, or");
        assert_eq!((&tints[0], tints[1].text().as_str()), (&expected, "gone. Or away."));
        assert_eq!(tints[1], Spans::new().add(Role::WarningWord, "").add(Role::Dim, "gone. Or away."));
    }

    /// A view whose log has these lines.
    fn with_lines(lines: &[&str]) -> View {
        let mut view = view(1, lines.len() as u64);
        for (line, text) in Arc::make_mut(&mut view.log).iter_mut().zip(lines) {
            (*text).clone_into(&mut line.text);
        }
        view
    }

    #[test]
    fn a_row_has_the_cause_and_only_the_selected_one_why() {
        let view = with_lines(&[
            "1.2.3.4:80: hung up. It hung up on our handshake: it is full, or gone.",
            "17 peers: no answer; the last was 1.2.3.4:80. Nothing answered: it is offline, or behind a router.",
            "1.2.3.5:80 (Deluge 2.1.1): gone after 20s. It closed the connection.",
            "http://one.org named 5 peers. It warns: too many.",
            "Listening for peers on port 1.",
        ]);
        for size in [(80, 24), (120, 40), (200, 60)] {
            let mut model = model(&view);
            model.size = size;
            let shown = text(&model, &view);
            assert!(!shown.contains('…'), "{shown}");
            for kept in
                ["hung up\n", "no answer; the last was 1.2.3.4:80\n", "gone after 20s\n", "It warns: too"]
            {
                assert!(shown.contains(kept), "{kept:?} {shown}");
            }
            assert!(!shown.contains("It hung up on our handshake") && !shown.contains("Nothing answered"));
            for _ in 0..4 {
                update(&mut model, Action::Up, &view);
            }
            assert!(text(&model, &view).contains("It hung up on our handshake"), "{size:?}");
        }
    }

    #[test]
    fn however_much_is_said_of_one_event_others_have_rows() {
        let endless = format!("1.2.3.4:80 is banned for 1 h: {}", "it sent and sent ".repeat(400));
        let mut lines = vec!["another event."; 9];
        lines.push(&endless);
        let view = with_lines(&lines);
        let mut model = model(&view);
        model.size = (120, 40);
        let shown = text(&model, &view);
        assert!(shown.matches("sent and sent").count() > 8 && shown.contains('…'), "{shown}");
        assert!(shown.contains("another event."), "{shown}");
        assert!(shown.lines().filter(|row| row.contains("and sent")).count() <= MOST_LINES, "{shown}");
    }

    #[test]
    fn nothing_of_the_selected_event_is_left_out_where_its_name_has_a_column() {
        let mut view = view(1, 3);
        let text = "udp://a-tracker-with-a-long-name.example.org:1337: no answer within 15 s.";
        text.clone_into(&mut Arc::make_mut(&mut view.log)[2].text);
        let mut model = model(&view);
        model.size = (120, 40);
        assert!(self::text(&model, &view).contains(text));
        update(&mut model, Action::Up, &view);
        let shown = self::text(&model, &view);
        assert!(shown.contains("a-tracker-with-a…:1337  no answer within 15 s."), "{shown}");
    }

    #[test]
    fn an_event_has_one_row_and_the_selected_one_is_shown_whole() {
        let view = view(1, 99);
        let mut model = model(&view);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let text = text(&model, &view);
            let rows: Vec<&str> = text.lines().skip(3).filter(|row| !row.trim().is_empty()).collect();
            let selected = rows.iter().position(|row| row.starts_with('▸')).unwrap();
            let others = rows[selected + 1..].iter().filter(|row| row.starts_with("            ")).count();
            let events = rows.iter().filter(|row| row.contains(" · line ")).count();
            assert_eq!(rows.len() - 1, events + others, "a row each, but for the selected one: {text}");
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
    fn equal_lines_that_follow_each_other_are_counted_and_what_is_read_stays() {
        let of = |texts: &[&str]| {
            let mut view = view(1, 1);
            let line = |(at, text): (usize, &&str)| LogLine {
                at: Duration::from_secs(at as u64),
                severity: Severity::Info,
                text: (*text).to_owned(),
                peer: None,
            };
            view.log = Arc::new(texts.iter().enumerate().map(line).collect());
            view
        };
        let before = of(&["first", "again", "again", "again", "last"]);
        let mut model = model(&before);
        let shown = text(&model, &before);
        let row = shown.lines().find(|row| row.contains("again")).unwrap();
        assert!(row.contains("0:00:03") && row.trim_end().ends_with("×3"), "{shown}");
        assert_eq!(shown.matches("again").count(), 1);
        update(&mut model, Action::Up, &before);
        assert_eq!(crate::ui::export::copied(&model, &before).as_deref(), Some("again"));
        let after = of(&["first", "again", "again", "again", "last", "last", "new", "new"]);
        model.take_in(&after);
        assert_eq!(crate::ui::export::copied(&model, &after).as_deref(), Some("again"));
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
