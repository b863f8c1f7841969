//! Where peers drop off: each step with a bar of those that got there, and behind it those that were lost before.

use ratatui::layout::Rect;

use crate::ledger::{TrackerStatus, View};
use crate::ui::action::Action;
use crate::ui::funnel::{Fate, Funnel, Loss};
use crate::ui::model::{Model, Panel};
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, inset, take_top, width};
use crate::ui::screens::{judgement, torrent};
use crate::ui::theme::Role;
use crate::ui::widgets::bar::{self, Part};
use crate::ui::widgets::selection;
use crate::units;

/// Rows of the steps in two columns.
pub(super) const SMALL_ROWS: u16 = 3;
/// Columns before the bar of a step: its name and its count.
const HEAD: u16 = 17;
/// From so many columns on bars and words stand apart.
const ROOMY: u16 = 60;

/// How a loss looks: in words, and as the tail of a bar.
fn look(loss: &Loss) -> (Role, &'static str) {
    match loss.fate {
        Fate::UnderWay => (Role::Text, "·"),
        Fate::Waits => (Role::Delayed(loss.tint), "▓"),
        Fate::Failed => (Role::Failed(loss.tint), "▒"),
        Fate::Barred => (Role::BarredWord, "░"),
    }
}

/// How the bar of a step looks: brighter from step to step, in the hue of the way data goes; the last is what all is about.
fn step_role(funnel: Funnel, step: usize, steps: usize) -> Role {
    let last = steps.saturating_sub(1);
    match funnel {
        Funnel::Fetching if step == last => Role::Down,
        Funnel::Fetching => Role::GraphDown(Role::step(step as u64, last as u64)),
        Funnel::Giving if step == last => Role::Up,
        Funnel::Giving => Role::GraphUp(Role::step(step as u64, last as u64)),
    }
}

/// What the only tracker there is did; in its short wording where `brief`.
fn one_tracker(status: &TrackerStatus, brief: bool) -> String {
    match status {
        TrackerStatus::Ok(_) => "the tracker answered".to_owned(),
        TrackerStatus::Pending if brief => "tracker: no answer yet".to_owned(),
        TrackerStatus::Pending => "the tracker has not answered".to_owned(),
        TrackerStatus::Failed(error, _) => {
            let the = if brief { "" } else { "the " };
            format!("{the}tracker: {}", error.info().short)
        }
    }
}

/// Where the peers come from that are known.
fn sources(view: &View, brief: bool) -> String {
    let answered =
        view.trackers.iter().filter(|tracker| matches!(tracker.status, TrackerStatus::Ok(_))).count();
    let by_peers: u32 = view.finders.iter().map(|finder| finder.peers).sum();
    match view.trackers.len() {
        0 if by_peers > 0 => format!("{} named by peers", units::count(by_peers.into())),
        0 => "no tracker to ask".to_owned(),
        1 => one_tracker(&view.trackers[0].status, brief),
        total if brief => format!("from {answered} of {total} trackers"),
        total => format!("{answered} of {total} trackers answered"),
    }
}

/// Something that stands beside a step: which of its losses it is (0: none), in words, and how it looks.
struct Beside {
    loss: usize,
    said: String,
    role: Role,
}

/// What stands beside a step: where its peers come from, or where the others were lost.
fn beside(view: &View, step: usize, losses: &[Loss], brief: bool) -> Vec<Beside> {
    if step == 0 {
        return vec![Beside { loss: 0, said: sources(view, brief), role: Role::Dim }];
    }
    let said = |(at, loss): (usize, &Loss)| Beside {
        loss: at + 1,
        said: format!("{} {}", loss.count, loss.word),
        role: look(loss).0,
    };
    losses.iter().enumerate().map(said).collect()
}

/// Draws the panel: a rule, the steps, and below them what the losses mean.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut rows = area;
    let title = inset(take_top(&mut rows, 1), 1, 0);
    let hint = match model.panel {
        Panel::Funnel => model.hint(Action::Open, "lists them"),
        Panel::Peers => model.hint(Action::NextPanel, "picks a step"),
    };
    pen.rule(title, "Where peers drop off", "", &hint);
    let funnel = Funnel::of(view);
    let steps = funnel.steps().len() as u16;
    let below = u16::from(funnel == Funnel::Giving);
    // A step has its words beside its bar; a row for each where there are twice the rows.
    let a_step = if rows.height >= steps * 2 + below { 2 } else { 1 };
    let counts = funnel.counts(view);
    for (step, name) in funnel.steps().iter().enumerate() {
        let place = take_top(&mut rows, a_step);
        if place.is_empty() {
            return;
        }
        draw_step(pen, place, (step, name), &counts, model, view);
    }
    if below > 0 {
        uploaded(pen, take_top(&mut rows, 1), view);
    }
    // What is left goes to what the losses mean.
    let told = judgement::lost_within(view, rows.width, rows.height);
    // A row apart from the steps, where that costs nothing of it.
    let less = rows.height.saturating_sub(1);
    if a_step == 1 && judgement::lost_within(view, rows.width, less) == told {
        take_top(&mut rows, 1);
    }
    judgement::put_lines(pen, rows, told.iter());
}

fn draw_step(
    pen: &mut Pen<'_>,
    area: Rect,
    (step, name): (usize, &str),
    counts: &[u32],
    model: &Model,
    view: &View,
) {
    let mut rest = area;
    let row = take_top(&mut rest, 1);
    let here = model.panel == Panel::Funnel && model.step.0 == step;
    if here {
        pen.put(row.x, row.y, 1, "▸", Role::Strong);
    }
    let role = if here && model.step.1 == 0 { Role::Strong } else { Role::Text };
    pen.put(row.x + 1, row.y, 10, name, role);
    pen.put_right(row.x + 15, row.y, 5, &counts[step].to_string(), Role::Strong);
    let funnel = Funnel::of(view);
    let losses = funnel.losses(view, step);
    let roomy = area.width >= ROOMY;
    let columns = match (rest.is_empty(), roomy) {
        (false, _) => area.width.saturating_sub(HEAD + 1),
        (true, true) => 14,
        (true, false) => 8,
    };
    let mut parts = vec![Part {
        share: u64::from(counts[step]),
        glyph: "█",
        role: step_role(funnel, step, counts.len()),
    }];
    parts.extend(losses.iter().map(|loss| {
        let (role, glyph) = look(loss);
        Part { share: u64::from(loss.count), glyph, role }
    }));
    let place = Rect { x: row.x + HEAD, width: columns, ..row };
    bar::stacked(pen, place, &parts, u64::from(counts[0]));
    let words = if rest.is_empty() { inset(row, HEAD + columns + 2, 0) } else { inset(rest, HEAD, 0) };
    pen.targets.add(area, Target::Step(step, 0));
    let picked = if here { model.step.1 } else { 0 };
    let separator = if roomy { " · " } else { " " };
    let (said, places) =
        in_words(&beside(view, step, &losses, !roomy), picked, separator, usize::from(words.width));
    for (loss, from, columns) in places {
        let target = Rect { x: words.x.saturating_add(from), width: columns.min(words.width), ..words };
        pen.targets.add(target, Target::Step(step, loss));
    }
    pen.spans(words.x, words.y, words.width, &said);
    if here {
        selection::around(pen, area, place);
    }
}

/// The losses in so many columns: the picked one in brackets, and those that do not fit as a number. And where each
/// stands: which it is, the first of its columns, and how many it has.
fn in_words(
    items: &[Beside],
    picked: usize,
    separator: &str,
    room: usize,
) -> (Spans, Vec<(usize, u16, u16)>) {
    let mut words = Spans::new();
    let mut places = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let chosen = picked == item.loss && item.loss > 0;
        let text = if chosen { format!("[{}]", item.said) } else { item.said.clone() };
        let needs = if n > 0 { width(separator) } else { 0 } + width(&text);
        let more = if n + 1 < items.len() { width(separator) + 4 } else { 0 };
        if n > 0 && words.width() + needs + more > room {
            let left: u64 =
                items[n..].iter().filter_map(|item| item.said.split(' ').next()?.parse::<u64>().ok()).sum();
            words.push(Role::Dim, format!("{separator}+{left}"));
            break;
        }
        if n > 0 {
            words.push(Role::Dim, separator);
        }
        places.push((item.loss, words.width() as u16, width(&text) as u16));
        words.push(if chosen { Role::Strong } else { item.role }, text);
    }
    (words, places)
}

/// What was sent in all.
fn uploaded(pen: &mut Pen<'_>, row: Rect, view: &View) {
    if row.is_empty() {
        return;
    }
    let sent = units::bytes(view.up_bytes, pen.look.units);
    let ratio = torrent::ratio(view).map_or_else(String::new, |ratio| format!("  ratio {ratio:.2}"));
    let said = Spans::new().add(Role::Text, "uploaded  ").add(Role::Strong, sent).add(Role::Text, ratio);
    pen.spans(row.x + 1, row.y, row.width.saturating_sub(1), &said);
}

/// The steps in two columns, without bars.
pub(super) fn small(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    let shown = Funnel::of(view);
    let counts = shown.counts(view);
    let half = area.width / 2;
    for (at, (name, count)) in shown.steps().iter().zip(counts).enumerate() {
        let (column, row) = (at as u16 / SMALL_ROWS, at as u16 % SMALL_ROWS);
        if row >= area.height {
            continue;
        }
        let place = Rect { x: area.x + column * half, y: area.y + row, width: half, height: 1 };
        pen.targets.add(place, Target::Step(at, 0));
        let here = model.panel == Panel::Funnel && model.step.0 == at;
        let role = if here { Role::Strong } else { Role::Text };
        if here {
            pen.put(place.x, place.y, 1, "▸", role);
        }
        let (x, edge) = (place.x + 1, half.saturating_sub(1).min(16));
        pen.put(x, place.y, edge, name, role);
        pen.put_right(x + edge, place.y, 5, &format!(" {count}"), role);
        if here {
            selection::around(pen, place, Rect::default());
        }
    }
}
