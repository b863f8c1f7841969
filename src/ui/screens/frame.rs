//! What stands around every screen: the head with the torrent's state, and the key line.

use std::path::Path;
use std::time::Duration;

use ratatui::layout::Rect;

use super::page::Page;
use super::{asking, judgement, key_line, replay_bar};
use crate::event::{Phase, Queued};
use crate::ledger::{MetadataProgress, VerdictCode, View};
use crate::ui::action::Action;
use crate::ui::model::{Mode, Model, Screen};
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, inset, take_bottom, take_top};
use crate::ui::theme::{Look, Role};
use crate::ui::widgets::bar;
use crate::ui::words;
use crate::units;

/// For how long the answer to a command stands on the key line.
pub(in crate::ui) const ANSWER_STANDS: Duration = Duration::from_secs(4);
/// From so many columns on there is room for more than the least.
const WIDE: u16 = 98;
/// In fewer columns a state is a word.
const NARROW: u16 = 60;
/// From so many columns on a judgement takes fewer lines.
const FEW_LINES: u16 = 140;
/// Columns for the torrent's name and the percentage, before the name of a recording gets any.
const LEAST_NAME: usize = 20;
/// For how long a new user is told where to look.
const WELCOME_STANDS: Duration = Duration::from_secs(10);
/// A longer time to go is no answer.
pub(super) const LONGEST_ETA: Duration = Duration::from_secs(100 * 86_400);

/// What the torrent is doing, as a glyph and a word or two; before it, whether it is being recorded. Of a
/// recording: how its replay stands.
pub(super) fn state(model: &Model, view: &View, columns: u16) -> Spans {
    if let Some(replay) = &model.replay {
        let phase = phase(model, view, columns);
        let gap = if columns < WIDE { "  " } else { "    " };
        // What the torrent was doing is worth more than which recording tells of it.
        let name = if columns < 60 { 9 } else { LEAST_NAME };
        let taken = phase.width() + paint::width(gap) + name;
        let state = replay_bar::state(replay, columns.saturating_sub(taken as u16));
        return if state.width() == 0 { phase } else { state.add(Role::Text, gap).and(phase) };
    }
    if view.recording {
        let recording = Spans::new().add(Role::Trouble, "●").add(Role::Text, " rec  ");
        return recording.and(phase(model, view, columns));
    }
    phase(model, view, columns)
}

fn phase(model: &Model, view: &View, columns: u16) -> Spans {
    // In a replay no key changes what was.
    let way_on = match model.replay {
        Some(_) => String::new(),
        None => format!(" · {} goes on", model.keys.name(Action::Pause)),
    };
    let span = |glyph: Role, shown: &str, role: Role, word: String| {
        Spans::new().add(glyph, shown).add(Role::Text, " ").add(role, word)
    };
    let text = Role::Text;
    match view.phase {
        Phase::Checking => {
            let (doing, percent) = long_work(view);
            span(Role::Progress, "▸", text, format!("{doing} {percent} %"))
        }
        Phase::Metadata => {
            let (got, of) = view.metadata.map_or((0, 0), |progress| (progress.got, progress.of));
            let (got, parts) = (units::count(got.into()), units::count(of.into()));
            let word = match (of, columns < NARROW) {
                (0, true) => "metadata".to_owned(),
                (_, true) => format!("metadata {got}/{parts}"),
                (0, false) => "fetching metadata".to_owned(),
                (_, false) => format!("fetching metadata, {got} of {parts}"),
            };
            let since = match columns < NARROW {
                true => String::new(),
                false => format!("   {}", words::span(view.at.saturating_sub(view.phase_since))),
            };
            let (glyph, shown, role) = match judgement::is_well(view) {
                true => (Role::Progress, "▸", text),
                false => (Role::Trouble, "▲", Role::TroubleWord),
            };
            span(glyph, shown, role, word).add(Role::Text, since)
        }
        Phase::Downloading => {
            let trouble = |word: String| span(Role::Trouble, "▲", Role::TroubleWord, word);
            match (view.stalled_for(), view.verdicts.first().map(|verdict| verdict.code)) {
                (Some(silent), _) => trouble(format!("stalled {}", units::duration(silent))),
                // Where everybody was tried in vain it is told at once.
                (None, Some(VerdictCode::Stalled)) => trouble("stalled".to_owned()),
                (None, Some(VerdictCode::Slow)) => trouble("slow".to_owned()),
                (None, _) if is_trouble(view) => trouble("downloading".to_owned()),
                (None, _) => span(Role::Progress, "▸", text, "downloading".to_owned()),
            }
        }
        Phase::Seeding if view.wants_nothing() => span(Role::Dim, "–", text, "nothing wanted".to_owned()),
        Phase::Seeding => span(Role::Progress, "✓", text, "seeding".to_owned()),
        Phase::Paused => {
            let since = words::span(view.at.saturating_sub(view.phase_since));
            span(Role::Barred, "‖", text, format!("paused by you, {since}{way_on}"))
        }
        Phase::Queued(Queued::Enough) => span(Role::Progress, "✓", text, "done".to_owned()),
        Phase::Queued(_) => span(Role::Barred, "‖", text, "queued".to_owned()),
        Phase::Stopped => span(Role::Trouble, "■", Role::TroubleWord, format!("stopped{way_on}")),
    }
}

/// What is done before the download begins, and how much of it, in whole percent.
pub(in crate::ui) fn long_work(view: &View) -> (&'static str, u64) {
    let percent = |(done, of): (u32, u32)| u64::from(done.min(of)) * 100 / u64::from(of.max(1));
    match view.preparing {
        Some(preparing) => ("making files", percent(preparing)),
        None => ("verifying", view.checked.map_or(0, percent)),
    }
}

/// How much of what is wanted is good, in whole percent; 100 only when all of it is.
pub(in crate::ui) fn percent(view: &View) -> u64 {
    if view.is_whole() && !view.wants_nothing() {
        return 100;
    }
    let total = u128::from(view.wanted_bytes.unwrap_or_default().max(1));
    (u128::from(view.have_bytes) * 100 / total).min(100) as u64
}

/// The time to go, where that can be told.
pub(super) fn time_left(view: &View) -> Option<Duration> {
    view.eta.filter(|eta| view.phase == Phase::Downloading && *eta < LONGEST_ETA)
}

/// The time to go, in words; nothing where there is nothing to wait for.
pub(super) fn eta(view: &View) -> String {
    match view.phase {
        Phase::Downloading => time_left(view)
            .map_or_else(|| "no ETA".to_owned(), |eta| format!("{} left", units::duration(eta))),
        _ => String::new(),
    }
}

/// The first line: the torrent at the left; its state and how much of it is here at the right.
pub(super) fn title(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    first_line(pen, area, model, view, true);
}

/// The first line where the percentage stands in the bar below it.
pub(super) fn state_line(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    first_line(pen, area, model, view, false);
}

fn first_line(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, with_percent: bool) {
    let area = inset(area, 1, 1);
    if area.is_empty() {
        return;
    }
    let wide = area.width >= WIDE;
    let gap = if wide { "    " } else { "   " };
    let eta = eta(view);
    // Where there is little room, what is downloaded matters more than how long it takes, and which recording it is.
    let roomy = area.width >= 60;
    let with_eta = !eta.is_empty() && roomy && (model.replay.is_none() || wide);
    let behind = if with_eta { paint::width(gap) + paint::width(&eta) } else { 0 };
    let mut right = state(model, view, area.width.saturating_sub(behind as u16));
    if with_percent && view.phase != Phase::Checking && view.metadata.is_none() {
        right = right.add(Role::Text, gap).add(Role::Progress, format!("{} %", percent(view)));
    }
    if with_eta {
        right = right.add(Role::Text, format!("{gap}{eta}"));
    }
    let used = pen.spans_right(area.right(), area.y, area.width, &right);
    let room = area.width.saturating_sub(used + if roomy { 2 } else { 1 });
    let total = view.wanted_bytes;
    let mut size = total.map_or_else(String::new, |total| units::bytes(total, pen.look.units));
    if let Some(wanted) = view.wanted_files {
        let (wanted, of) = (wanted as u64, view.torrent.files().len() as u64);
        size = format!("{size} · {} of {} files", units::count(wanted), units::count(of));
    }
    let name_room = room.saturating_sub(paint::width(&size) as u16 + 3);
    let name_room = if name_room < 10 || !roomy { room } else { name_room };
    let mut x = place(pen, Rect { width: name_room, ..area }, model);
    x += pen.put(area.x + x, area.y, name_room - x, &view.torrent.title(), Role::Strong);
    if roomy && !size.is_empty() && x + 3 + paint::width(&size) as u16 <= room {
        x += 3;
        x += pen.put(area.x + x, area.y, room - x, &size, Role::Text);
    }
    let output = format!(" → {}", home_as_tilde(&view.torrent.output.to_string_lossy()));
    if wide && x + 12 <= room {
        pen.put(area.x + x, area.y, room - x, &crate::text::clean(&output, 200), Role::Dim);
    }
}

/// Which of several torrents it is, before its name: `2/5`. Returns the columns it took.
pub(super) fn place(pen: &mut Pen<'_>, area: Rect, model: &Model) -> u16 {
    let Some((at, of)) = model.torrents.place().filter(|(_, of)| *of > 1) else { return 0 };
    let said = format!("{}/{}  ", units::count(at as u64), units::count(of as u64));
    // Which torrent it is matters more than its number.
    if usize::from(area.width) < paint::width(&said) + LEAST_NAME / 2 {
        return 0;
    }
    pen.put(area.x, area.y, area.width, &said, Role::Dim)
}

/// Says in the first line that the screen is frozen, and how the download goes on meanwhile.
pub(super) fn frozen(pen: &mut Pen<'_>, area: Rect, model: &Model, since: Duration, newest: &View) {
    let since = model.clock.saturating_sub(since);
    let row = inset(Rect { height: 1, ..area }, 1, 1);
    let rate = units::rate(newest.rates.down_bps, pen.look.units);
    let said = match row.width {
        0..46 => "= frozen".to_owned(),
        46..90 => format!("= frozen {}, runs at {rate}", words::span(since)),
        _ => format!("= screen frozen {} ago, download runs at {rate}", words::span(since)),
    };
    let way_on = model.hint(Action::Freeze, "goes on");
    let said = format!("   {said}{}{way_on}", if way_on.is_empty() { "" } else { " · " });
    let columns = paint::width(&said) as u16;
    let mut from = row.right().saturating_sub(columns).max(row.x);
    // No half of a word is left.
    while from > row.x && ![" ", "─"].contains(&pen.buf[(from - 1, row.y)].symbol()) {
        from -= 1;
    }
    for x in from..row.right() {
        pen.put(x, row.y, 1, " ", Role::Text);
    }
    pen.put_right(row.right(), row.y, row.width, &said, Role::Barred);
}

/// A folder, as people write it.
pub(in crate::ui) fn folder_as_tilde(folder: &Path) -> String {
    crate::text::clean(&home_as_tilde(&folder.to_string_lossy()), 200)
}

/// Where the download is, as people write it.
pub(super) fn path_as_tilde(view: &View) -> String {
    let output = &view.torrent.output;
    let path = view.torrent.name().map_or_else(|| output.clone(), |name| output.join(name));
    crate::text::clean(&home_as_tilde(&path.to_string_lossy()), 400)
}

/// A path as people write it: the home folder is `~`.
fn home_as_tilde(path: &str) -> String {
    let mut parts = path.splitn(4, '/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(""), Some("home"), Some(_), rest) => {
            rest.map_or_else(|| "~".to_owned(), |rest| format!("~/{rest}"))
        }
        _ => path.to_owned(),
    }
}

/// The second line: progress, or how much of the disk was looked at.
pub(super) fn progress(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let area = inset(area, 1, 1);
    let ((done, of), percent) = match (view.phase, view.preparing.or(view.checked), view.metadata) {
        (Phase::Checking, Some((done, of)), _) => ((u64::from(done), u64::from(of)), long_work(view).1),
        (.., Some(metadata)) => ((metadata.got.into(), metadata.of.into()), 0),
        _ => ((view.have_bytes, view.wanted_bytes.unwrap_or_default()), percent(view)),
    };
    let words = match view.metadata {
        Some(MetadataProgress { of: 0, .. }) => "no part yet".to_owned(),
        Some(MetadataProgress { got, of, .. }) => {
            format!("{} of {} parts", units::count(got.into()), units::count(of.into()))
        }
        None => format!("{percent} %"),
    };
    bar::progress(pen, area, done, of, &words);
}

/// Rows for what is judged: as many as the state in the header alone asks for, so that nothing below them moves when a
/// line comes or goes.
pub(super) fn why_rows(view: &View, columns: u16) -> u16 {
    // In many columns the same is said in a row less.
    let less = u16::from(columns >= FEW_LINES);
    let stalled = view.stalled_for().is_some() || leads(view, VerdictCode::Stalled);
    match view.phase {
        Phase::Checking | Phase::Paused | Phase::Queued(_) | Phase::Seeding => 2,
        Phase::Stopped => 3,
        Phase::Downloading if stalled => 6 - less,
        Phase::Downloading if is_trouble(view) => 4 - less,
        Phase::Metadata | Phase::Downloading => 3,
    }
}

/// Whether this judges the whole.
fn leads(view: &View, code: VerdictCode) -> bool {
    view.verdicts.first().is_some_and(|verdict| verdict.code == code)
}

/// Whether the header says of a download that something is wrong with it.
fn is_trouble(view: &View) -> bool {
    view.stalled_for().is_some() || !judgement::is_well(view)
}

/// The rates as text: `↓ 19.4 MiB/s`, `↑ 412 KiB/s`.
pub(super) fn rates(view: &View, look: &Look) -> (String, String) {
    let (down, up) = (view.rates.down_bps, view.rates.up_bps);
    (format!("↓ {}", units::rate(down, look.units)), format!("↑ {}", units::rate(up, look.units)))
}

/// Title and progress of a page.
pub(super) fn page_head(pen: &mut Pen<'_>, page: &Page, model: &Model, view: &View) {
    state_line(pen, page.title, model, view);
    progress(pen, page.progress, view);
}

/// Rows of the head of the screens that need their room for themselves.
pub(super) const SHORT_HEAD: u16 = 2;

/// The head of the screens that need their room for themselves: title and progress.
pub(super) fn short_head(pen: &mut Pen<'_>, body: &mut Rect, model: &Model, view: &View) {
    state_line(pen, take_top(body, 1), model, view);
    progress(pen, take_top(body, 1), view);
}

/// The key line of a new user: the keys used most, as far as there is room.
fn welcome(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut x = area.x;
    for (action, word) in [
        (Action::Keys, "keys"),
        (Action::Why, "why"),
        (Action::Show(Screen::Overview), "screens"),
        (Action::Open, "opens"),
        (Action::Filter, "filters"),
        (Action::Pause, "pauses"),
        (Action::Quit, "quits"),
    ] {
        let key = match action {
            Action::Show(_) => model.keys.screens(false),
            _ => model.keys.name(action),
        };
        let (hint, dot) = (format!("{key} {word}"), if x > area.x { " · " } else { "" });
        let room = area.right().saturating_sub(x);
        if paint::width(dot) + paint::width(&hint) > usize::from(room) {
            return;
        }
        x += pen.put(x, area.y, room, dot, Role::Dim);
        let width = pen.put(x, area.y, area.right() - x, &hint, Role::Strong);
        pen.targets.add(Rect { x, y: area.y, width, height: 1 }, Target::Do(action));
        x += width;
    }
}

/// The question before quitting: what stops, and how it goes on.
fn quit_question(key: &str, model: &Model, view: &View, columns: u16) -> String {
    let downloads = model.torrents.under_way();
    let stops = match view.phase {
        _ if downloads > 1 => format!("{key} again stops {} downloads", units::count(downloads as u64)),
        _ if model.torrents.are_several() && downloads == 1 => format!("{key} again stops one download"),
        Phase::Checking => format!("{key} again stops {} at {} %", long_work(view).0, long_work(view).1),
        _ => format!("{key} again stops the download at {} %", percent(view)),
    };
    let goes_on = match view.phase {
        Phase::Checking => "the same command begins it again",
        _ => "the same command goes on from there",
    };
    if columns < 74 { stops } else { format!("{stops}; {goes_on}") }
}

/// What stands at the foot of every screen.
pub(super) struct Foot {
    /// The bar of a replay.
    bar: Rect,
    /// The key line.
    keys: Rect,
}

/// Takes the rows of the foot off the bottom of a screen.
pub(super) fn take_foot(body: &mut Rect, model: &Model) -> Foot {
    let mut above = *body;
    let keys = take_bottom(&mut above, 1);
    // How much room the bar gets depends on the whole screen.
    let rows = replay_bar::rows(*body, model);
    let bar = take_bottom(&mut above, rows);
    *body = above;
    Foot { bar, keys }
}

/// Draws the bar of a replay and the key line.
pub(super) fn foot(pen: &mut Pen<'_>, foot: &Foot, model: &Model, view: &View) {
    if let Some(replay) = model.replay.as_ref().filter(|_| !foot.bar.is_empty()) {
        replay_bar::draw(pen, foot.bar, replay);
    }
    last_row(pen, foot, model, view);
}

/// The key line, or what stands in its place: a question, or the answer to a command.
fn last_row(pen: &mut Pen<'_>, foot: &Foot, model: &Model, view: &View) {
    let area = inset(foot.keys, 1, 1);
    if area.is_empty() {
        return;
    }
    if let Some(prompt) = &model.prompt {
        return asking::draw(pen, area, prompt, model, view);
    }
    if model.mode() == Mode::AskQuit {
        let asked = quit_question(&model.keys.name(Action::Quit), model, view, area.width);
        let used = pen.put(area.x, area.y, area.width, &asked, Role::Strong);
        if used + 20 <= area.width {
            pen.put_right(area.right(), area.y, area.width - used, "any other key goes on", Role::Dim);
        }
        return;
    }
    if let Some(note) = &model.note
        && model.clock.saturating_sub(note.since) < ANSWER_STANDS
    {
        let used = if note.trouble { pen.put(area.x, area.y, area.width, "▲ ", Role::Trouble) } else { 0 };
        pen.put(area.x + used, area.y, area.width - used, &note.text, Role::Text);
        return;
    }
    if let Some(replay) = &model.replay {
        // Where there is no row for the bar, it is worth more than the keys.
        return match foot.bar.is_empty() {
            true => replay_bar::draw(pen, foot.keys, replay),
            false => key_line::draw(pen, area, model, view),
        };
    }
    if let Some(at) = model.completed
        && view.at.saturating_sub(at) < ANSWER_STANDS
    {
        let path = path_as_tilde(view);
        let mut used = pen.put(area.x, area.y, area.width, "✓ ", Role::Progress);
        used += pen.put(area.x + used, area.y, area.width - used, &format!("Complete: {path}"), Role::Strong);
        return key_line::beside(pen, inset(area, (used + 2).min(area.width), 0), model, view);
    }
    if let Some((at, answer)) = &view.answer
        && view.at.saturating_sub(*at) < ANSWER_STANDS
    {
        let undo =
            if model.undoable { format!("{} undo", model.keys.name(Action::Undo)) } else { String::new() };
        let room = area.width.saturating_sub(undo.len() as u16 + 2);
        pen.put(area.x, area.y, room, answer, Role::Text);
        pen.put_right(area.right(), area.y, area.width, &undo, Role::Strong);
        return;
    }
    if model.welcome && model.clock < WELCOME_STANDS && !model.torrents.are_none() {
        return welcome(pen, area, model);
    }
    key_line::draw(pen, area, model, view);
}
