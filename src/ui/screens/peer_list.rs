//! The peers in two parts: the live ones, and the others with the newest change first.

use std::time::Duration;

use ratatui::layout::Rect;

use crate::event::{PeerKey, Sample};
use crate::ledger::{Group, Groups, PeerRecord, RECENT_SECONDS, View};
use crate::ui::action::Action;
use crate::ui::columns::{LIVE, LIVE_ALL, OTHERS, OTHERS_ALL, Part, RECENT, column, columns};
use crate::ui::folds::{Fold, Line};
use crate::ui::grid::{self, Choose, Context, RowLook};
use crate::ui::hues;
use crate::ui::model::{Model, Panel, Screen, Shown, peer};
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip, inset, take_top, width};
use crate::ui::theme::Role;
use crate::ui::widgets::{selection, spark};
use crate::ui::words::{self, Standing};
use crate::units;

/// After so long a change is old news.
const OLD: Duration = Duration::from_secs(600);

/// The rule above the rows: how many there are, what was filtered for, how many live ones have no row, and their order.
fn rule(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, hidden: usize) {
    let order = model.order.says();
    let order = if area.width >= 98 { behind(order, &model.hint(Action::Sort, "sort")) } else { order };
    let all = units::count(view.peers.len() as u64);
    let note = match model.found(view, Shown::All) {
        None => all,
        Some(found) => {
            let note = format!("{} of {all} with {}", units::count(found as u64), model.filters.peers.text());
            clip(&note, usize::from(area.width).saturating_sub(width(&order) + 22)).into_owned()
        }
    };
    let note = match model.marked.len() {
        0 => note,
        marked => format!("{note} · {marked} marked"),
    };
    let order = match model.filters.peers.is_empty() {
        true => order,
        false => behind(order, &model.hint(Action::Back, "shows all")),
    };
    let more = match hidden {
        0 => String::new(),
        count => format!("+{} more live", units::count(count as u64)),
    };
    let both = if more.is_empty() { order.clone() } else { format!("{more} · {order}") };
    let fits = |right: &str| width(&note) + width(right) + 18 <= usize::from(area.width);
    let right = [both, more, order].into_iter().find(|right| !right.is_empty() && fits(right));
    let (title, note) = match model.tells_of_metadata(view) {
        true => ("Not connected", others_note(view.groups, " · ")),
        false => ("Peers", note),
    };
    pen.rule(area, title, &note, &right.unwrap_or_default());
}

/// A hint behind what stands there, if there is one.
fn behind(said: String, hint: &str) -> String {
    if hint.is_empty() { said } else { format!("{said} · {hint}") }
}

/// How the others are counted on the rule above them.
fn others_note(groups: Groups, separator: &str) -> String {
    let counts = [
        (groups.failed, "failed"),
        (groups.trying, "trying"),
        (groups.left, Group::Left.word()),
        (groups.queued, "queued"),
        (groups.banned, "banned"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(separator)
}

/// What stands in place of rows where there are none.
fn nobody(model: &Model, view: &View) -> String {
    if !view.peers.is_empty() && !model.filters.peers.is_empty() {
        let way_on = model.hint(Action::Back, "takes the filter away.");
        return format!("Nobody here is like that. {way_on}");
    }
    if !view.peers.is_empty() && model.tells_of_metadata(view) {
        return "Every peer that is known is connected.".to_owned();
    }
    if !view.peers.is_empty() || model.shown_here() != Shown::All {
        return format!("None here. {}", model.hint(Action::NextTab, "shows the other groups."));
    }
    let asking = view.trackers.iter().filter(|tracker| tracker.asking.is_some()).count();
    match asking {
        0 => "No peers known yet.".to_owned(),
        1 => "No peers known yet; asking a tracker.".to_owned(),
        n => format!("No peers known yet; asking {n} trackers."),
    }
}

/// So many of those that send are seen before the first of each other state.
const SENDERS_FIRST: usize = 3;

/// Columns that never scroll.
pub(super) const FIXED: usize = 2;

/// Columns in which an address can still be told from others.
const LEAST_ADDRESS: u16 = 14;

/// Columns from which on there are the last seconds of each peer.
const RECENT_FROM: u16 = 115;
/// Columns of a bar beside a number, at least and at most.
const LEAST_BAR: u16 = 3;
const MOST_BAR: u16 = 6;
/// What is lighter than this gives way to such bars.
const BARS: u8 = 35;

/// What most of those that are not connected never sent or got, and the columns from which on it has room beside who named
/// them and what they are.
const AMOUNTS: [&str; 2] = ["received", "sent"];
const AMOUNTS_FROM: u16 = 230;

/// Columns in which a reason can be read, of live peers and of the others, and who named them.
const LIVE_REASON: u16 = 34;
const REASON: u16 = 67;
const NAMED_BY: u16 = 25;

/// The columns of a part that there is room for, and their places: where that is not even one beside state and address,
/// live peers have their rate (or what was scrolled to) there, and a shorter address.
fn placed(model: &Model, part: Part, room: u16, full: bool) -> Vec<grid::Placed<'static, PeerRecord>> {
    let placed = roomy(model, part, room, full);
    if placed.len() > FIXED || part == Part::Others || model.columns.of(part).is_some() {
        return placed;
    }
    let off = if full { model.columns_off } else { 0 };
    let third = if off > 0 { LIVE_ALL[FIXED.saturating_add(off).min(LIVE_ALL.len() - 1)] } else { "down" };
    let narrow = columns(&["state", "address", third]);
    grid::lay_out_narrow(&narrow, room, ("address", LEAST_ADDRESS)).unwrap_or(placed)
}

/// The columns of a part that there is room for in their full widths.
fn roomy(model: &Model, part: Part, room: u16, full: bool) -> Vec<grid::Placed<'static, PeerRecord>> {
    let off = if full { model.columns_off } else { 0 };
    let scrolled = Choose::Scrolled { fixed: FIXED, off };
    if let Some(chosen) = model.columns.of(part) {
        return grid::lay_out(&columns(chosen), room, scrolled);
    }
    let ids = match part {
        Part::Live if full || room >= 148 => LIVE_ALL,
        Part::Live => LIVE,
        // The reasons need their room, so there is no more beside them unless it is asked for.
        Part::Others if room >= 168 || (full && off > 0) => OTHERS_ALL,
        Part::Others | Part::Torrents => OTHERS,
    };
    if off > 0 {
        return grid::lay_out(&columns(ids), room, scrolled);
    }
    let readable = if part == Part::Live { LIVE_REASON } else { REASON };
    let mut columns = columns(ids);
    if part == Part::Others && room < AMOUNTS_FROM {
        columns.retain(|column| !AMOUNTS.contains(&column.id));
    }
    let rates_end = columns.iter().position(|column| column.id == "up").map(|at| at + 1);
    if let Some(at) = rates_end.filter(|_| part == Part::Live && room >= RECENT_FROM) {
        columns.insert(at, &RECENT);
    }
    loop {
        let placed = grid::lay_out(&columns, room, Choose::Weightiest);
        // What can be read is worth more than the least of the numbers, and so are bars beside rates.
        let needs = |place: &grid::Placed<'_, PeerRecord>| match place.id() {
            "why" => readable,
            "source" if part == Part::Others => NAMED_BY,
            _ => 0,
        };
        let cramped = placed.iter().filter(|place| place.width() < needs(place));
        let no_bar = |place: &&grid::Placed<'_, PeerRecord>| bar_columns(place) < LEAST_BAR;
        let bars = placed.iter().any(|place| has_bar(place.id()) && no_bar(&place));
        let bars = (bars && part == Part::Live && room >= RECENT_FROM).then_some(BARS);
        let worth = cramped.map(grid::Placed::weight).max().max(bars);
        let lightest = placed.iter().min_by_key(|place| place.weight());
        match (worth, lightest) {
            (Some(worth), Some(lightest)) if lightest.weight() < worth => {
                let id = lightest.id();
                columns.retain(|column| column.id != id);
            }
            _ => return placed,
        }
    }
}

/// Whether the cells of a column have a bar beside their number.
fn has_bar(id: &str) -> bool {
    matches!(id, "has" | "down" | "up")
}

/// How many columns a bar has beside the longest number.
fn bar_columns(place: &grid::Placed<'_, PeerRecord>) -> u16 {
    let number = if place.id() == "has" { 5 } else { 10 };
    place.width().saturating_sub(number + 1)
}

/// Bars and curves of a row, drawn before its texts.
fn marks(
    pen: &mut Pen<'_>,
    row: Rect,
    placed: &[grid::Placed<'_, PeerRecord>],
    peer: &PeerRecord,
    (most, recent): (Sample, u64),
    pushed: u64,
) {
    for place in placed {
        let area = place.area(row);
        let bar = Rect { width: bar_columns(place).min(MOST_BAR), ..area };
        let bar = if bar.width < LEAST_BAR { Rect { width: 0, ..bar } } else { bar };
        match place.id() {
            "has" => {
                let (count, all) = peer.has.as_ref().map_or((0, 1), |has| (has.count(), has.len()));
                spark::beside(pen, bar, u64::from(count), u64::from(all), Role::Progress);
            }
            "down" => spark::beside(pen, bar, peer.rates.down_bps, most.down_bps, Role::Down),
            "up" => spark::beside(pen, bar, peer.rates.up_bps, most.up_bps, Role::Up),
            id if id == RECENT.id => {
                let area = inset_left(area);
                let (means, role) = recent_means(peer, area.width, pushed);
                spark::line(pen, area, &means, recent, role);
            }
            _ => {}
        }
    }
}

/// The curve of the last seconds keeps a blank from the numbers before it.
fn inset_left(area: Rect) -> Rect {
    let blank = area.width.min(1);
    Rect { x: area.x + blank, width: area.width - blank, ..area }
}

/// The last seconds of a peer in so many columns: what came, or where nothing did, what went.
fn recent_means(peer: &PeerRecord, columns: u16, pushed: u64) -> (Vec<u64>, Role) {
    let seconds = |of: fn(&Sample) -> u64| peer.recent.seconds().iter().map(of).collect::<Vec<u64>>();
    let down = seconds(|second| second.down_bps);
    let (values, role) = match down.iter().any(|bps| *bps > 0) {
        true => (down, Role::Down),
        false => (seconds(|second| second.up_bps), Role::Up),
    };
    (spark::means(&values, RECENT_SECONDS, columns.into(), pushed), role)
}

/// The columns of a part that are in sight on the present screen.
pub(super) fn visible(model: &Model, part: Part) -> Vec<&'static str> {
    let full = model.screen != Screen::Overview || model.zoomed;
    let area = model.size.0 - u16::from(model.size.0 >= 100);
    let room = area.saturating_sub(2);
    let all = placed(model, part, room, full);
    all.iter().map(grid::Placed::id).filter(|id| *id != RECENT.id).collect()
}

/// Draws the list below a rule; with `full`, every column can be scrolled to.
pub(super) fn draw(pen: &mut Pen<'_>, title: Rect, area: Rect, model: &Model, view: &View, full: bool) {
    let (hidden, selected, count) = rows(pen, area, model, view, full);
    let title = selection::place(pen, title, selected, count);
    rule(pen, title, model, view, hidden);
}

/// Draws the rows, and returns for how many live peers there is none, which of all rows is selected, and how many they are.
fn rows(
    pen: &mut Pen<'_>,
    area: Rect,
    model: &Model,
    view: &View,
    full: bool,
) -> (usize, Option<usize>, usize) {
    let wide = area.width >= 98;
    let rows = inset(area, 1, 1);
    let live: Vec<PeerKey> = model.live_rows(view).collect();
    let others = model.other_lines(view);
    if rows.is_empty() {
        return (live.len(), None, 0);
    }
    if live.is_empty() && others.is_empty() {
        pen.put(rows.x + 1, rows.y, rows.width.saturating_sub(1), &nobody(model, view), Role::Dim);
        return (0, None, 0);
    }
    let mut rest = rows;
    let live_placed = placed(model, Part::Live, rows.width, full);
    let other_placed = placed(model, Part::Others, rows.width, full);
    let Shares { head_rows, rule, other_head_rows, live: live_room, .. } =
        shares(rows.height, (live.len(), others.len()), other_placed.len(), full);
    let (column, mark) = (model.order.column.unwrap_or_default(), model.order.mark());
    if head_rows > 0 {
        let row = take_top(&mut rest, 1);
        let heads = if live.is_empty() { &other_placed } else { &live_placed };
        grid::head_by(pen, row, heads, column, mark);
    }
    let part = Rows { model, view };
    let firsts = part.firsts(&live);
    let live: Vec<Line> = live.into_iter().map(|key| Line { key, fold: None }).collect();
    part.draw(pen, take_top(&mut rest, live_room.min(live.len()) as u16), &live, &firsts, &live_placed);
    if rule > 0 && rest.height > 1 {
        let separator = if wide { " · " } else { " " };
        let note = if model.shown_here() == Shown::All && model.filters.peers.is_empty() {
            others_note(view.groups, separator)
        } else {
            String::new()
        };
        let folds = others.iter().any(|line| line.fold.is_some());
        let order = match model.order.column {
            None if folds => "by cause",
            None => "latest first",
            Some(_) => "",
        };
        let row = take_top(&mut rest, 1);
        // In line with the other rules: one column further out than the rows where these have a margin.
        let row = if wide { Rect { x: row.x - 1, width: row.width + 1, ..row } } else { row };
        let without = others.len().saturating_sub(usize::from(rest.height.saturating_sub(other_head_rows)));
        let more = format!("+{} more · {order}", units::count(without as u64));
        let fits = 24 + width(&note) + width(&more) <= usize::from(row.width);
        pen.rule(
            row,
            "not connected",
            &note,
            if without > 0 && fits && !order.is_empty() { &more } else { order },
        );
        if other_head_rows > 0 {
            grid::head_by(pen, take_top(&mut rest, 1), &other_placed, column, mark);
        }
    }
    // However many are being tried, why most failed is in sight.
    let mut keep: Vec<usize> = part.marked(&others).collect();
    keep.extend(part.largest_failure(&others));
    part.draw(pen, rest, &others, &keep, &other_placed);
    let all = live.iter().chain(&others);
    let selected = all.clone().position(|line| takes_keys(model) && model.selected == Some(line.key));
    (live.len().saturating_sub(live_room), selected, all.count())
}

/// Whether the arrows move in this list.
fn takes_keys(model: &Model) -> bool {
    model.screen != Screen::Overview || model.panel == Panel::Peers
}

/// A cell of a row in which several peers stand: the cause, how many, what it means, and when the first is tried again.
fn folded(
    fold: &Fold,
    id: &str,
    columns: u16,
    placed: &[grid::Placed<'_, PeerRecord>],
    view: &View,
) -> Spans {
    let records = || fold.peers.iter().filter_map(|key| peer(view, *key));
    let count = format!("{} peers", units::count(fold.peers.len() as u64));
    match id {
        "state" => {
            let (glyph, word) = Standing::Failed.roles();
            let glyph = Spans::new().add(glyph, Standing::Failed.glyph()).add(Role::Text, " ");
            glyph.add(word, fold.cause.info().short)
        }
        "address" => Spans::new().add(Role::Text, count),
        "why" => {
            let meaning = words::reason_of_all(fold.cause, records());
            let counted = placed.iter().any(|place| place.id() == "address");
            let shown = if counted { meaning } else { format!("{count}: {meaning}") };
            Spans::new().add(Role::Text, shown)
        }
        "next" => {
            let first = records().filter(|peer| peer.next_try.is_some()).min_by_key(|peer| peer.next_try);
            let next = first.map(|peer| words::next_step(peer, view, columns < 15));
            Spans::new().add(Role::Dim, next.unwrap_or_default())
        }
        _ => Spans::new(),
    }
}

/// How the rows of the list are shared.
struct Shares {
    /// For the heads of the columns.
    head_rows: u16,
    /// For the rule above those that are not connected.
    rule: u16,
    /// For the heads of their columns.
    other_head_rows: u16,
    /// For live peers.
    live: usize,
    /// For the others.
    others: usize,
}

/// Shares so many rows between the live peers and the others.
fn shares(height: u16, (live, others): (usize, usize), other_columns: usize, full: bool) -> Shares {
    let head_rows = u16::from(live > 0 || full);
    let rule = u16::from(others > 0 && live > 0);
    // More than a reason and what comes next is not understood without a heading.
    let other_head_rows = u16::from(rule > 0 && other_columns > OTHERS.len());
    let room = usize::from(height.saturating_sub(head_rows + rule + other_head_rows));
    // The others always get a third of the rows, at least two where there are four, and a rule above them.
    let live = match (live, others) {
        (_, 0) => room,
        (0, _) => 0,
        (live, others) => {
            let kept = (room / 3).max(2).min(room / 2).min(others);
            live.min(room.saturating_sub(kept))
        }
    };
    Shares { head_rows, rule, other_head_rows, live, others: room.saturating_sub(live) }
}

/// How many rows so many peers that are not connected get in this area of the overview.
pub(super) fn room_for_others(area: Rect, model: &Model, view: &View, others: usize) -> usize {
    let rows = inset(area, 1, 1);
    let columns = placed(model, Part::Others, rows.width, false).len();
    shares(rows.height, (model.live_rows(view).count(), others), columns, false).others
}

/// How many rows the list takes in so many columns, with one for every live peer and so many for the others.
pub(super) fn rows_of(columns: u16, model: &Model, view: &View, others: usize) -> u16 {
    let live = model.live_rows(view).count();
    let other_columns = placed(model, Part::Others, columns.saturating_sub(2), false).len();
    let Shares { head_rows, rule, other_head_rows, .. } = shares(0, (live, others), other_columns, false);
    let peers = u16::try_from(live + others).unwrap_or(u16::MAX).max(1);
    peers.saturating_add(head_rows + rule + other_head_rows)
}

struct Rows<'a> {
    model: &'a Model,
    view: &'a View,
}

impl Rows<'_> {
    fn standing(&self, key: PeerKey) -> Option<Standing> {
        peer(self.view, key).map(|peer| Standing::of(peer, self.view.at))
    }

    /// The rows of live peers that are kept visible: the marked ones, the first few that send, the first of each state, and
    /// the others that send.
    fn firsts(&self, keys: &[PeerKey]) -> Vec<usize> {
        let mut seen = Vec::new();
        let mut firsts = Vec::new();
        for (at, standing) in keys.iter().enumerate().filter_map(|(at, key)| Some((at, self.standing(*key)?)))
        {
            if !seen.contains(&standing) {
                seen.push(standing);
                firsts.push(at);
            }
        }
        let is = |wanted: fn(&Self, PeerKey) -> bool| {
            keys.iter().enumerate().filter(move |(_, key)| wanted(self, **key)).map(|(at, _)| at)
        };
        let mut kept: Vec<usize> = is(|rows, key| rows.model.marked.contains(&key)).collect();
        let sending = || is(|rows, key| rows.standing(key) == Some(Standing::Sending));
        kept.extend(sending().take(SENDERS_FIRST));
        kept.extend(firsts);
        kept.extend(sending());
        let mut seen = std::collections::HashSet::new();
        kept.retain(|at| seen.insert(*at));
        kept
    }

    /// The rows that are marked.
    fn marked(&self, lines: &[Line]) -> impl Iterator<Item = usize> {
        lines.iter().enumerate().filter(|(_, line)| self.model.marked.contains(&line.key)).map(|(at, _)| at)
    }

    /// The row in which most failed, the first of those that are alike, unless it is marked.
    fn largest_failure(&self, lines: &[Line]) -> Option<usize> {
        let failed =
            lines.iter().enumerate().filter(|(_, line)| self.standing(line.key) == Some(Standing::Failed));
        let peers = |line: &Line| line.fold.as_ref().map_or(1, |fold| fold.peers.len());
        let largest = failed.max_by_key(|(at, line)| (peers(line), std::cmp::Reverse(*at)));
        largest.map(|(at, _)| at).filter(|at| !self.model.marked.contains(&lines[*at].key))
    }

    fn draw(
        &self,
        pen: &mut Pen<'_>,
        area: Rect,
        lines: &[Line],
        keep: &[usize],
        placed: &[grid::Placed<'_, PeerRecord>],
    ) {
        let mut rest = area;
        let chosen = self.model.selected.and_then(|key| lines.iter().position(|line| line.key == key));
        let takes_keys = takes_keys(self.model);
        let context = Context { view: self.view, look: pen.look };
        let rates = lines.iter().filter_map(|line| peer(self.view, line.key)).map(|peer| peer.rates);
        let most = rates.fold(Sample::default(), |most, rates| Sample {
            down_bps: most.down_bps.max(rates.down_bps),
            up_bps: most.up_bps.max(rates.up_bps),
        });
        let seen = grid::visible(lines.len(), usize::from(area.height), chosen, keep);
        // One scale for the rows that are seen: what is high in one is high beside the others.
        let pushed = self.view.series.pushed;
        let curves = placed.iter().find(|place| place.id() == RECENT.id);
        let recent = curves.map_or(0, |place| {
            let columns = inset_left(place.area(area)).width;
            let records = seen.iter().filter_map(|at| peer(self.view, lines[*at].key));
            records.flat_map(|record| recent_means(record, columns, pushed).0).max().unwrap_or(0)
        });
        for at in seen {
            let Line { key, fold } = &lines[at];
            let Some(record) = peer(self.view, *key) else {
                continue;
            };
            let old = !record.is_live() && self.view.at.saturating_sub(record.since) >= OLD;
            let look = RowLook {
                selected: takes_keys && chosen == Some(at),
                dim: old || self.model.held.is_some(),
                marked: self.model.marked.contains(key),
            };
            let row = take_top(&mut rest, 1);
            pen.targets.add(row, Target::Peer(*key));
            match fold {
                None => {
                    if !look.dim {
                        marks(pen, row, placed, record, (most, recent), pushed);
                    }
                    let hue = self.model.hues.of(*key).filter(|_| record.is_live());
                    let state = hue.map(|hue| {
                        let state = column("state").map(|state| (state.cell)(record, context, 0));
                        hues::sign(pen.look, hue, state.unwrap_or_default())
                    });
                    grid::row_with(pen, row, placed, record, context, look, ("state", state));
                }
                Some(fold) => grid::row_of(pen, row, placed, look, |id, columns| {
                    folded(fold, id, columns, placed, self.view)
                }),
            }
        }
    }
}
