//! Everything at a glance.
//!
//! ```text
//!  name, size                                    state, time to go
//!  ██████ 14 % ▌─────────────────────────────────────────────────
//!  ▄▄  ▄▄▄   ▄ ▄  ↓      the other rate, limits
//!   █  █▄█   █▄█         where peers stand
//!  ▄█▄ ▄▄█ ▄   █  MiB/s  what is here
//!  ✓ what it means, in a few lines
//!  Where peers drop off ──────────────  Speed ───────────────────────
//!  Pieces ────────────────────────────────────────────────────────
//!  Peers ─────────────────────────────────────────────────────────
//!  Log ───────────────────────────────────────────────────────────
//! ```
//!
//! In few columns or rows the graph stands above the words, and the funnel below them in two columns; in many the words
//! stand beside the rate. What the size has to spare goes to the graph, then to the pieces, then to the peers, then to the
//! newest of the log.

mod drop_off;
mod map;
mod metadata;
mod rate;
mod speed;

use ratatui::layout::{Constraint, Layout, Rect};

use super::{done, frame, judgement, log, peer_list};
use crate::event::Sample;
use crate::ledger::View;
use crate::ui::flow::{Claim, Flow, rest, up_to, whole};
use crate::ui::funnel::{self, Funnel};
use crate::ui::model::Model;
use crate::ui::paint::{Pen, inset, take_top};
use crate::ui::widgets::large;

pub(super) use map::{full_heights, piece_counts, rarity};
pub(super) use metadata::later;

/// From so many columns and rows on funnel and graph stand side by side.
const BESIDE: (u16, u16) = (72, 17);
/// From so many columns on there is a margin, and a panel has a rule of its own.
const WIDE: u16 = 100;
/// From so many rows on the graph has its third before the peers have their rows.
const TALL: u16 = 50;
/// Rows of the list of peers below which it tells little: its rule, its heads, and the peers.
const LEAST_PEERS: u16 = 5;
/// Rows in which the first peers of both parts are seen.
const SOME_PEERS: u16 = 8;

/// What the overview is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Progress,
    Rate,
    Why,
    Graph,
    Funnel,
    /// Funnel and graph, side by side.
    Middle,
    /// Of a magnet whose metadata are missing: who was asked for them.
    Metadata,
    /// The pieces, or once they are all here, what was done.
    Pieces,
    Peers,
    Log,
}

/// The parts side by side where there is room for that.
const BROAD: [Part; 8] = {
    use Part::*;
    [Title, Progress, Rate, Why, Middle, Pieces, Peers, Log]
};
const NARROW: [Part; 9] = {
    use Part::*;
    [Title, Progress, Rate, Graph, Why, Funnel, Pieces, Peers, Log]
};

/// The parts where the metadata of a magnet are missing: there is no rate, and no piece.
const MAGNET: [Part; 8] = {
    use Part::*;
    [Title, Progress, Why, Metadata, Middle, Funnel, Peers, Log]
};

/// Whether funnel and graph stand side by side in this area.
fn is_broad(area: Rect) -> bool {
    area.width >= BESIDE.0 && area.height >= BESIDE.1
}

/// Columns and rows of the rate with all that is counted beside it, and those of the screen from which on what is judged
/// stands right of that.
const RATE: (u16, u16) = (104, 3);
const JUDGED_BESIDE: (u16, u16) = (190, 40);

/// Whether what is judged stands beside the rate: where it has no more rows in the state that the header tells of.
fn is_judged_beside(area: Rect, view: &View) -> bool {
    area.width >= JUDGED_BESIDE.0
        && area.height >= JUDGED_BESIDE.1
        && view.metadata.is_none()
        && frame::why_rows(view, area.width) <= RATE.1
}

/// Gives every part its place.
fn flow(area: Rect, model: &Model, view: &View) -> Flow<Part> {
    if view.metadata.is_some() {
        return flow_of_magnet(area, model, view);
    }
    use Part::{Graph, Log, Middle, Peers, Pieces, Progress, Rate, Title, Why};
    let broad = is_broad(area);
    let (graph, steps) = if broad { (Middle, Middle) } else { (Graph, Part::Funnel) };
    let all_steps = if broad { 1 + funnel::ROWS } else { drop_off::SMALL_ROWS };
    let (alone, folded) = model.other_rows_folded(view);
    let list = |others| peer_list::rows_of(area.width, model, view, others).saturating_add(1);
    let (all_peers, peers) = (list(alone), list(folded));
    let beside = is_judged_beside(area, view);
    let why = if beside { 0 } else { frame::why_rows(view, area.width) };
    let events = log::rows_of_all(view);
    let (least, enough, more) = piece_heights(area, model, view);
    let mut claims: Vec<Claim<Part>> =
        vec![up_to(Title, 1), up_to(Progress, 1), up_to(Rate, if beside { RATE.1 } else { 1 })];
    claims.extend([whole(Why, why.min(1)), whole(steps, all_steps)]);
    if broad {
        claims.extend([up_to(Peers, LEAST_PEERS.min(peers)), up_to(Why, why)]);
    } else {
        let curve = |rows| up_to(Graph, if moves(view) { rows } else { 0 });
        claims.extend([up_to(Why, 2), curve(1), whole(Peers, LEAST_PEERS.min(peers)), curve(3)]);
        claims.push(up_to(Why, why));
    }
    let large = |rows| large_rate(model).find(|large| *large == rows).map(|rows| whole(Rate, rows));
    claims.extend(large(2));
    claims.extend([whole(Pieces, least), up_to(Peers, SOME_PEERS.min(peers))]);
    claims.extend(large(3));
    // Of a graph with nothing in it the numbers are enough: what it would take goes to the others.
    let third = if moves(view) { (area.height + 1) / 3 } else { 3 };
    // Where rows are short, a step of the funnel beside it has one, and peers come before a higher graph.
    let some = if area.height < TALL { third.min(all_steps + 3) } else { third };
    claims.extend([up_to(graph, some), whole(Pieces, enough), up_to(Peers, peers), up_to(graph, third)]);
    claims.push(whole(Peers, all_peers));
    claims.extend((log::LEAST_ROWS..=events.min(area.height / 5)).map(|rows| whole(Log, rows)));
    claims.extend(more.into_iter().map(|rows| whole(Pieces, rows)));
    // Not its rule alone.
    claims.extend((log::LEAST_ROWS..=events).map(|rows| whole(Log, rows)));
    claims.push(rest(graph));
    Flow::new(area, if broad { &BROAD } else { &NARROW }, &claims)
}

/// Gives every part its place where the metadata of a magnet are missing.
fn flow_of_magnet(area: Rect, model: &Model, view: &View) -> Flow<Part> {
    use Part::{Log, Metadata, Middle, Peers, Progress, Title, Why};
    // Each step has a row, or where there is room for that, two.
    let (steps, least, more) = match is_broad(area) {
        true => (Middle, 1 + funnel::ROWS, 1 + funnel::ROWS * 2),
        false => (Part::Funnel, drop_off::SMALL_ROWS, drop_off::SMALL_ROWS),
    };
    let (why, asked) = (frame::why_rows(view, area.width), metadata::rows(view));
    let peers =
        peer_list::rows_of(area.width, model, view, model.other_rows_folded(view).1).saturating_add(1);
    let events = log::rows_of_all(view);
    let first =
        [up_to(Title, 1), up_to(Progress, 1), up_to(Why, 1), up_to(Metadata, asked.min(4)), up_to(Why, why)];
    let then = [
        whole(steps, least),
        up_to(Metadata, asked),
        whole(Peers, LEAST_PEERS.min(peers)),
        whole(steps, more),
    ];
    let some = whole(Log, events.min(area.height / 5).max(log::LEAST_ROWS.min(events)));
    let last = [some, up_to(Peers, peers), up_to(Log, events), rest(steps)];
    let claims: Vec<Claim<Part>> = first.into_iter().chain(then).chain(last).collect();
    Flow::new(area, &MAGNET, &claims)
}

/// How many seconds nothing has come or gone before the graph is low: not before, so that nothing jumps at the start.
const QUIET_FOR: usize = 60;

/// Whether anything came or went lately, or may yet.
fn moves(view: &View) -> bool {
    let seconds = &view.series.seconds;
    let something = |second: &Sample| second.down_bps > 0 || second.up_bps > 0;
    seconds.len() < QUIET_FOR || seconds.iter().rev().take(QUIET_FOR).any(something)
}

/// Rows in which the rate is large.
pub(super) fn large_rate(model: &Model) -> impl Iterator<Item = u16> {
    large::heights(&model.look).iter().copied().filter(|rows| *rows > 1)
}

/// Where the rows of the peers stand.
pub(super) fn list_area(area: Rect, model: &Model, view: &View) -> Rect {
    list_in(flow(area, model, view).of(Part::Peers)).1
}

/// The list's rule, and the place of its rows.
pub(super) fn list_in(area: Rect) -> (Rect, Rect) {
    let mut rows = area;
    let rule = inset(take_top(&mut rows, 1), 1, 1);
    (rule, inset(rows, u16::from(area.width >= WIDE), 0))
}

/// Draws the overview.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let flow = flow(area, model, view);
    let (mut rate, mut why) = (flow.of(Part::Rate), flow.of(Part::Why));
    if is_judged_beside(area, view) {
        [rate, why] = Layout::horizontal([Constraint::Length(RATE.0), Constraint::Fill(1)]).areas(rate);
    }
    head(pen, [flow.of(Part::Title), flow.of(Part::Progress), rate], model, view);
    judgement::draw_panel(pen, why, model, view);
    metadata::draw(pen, flow.of(Part::Metadata), view);
    middle(pen, flow.of(Part::Middle), model, view);
    speed::curve(pen, inset(flow.of(Part::Graph), 1, 1), model, view);
    drop_off::small(pen, flow.of(Part::Funnel), model, view);
    pieces(pen, flow.of(Part::Pieces), view);
    let (rule, rows) = list_in(flow.of(Part::Peers));
    peer_list::draw(pen, rule, rows, model, view, false);
    log::tail(pen, flow.of(Part::Log), model, view);
}

/// The fewest rows in which [`glance`] says something in so many columns; 0 where it says nothing.
pub(super) fn least_of_glance(columns: u16) -> u16 {
    if columns < BESIDE.0 { 0 } else { 1 + funnel::ROWS }
}

/// Draws how one of several torrents goes: funnel and graph, then what is left of its overview.
pub(super) fn glance(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if least_of_glance(area.width) > 0 {
        let more = if moves(view) { area.height * 2 / 5 } else { 0 };
        middle_and_spare(pen, area, more, model, view);
    }
}

/// Draws the numbers that a page puts in words into the rows that it has to spare: funnel and graph as low as they can be,
/// then what is left of the overview.
pub(super) fn numbers(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    middle_and_spare(pen, area, 0, model, view);
}

/// Funnel and graph in the fewest rows, or in this many where there is room, and below them what is left.
fn middle_and_spare(pen: &mut Pen<'_>, area: Rect, more: u16, model: &Model, view: &View) {
    use Part::{Middle, Pieces};
    let least = least_of_glance(area.width);
    // In a row or two nothing can be said of the pieces.
    let more = if area.height < least + log::LEAST_ROWS { area.height } else { more };
    let flow = Flow::new(area, &[Middle, Pieces], &[whole(Middle, least), whole(Middle, more), rest(Pieces)]);
    middle(pen, flow.of(Middle), model, view);
    spare(pen, flow.of(Pieces), model, view);
}

/// Draws the pieces, or of a magnet who was asked for its metadata, and the newest of the log into the rows that a page
/// has to spare.
pub(super) fn spare(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    use Part::{Log, Metadata, Pieces};
    let events = log::rows_of_all(view);
    let mut claims = Vec::new();
    if view.metadata.is_some() {
        claims.push(up_to(Metadata, metadata::rows(view)));
    } else {
        let (least, enough, more) = piece_heights(area, model, view);
        claims.extend([whole(Pieces, least), whole(Pieces, enough)]);
        claims.extend((log::LEAST_ROWS..=events.min(area.height / 3)).map(|rows| whole(Log, rows)));
        claims.extend(more.into_iter().map(|rows| whole(Pieces, rows)));
    }
    claims.extend((log::LEAST_ROWS..=events).map(|rows| whole(Log, rows)));
    let flow = Flow::new(area, &[Metadata, Pieces, Log], &claims);
    metadata::draw(pen, flow.of(Metadata), view);
    pieces(pen, flow.of(Pieces), view);
    log::tail(pen, flow.of(Log), model, view);
}

/// Rows of the pieces, or once they are all here of what was done: the least, those that show enough, and further ones.
fn piece_heights(area: Rect, model: &Model, view: &View) -> (u16, u16, Vec<u16>) {
    match Funnel::of(view) {
        Funnel::Giving => done::heights(area.width, view, &model.look),
        Funnel::Fetching => map::heights(area, view),
    }
}

fn pieces(pen: &mut Pen<'_>, area: Rect, view: &View) {
    match Funnel::of(view) {
        Funnel::Giving => done::draw(pen, area, view),
        Funnel::Fetching => map::draw(pen, area, view),
    }
}

/// Title, progress and rate.
pub(super) fn head(pen: &mut Pen<'_>, [title, progress, rate]: [Rect; 3], model: &Model, view: &View) {
    frame::state_line(pen, title, model, view);
    frame::progress(pen, progress, view);
    rate::draw(pen, rate, view);
}

/// Funnel and graph side by side, each with its rule; without metadata nothing has a rate yet, and the funnel has it all.
pub(super) fn middle(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if area.is_empty() {
        return;
    }
    if view.metadata.is_some() {
        return drop_off::draw(pen, inset(area, 0, 1), model, view);
    }
    // Half of the columns and a little; where there are few, all that the words of the losses need.
    let left = if area.width < WIDE { 52 } else { (area.width * 21 / 40).clamp(62, 90) };
    let [left, right] = Layout::horizontal([Constraint::Length(left), Constraint::Fill(1)]).areas(area);
    drop_off::draw(pen, inset(left, 0, 1), model, view);
    let right = inset(right, u16::from(area.width >= WIDE), 1);
    speed::draw(pen, right, model, view);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    /// Every size in turn with another moment: a row that no part has would be blank whatever the parts draw.
    #[test]
    fn at_every_size_from_twenty_by_five_on_every_row_has_a_part() {
        let moments = ["starting", "healthy", "slow", "stalled", "paused", "complete", "seeding", "magnet"];
        let views = moments.map(sample::moment);
        let models = views.each_ref().map(|view| {
            let mut model = Model::new(Look::default());
            model.take_in(view);
            model
        });
        for columns in 20..=300 {
            for rows in 4..=99 {
                let at = usize::from(columns + rows) % moments.len();
                let area = Rect::new(0, 0, columns, rows);
                let flow = flow(area, &models[at], &views[at]);
                let parts = BROAD.iter().chain(&NARROW).chain(&MAGNET).map(|part| flow.of(*part));
                let covered = parts.fold(vec![false; usize::from(rows)], |mut covered, part| {
                    (part.top()..part.bottom()).for_each(|y| covered[usize::from(y)] = true);
                    covered
                });
                let blank = covered.iter().filter(|covered| !**covered).count();
                assert_eq!(blank, 0, "{} {columns}×{rows}: {covered:?}", moments[at]);
            }
        }
    }
}
