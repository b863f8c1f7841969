//! Everything at a glance.
//!
//! ```text
//!  name, size                         state, percent, time to go
//!  ━━━━━━━━╸──────────────────────────────────────────────────────
//!  rates                                       where peers stand
//!  ✓ what it means, in a few lines
//!  Where peers drop off ──────────────  Speed ───────────────────────
//!  Pieces ────────────────────────────────────────────────────────
//!  Peers ─────────────────────────────────────────────────────────
//!  Log ───────────────────────────────────────────────────────────
//! ```
//!
//! Where there is less room the pieces shrink to a row at the end and the empty rows go. What few peers leave free goes to
//! the graph, to what the losses mean, to the pieces, and to the newest of the log.

use ratatui::layout::Rect;

use super::{done, frame, judgement, log, peer_list, pieces, torrent};
use crate::ledger::{TrackerStatus, View};
use crate::ui::action::Action;
use crate::ui::funnel::{self, Funnel};
use crate::ui::model::{Model, Panel, Window};
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, Spans, inset, take_bottom, take_top};
use crate::ui::piece_map::{Layer, Scale};
use crate::ui::theme::{Glyphs, Role};
use crate::ui::widgets::graph::{self, Grows};
use crate::ui::widgets::mosaic::Letters;
use crate::ui::widgets::{bar, mosaic};
use crate::units;

/// Rows of the card that says what was done: a rule, and as many as there is to say.
const DONE_ROWS: u16 = 5;

/// Where the panels stand below the head, and the lines of the judgement.
struct Panels {
    roomy: bool,
    why: Rect,
    lines: Vec<judgement::Line>,
    funnel: Rect,
    pieces: Rect,
    title: Rect,
    peers: Rect,
    /// Empty where all rows are needed for the others.
    log: Rect,
}

/// Rows between panels and of their rules that the peers do not have: below the funnel, below the pieces, their title.
const BETWEEN: u16 = 3;
/// Rows of the grid of pieces, and what else it may take.
const GRID_ROWS: u16 = 4;
const GRID_MORE: u16 = 4;
/// A rule and two events: with less the log says nothing.
const LOG_LEAST: u16 = 3;

/// Gives every panel its place.
fn panels(area: Rect, model: &Model, view: &View) -> Panels {
    let roomy = area.width >= 100 && area.height >= 33;
    let mut body = area;
    take_top(&mut body, frame::HEAD);
    if roomy {
        take_top(&mut body, 1);
    }
    // In trouble the words matter more than pieces and a row of peers.
    let least_peers = 5;
    let room_for_why = usize::from(body.height.saturating_sub(1 + funnel::ROWS + 1 + least_peers));
    let short = area.height < 28 && judgement::is_well(view);
    let room_for_why = if short { view.verdicts.len().clamp(2, 3) } else { room_for_why.max(1) };
    let lines = judgement::summary(model, view, area.width, room_for_why);
    let why = take_top(&mut body, lines.len() as u16);
    let peers = peer_list::rows_of_all(area.width, model, view);
    let (funnel, pieces);
    if roomy {
        take_top(&mut body, 1);
        let least = 1 + funnel::ROWS;
        let grid = |most| grid_rows(view, area.width, most);
        let (rows, more) = match Funnel::of(view) {
            Funnel::Giving => (DONE_ROWS, 0),
            Funnel::Fetching => {
                let few = grid(if body.height > least + 19 { GRID_ROWS } else { GRID_ROWS / 2 });
                (few + 2, grid(GRID_ROWS + GRID_MORE) - few)
            }
        };
        // What nobody needs goes to the graph, up to a third of the screen, and to the pieces as long as they have more to
        // show.
        let spare = body.height.saturating_sub((least + rows + BETWEEN).saturating_add(peers));
        let graph = spare.min((area.height / 3).saturating_sub(least));
        funnel = take_top(&mut body, least + graph);
        take_top(&mut body, 1);
        pieces = take_top(&mut body, rows + (spare - graph).min(more));
        take_top(&mut body, 1);
    } else {
        funnel = take_top(&mut body, 1 + funnel::ROWS);
        let rows = match Funnel::of(view) {
            Funnel::Giving if body.height >= 11 => 3,
            _ if body.height >= 9 => 2,
            _ => 0,
        };
        pieces = take_bottom(&mut body, rows);
    }
    let title = inset(take_top(&mut body, 1), 1, 1);
    let log = room_for_log(&mut body, peers, roomy);
    let peers = inset(body, u16::from(area.width >= 100), 0);
    Panels { roomy, why, lines, funnel, pieces, title, peers, log }
}

/// What few peers leave free, with a blank row above it where there are some between panels.
fn room_for_log(body: &mut Rect, peers: u16, roomy: bool) -> Rect {
    let free = body.height.saturating_sub(peers).saturating_sub(u16::from(roomy));
    if free < LOG_LEAST {
        return Rect::default();
    }
    let log = take_bottom(body, free);
    if roomy {
        take_bottom(body, 1);
    }
    log
}

/// Where the rows of the peers stand.
pub(super) fn list_area(area: Rect, model: &Model, view: &View) -> Rect {
    panels(area, model, view).peers
}

/// Draws the overview.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::head(pen, &mut body, model, view);
    let panels = panels(area, model, view);
    judgement::draw_lines(pen, panels.why, &panels.lines, model);
    if panels.roomy {
        roomy_middle(pen, panels.funnel, model, view);
        lost_below(pen, panels.funnel, view);
        if Funnel::of(view) == Funnel::Giving {
            done::draw(pen, panels.pieces, view);
        } else {
            roomy_pieces(pen, panels.pieces, view);
        }
    } else {
        let columns = if area.width >= 100 { area.width * 3 / 5 } else { 52 };
        funnel(pen, Rect { width: columns.saturating_sub(1), ..panels.funnel }, model, view);
        compact_speed(pen, inset(panels.funnel, columns, 1), model, view);
        match Funnel::of(view) {
            _ if panels.pieces.is_empty() => {}
            Funnel::Giving => done::draw(pen, panels.pieces, view),
            Funnel::Fetching => compact_pieces(pen, panels.pieces, view),
        }
    }
    peer_list::draw(pen, panels.title, panels.peers, model, view, false);
    if !panels.log.is_empty() {
        log::tail(pen, panels.log, model, view);
    }
}

/// Below the funnel, where its graph is taller, what its losses mean.
fn lost_below(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = Rect { width: funnel_columns(area.width) - 2, ..area };
    take_top(&mut rest, 2 + funnel::ROWS);
    judgement::put_lines(pen, rest, judgement::lost_within(view, rest.width, rest.height).iter());
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

/// What stands beside a step: where its peers come from, or where the others were lost. Wordings that read the
/// same are counted together.
fn beside(view: &View, step: usize, separator: &str) -> Vec<(usize, String)> {
    if step == 0 {
        let brief = separator.trim().is_empty();
        let answered =
            view.trackers.iter().filter(|tracker| matches!(tracker.status, TrackerStatus::Ok(_))).count();
        let said = match view.trackers.len() {
            0 => "no tracker to ask".to_owned(),
            1 => one_tracker(&view.trackers[0].status, brief),
            total if brief => format!("from {answered} of {total} trackers"),
            total => format!("{answered} of {total} trackers answered"),
        };
        return vec![(0, said)];
    }
    let losses = Funnel::of(view).losses(view, step).into_iter().enumerate();
    losses.map(|(at, (word, count))| (at + 1, format!("{count} {word}"))).collect()
}

/// The funnel: a title, and a row for every step.
pub(super) fn funnel(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut rows = area;
    let title = inset(take_top(&mut rows, 1), 1, 0);
    let hint = match model.panel {
        Panel::Funnel => model.hint(Action::Open, "lists them"),
        Panel::Peers => model.hint(Action::NextPanel, "picks a step"),
    };
    pen.rule(title, "Where peers drop off", "", &hint);
    let roomy = area.width >= 60;
    let separator = if roomy { " · " } else { " " };
    let bars = if roomy { 14 } else { 8 };
    let focused = model.panel == Panel::Funnel;
    let shown = Funnel::of(view);
    let counts = shown.counts(view);
    for (step, (name, count)) in shown.steps().iter().zip(&counts).enumerate() {
        let row = take_top(&mut rows, 1);
        if row.is_empty() {
            return;
        }
        let here = focused && model.step.0 == step;
        if here {
            pen.put(row.x, row.y, 1, "▸", Role::Strong);
        }
        let role = if here && model.step.1 == 0 { Role::Strong } else { Role::Text };
        pen.put(row.x + 1, row.y, 10, name, role);
        pen.put_right(row.x + 15, row.y, 5, &count.to_string(), Role::Strong);
        bar::blocks(pen, (row.x + 17, row.y), bars, (u64::from(*count), u64::from(counts[0])), Role::Dim);
        let x = row.x + 17 + bars + 2;
        let room = row.right().saturating_sub(x);
        let items = beside(view, step, separator);
        let picked = if here { model.step.1 } else { 0 };
        let (said, places) = losses(&items, picked, separator, usize::from(room));
        pen.targets.add(row, Target::Step(step, 0));
        for (at, from, width) in places {
            let (from, width) = (x.saturating_add(from), width.min(room));
            pen.targets.add(Rect { x: from, width, height: 1, ..row }, Target::Step(step, at));
        }
        pen.spans(x, row.y, room, &said);
    }
    let row = take_top(&mut rows, 1);
    if shown == Funnel::Giving && !row.is_empty() {
        let uploaded = units::bytes(view.up_bytes, pen.look.units);
        let ratio =
            torrent::ratio(view).map_or_else(String::new, |ratio| format!("{separator}ratio {ratio:.2}"));
        let said =
            Spans::new().add(Role::Text, "uploaded  ").add(Role::Strong, uploaded).add(Role::Text, ratio);
        pen.spans(row.x + 1, row.y, row.width.saturating_sub(1), &said);
    }
}

/// The losses in so many columns: the picked one in brackets, and those that do not fit as a number. And where each
/// stands: which it is, the first of its columns, and how many it has.
fn losses(
    items: &[(usize, String)],
    picked: usize,
    separator: &str,
    room: usize,
) -> (Spans, Vec<(usize, u16, u16)>) {
    let mut words = Spans::new();
    let mut places = Vec::new();
    for (n, (at, text)) in items.iter().enumerate() {
        let chosen = picked == *at && *at > 0;
        let text = if chosen { format!("[{text}]") } else { text.clone() };
        let needs = if n > 0 { paint::width(separator) } else { 0 } + paint::width(&text);
        let more = if n + 1 < items.len() { paint::width(separator) + 4 } else { 0 };
        if n > 0 && words.width() + needs + more > room {
            let left: u64 =
                items[n..].iter().filter_map(|(_, text)| text.split(' ').next()?.parse::<u64>().ok()).sum();
            words.push(Role::Dim, format!("{separator}+{left}"));
            break;
        }
        if n > 0 {
            words.push(Role::Dim, separator);
        }
        places.push((*at, words.width() as u16, paint::width(&text) as u16));
        words.push(if chosen { Role::Strong } else { Role::Text }, text);
    }
    (words, places)
}

/// What the window is called.
fn window_name(window: Window) -> &'static str {
    match window {
        Window::Minute => "last minute",
        Window::FiveMinutes => "last 5 minutes",
        Window::Quarter => "last 15 minutes",
        Window::Hour => "last hour",
        Window::Run => "whole run",
    }
}

/// Down and up rates of the window, one a point.
fn values(model: &Model, view: &View, columns: u16, glyphs: Glyphs) -> (Vec<u64>, Vec<u64>) {
    let points = graph::points(&view.series, model.window, graph::points_in(columns, glyphs));
    points.iter().map(|point| point.map_or((0, 0), |sample| (sample.down_bps, sample.up_bps))).unzip()
}

fn most(values: &[u64]) -> u64 {
    values.iter().copied().max().unwrap_or(0)
}

/// Columns of the funnel where the graph stands beside it.
pub(super) fn funnel_columns(all: u16) -> u16 {
    (all * 21 / 40).clamp(62, 90)
}

/// From so many rows on what comes has a number at half its scale.
const MIDDLE_FROM: u16 = 4;

/// Funnel and graph side by side, each with its rule.
pub(super) fn roomy_middle(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let left = funnel_columns(area.width);
    funnel(pen, Rect { width: left - 1, ..area }, model, view);
    let mut right = inset(area, left + 1, 1);
    let key = model.keys.name_here(Action::Window, model);
    let note =
        format!("{}{}", window_name(model.window), key.map_or_else(String::new, |key| format!(" · {key}")));
    pen.rule(take_top(&mut right, 1), "Speed", "", &note);
    if right.height < 4 {
        return;
    }
    let labels = 10;
    let points = inset(right, labels, 0);
    let (down, up) = values(model, view, points.width, pen.look.glyphs);
    let (full_down, down_label) = model.scales.down(most(&down), pen.look.units);
    let (full_up, up_label) = model.scales.up(most(&up), pen.look.units);
    // What comes gets all rows but one for the axis and at least one for what goes.
    let up_rows = 1 + (right.height - 4) / 4;
    let mut rest = points;
    let above = take_top(&mut rest, right.height - 1 - up_rows);
    let axis = take_top(&mut rest, 1);
    for row in 0..right.height {
        let y = right.y + row;
        let glyph = match () {
            () if y == axis.y => "┼",
            () if row == 0 || y == axis.y + 1 => "┤",
            () => "│",
        };
        pen.put(right.x + labels - 1, y, 1, glyph, Role::Dim);
    }
    for x in axis.left()..axis.right() {
        pen.put(x, axis.y, 1, "─", Role::Dim);
    }
    let put_label = |pen: &mut Pen<'_>, y: u16, label: &str| {
        pen.put_right(right.x + labels - 1, y, labels - 1, label, Role::Dim);
    };
    put_label(pen, above.y, &format!("{down_label} ↓"));
    if above.height >= MIDDLE_FROM {
        let y = above.y + above.height / 2;
        put_label(pen, y, &format!("{}  ", units::bytes(full_down / 2, pen.look.units).replace(".0 ", " ")));
        pen.put(right.x + labels - 1, y, 1, "┤", Role::Dim);
    }
    put_label(pen, axis.y, "0");
    put_label(pen, axis.y + 1, &format!("{up_label} ↑"));
    graph::draw(pen, above, &down, full_down, Grows::Up, Role::GraphDown(5));
    graph::draw(pen, rest, &up, full_up, Grows::Down, Role::GraphUp(5));
}

/// The graph without axes, its scale in the title.
pub(super) fn compact_speed(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut rest = area;
    let title = take_top(&mut rest, 1);
    if title.width < 12 || rest.height < 3 {
        return;
    }
    let (down, up) = values(model, view, rest.width, pen.look.glyphs);
    let (full_down, label) = model.scales.down(most(&down), pen.look.units);
    let (full_up, up_label) = model.scales.up(most(&up), pen.look.units);
    // The one scale there is room for is that of what moves.
    let label =
        if most(&down) == 0 && most(&up) > 0 { format!("↑ {up_label}/s") } else { format!("{label}/s") };
    let short = match model.window {
        Window::Minute => "1 min",
        Window::FiveMinutes => "5 min",
        Window::Quarter => "15 min",
        Window::Hour => "1 h",
        Window::Run => "run",
    };
    let name = format!("Speed, {short}");
    let name =
        if paint::width(&name) + paint::width(&label) + 7 > usize::from(title.width) { short } else { &name };
    pen.rule(title, name, "", &label);
    let above = take_top(&mut rest, area.height - 2);
    graph::draw(pen, above, &down, full_down, Grows::Up, Role::GraphDown(5));
    graph::draw(pen, rest, &up, full_up, Grows::Down, Role::GraphUp(5));
}

/// A graph of what comes, in so many rows.
pub(super) fn down_graph(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, rows: u16) {
    let (down, _) = values(model, view, area.width, pen.look.glyphs);
    let (full, _) = model.scales.down(most(&down), pen.look.units);
    graph::draw(pen, Rect { height: rows, ..area }, &down, full, Grows::Up, Role::GraphDown(5));
}

/// How many pieces are verified, arriving and bad: `2 098 of 15 104 verified · 41 arriving`.
pub(super) fn piece_counts(view: &View, with_bad: bool) -> String {
    let pieces = &view.pieces;
    let total = u64::from(view.torrent.geometry.piece_count());
    let mut said = format!("{} of {} verified", units::count(u64::from(pieces.good)), units::count(total));
    if pieces.arriving > 0 {
        said += &format!(" · {} arriving", units::count(u64::from(pieces.arriving)));
    }
    if with_bad || pieces.failures > 0 {
        said += &format!(" · {} bad", units::count(u64::from(pieces.failures)));
    }
    said
}

/// How rare the rarest missing piece is.
pub(super) fn rarity(view: &View) -> String {
    if view.groups.live == 0 {
        return String::new();
    }
    match view.pieces.rarest() {
        None => String::new(),
        Some(0) => {
            let states = view.pieces.states.iter().zip(&view.pieces.held_by);
            let unheld =
                states.filter(|(state, held)| **state != crate::ledger::PieceState::Good && **held == 0);
            format!("no peer has {} of them", units::count(unheld.count() as u64))
        }
        Some(1) => "at least 1 peer has each".to_owned(),
        Some(n) => format!("at least {n} peers have each"),
    }
}

/// Rows of the grid that hold any cells, of at most so many.
fn grid_rows(view: &View, columns: u16, most: u16) -> u16 {
    let columns = usize::from(columns.saturating_sub(4)).max(1);
    let pieces = view.pieces.states.len();
    let a_cell = Scale::whole(pieces, columns * usize::from(most)).pieces_a_cell();
    pieces.div_ceil(a_cell * columns).clamp(1, usize::from(most)) as u16
}

fn roomy_pieces(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = area;
    let title = inset(take_top(&mut rest, 1), 1, 1);
    pen.rule(title, "Pieces", &piece_counts(view, true), &rarity(view));
    let legend_row = inset(take_bottom(&mut rest, 1), 1, 1);
    let grid = inset(rest, 2, 2);
    mosaic::draw(pen, grid, view);
    let cells = usize::from(grid.width) * usize::from(grid.height);
    let scale = Scale::whole(view.pieces.states.len(), cells);
    let legend = mosaic::legend(Layer::State, &Letters::default(), |_| String::new());
    pieces::legend(pen, inset(legend_row, 1, 1), &legend, scale);
}

fn compact_pieces(pen: &mut Pen<'_>, area: Rect, view: &View) {
    let mut rest = area;
    let title = inset(take_top(&mut rest, 1), 1, 1);
    let used = pen.put(title.x, title.y, title.width, "Pieces", Role::Strong) + 2;
    let counts = piece_counts(view, false);
    let used = used + pen.put(title.x + used, title.y, title.width.saturating_sub(used), &counts, Role::Text);
    let rarity = rarity(view);
    if usize::from(used) + 2 + paint::width(&rarity) <= usize::from(title.width) {
        pen.put_right(title.right(), title.y, title.width, &rarity, Role::Dim);
    }
    let grid = inset(rest, 1, 1);
    mosaic::draw(pen, grid, view);
}
