//! All torrents of the run, and how the selected one goes.
//!
//! ```text
//!  5 torrents   3 downloading · 1 seeding · 1 stalled          ↓ 24.8 MiB/s   ↑ 1.9 MiB/s   port 6881 ✓
//!  Torrents ── 5 ──────────────────────────────────────────────────────────────── by queue ▴ ── 1/5 ──
//!    STATE         NAME                            DONE              ↓           ↑  PEERS    LEFT  WHY
//!  ▸ ▸ downloading debian-12.2.0-amd64-DVD-1.iso   ━━━━╸───  52 %  …
//!  debian-12.2.0-amd64-DVD-1.iso ──────────────────────────────────────────────── → ~/downloads ──
//!  ✓ what it means; with rows to spare its funnel, graph and pieces
//! ```

use ratatui::layout::Rect;

use super::{absent, frame, judgement, more, overview};
use crate::ledger::{TorrentRow, Totals, View};
use crate::ui::action::Action;
use crate::ui::columns::Part as ColumnPart;
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid::{self, Choose, Context, RowLook};
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip, inset, take_top, width, wrap};
use crate::ui::theme::Role;
use crate::ui::torrent_list::{columns_for, rests};
use crate::ui::widgets::selection;
use crate::units;

/// Columns that stand between two things in the head.
const GAP: &str = "   ";

/// What the screen is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Head,
    Rule,
    List,
    /// The rule above what judges the selected one.
    Selected,
    /// What judges it.
    Why,
    /// How it goes, in the rows that are to spare.
    Glance,
}

/// Gives every part its place.
fn flow(area: Rect, model: &Model, view: &View) -> Flow<Part> {
    use Part::{Glance, Head, List, Rule, Selected, Why};
    let rows = u16::try_from(model.torrents.len()).unwrap_or(u16::MAX).saturating_add(1);
    let is_seen = model.torrents.is_seen_in(view);
    let judged = if is_seen { frame::why_rows(view, area.width) } else { 1 };
    let glance = if is_seen { overview::least_of_glance(area.width) } else { 0 };
    let claims = [
        up_to(Head, 1),
        up_to(List, 2),
        up_to(Why, 1),
        up_to(List, rows.min(4)),
        up_to(Rule, 1),
        up_to(Selected, 1),
        up_to(List, rows.min(6)),
        up_to(Why, judged),
        up_to(List, rows),
        whole(Glance, glance),
        rest(if glance > 0 { Glance } else { List }),
    ];
    Flow::new(area, &[Head, Rule, List, Selected, Why, Glance], &claims)
}

/// Draws the list and what is to be said of its selected row.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if model.torrents.newest.rows.is_empty() {
        return nothing(pen, area, model);
    }
    let flow = flow(area, model, view);
    head(pen, inset(flow.of(Part::Head), 1, 1), model);
    list(pen, flow.of(Part::Rule), flow.of(Part::List), model, view);
    said(pen, flow.of(Part::Selected), flow.of(Part::Why), model, view);
    overview::glance(pen, flow.of(Part::Glance), model, view);
}

/// How one begins.
pub(super) fn nothing(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut area = inset(area, 1, 1);
    let row = take_top(&mut area, 1);
    let used = pen.put(row.x, row.y, row.width, "No torrents", Role::Strong);
    let all = &model.torrents.newest;
    pen.spans_right(row.right(), row.y, row.width.saturating_sub(used + 1), &port(all.port, false));
    let key = model.hint(Action::Add, "");
    let way = format!("Paste a magnet or a path, or press {}.", key.trim());
    let around = &model.surroundings;
    let folder = match around.folder.as_os_str().is_empty() {
        true => String::new(),
        false => {
            format!("Files go to {}, unless you name another folder.", frame::folder_as_tilde(&around.folder))
        }
    };
    let waiting = match around.waiting {
        0 => String::new(),
        1 => "A download of an earlier version waits until its torrent is added with its folder.".to_owned(),
        waiting => format!(
            "{} downloads of an earlier version wait: each goes on when its torrent is added with its folder.",
            units::count(waiting as u64)
        ),
    };
    let mut lines = Vec::new();
    for (text, role) in [(way, Role::Text), (folder, Role::Dim), (waiting, Role::Dim)] {
        if !text.is_empty() {
            let wrapped = wrap(&text, usize::from(area.width));
            lines.push(Spans::new());
            lines.extend(wrapped.into_iter().map(|line| Spans::new().add(role, line)));
        }
    }
    more::shortened(pen, area, &lines);
}

/// How many torrents do what.
fn counts(totals: &Totals) -> Vec<(u32, &'static str, Role)> {
    let all = [
        (totals.downloading, "downloading", Role::Text),
        (totals.stalled, "stalled", Role::TroubleWord),
        (totals.failed, "stopped", Role::TroubleWord),
        (totals.seeding, "seeding", Role::Text),
        (totals.checking, "verifying", Role::Text),
        (totals.moving, "moving", Role::Text),
        (totals.queued, "queued", Role::Dim),
        (totals.paused, "paused", Role::BarredWord),
        (totals.resting, "at rest", Role::Dim),
    ];
    all.into_iter().filter(|(count, ..)| *count > 0).collect()
}

/// How many there are and what they come to: the rates at the right, what there is room for at the left.
fn head(pen: &mut Pen<'_>, row: Rect, model: &Model) {
    if row.is_empty() {
        return;
    }
    let all = &model.torrents.newest;
    let down = format!("↓ {}", units::rate(all.totals.down_bps, pen.look.units));
    let up = format!("↑ {}", units::rate(all.totals.up_bps, pen.look.units));
    let mut right = Spans::new().add(Role::Down, down).add(Role::Text, GAP).add(Role::Up, up);
    let torrents = all.rows.len();
    let noun = if torrents == 1 { "torrent" } else { "torrents" };
    let mut left = Spans::new().add(Role::Strong, format!("{} {noun}", units::count(torrents as u64)));
    let room = usize::from(row.width);
    let port = port(all.port, all.is_reached());
    if left.width() + right.width() + port.width() + 40 <= room {
        right = right.add(Role::Text, GAP).and(port);
    }
    let mut gap = GAP;
    for (count, word, role) in counts(&all.totals) {
        let said = format!("{} {word}", units::count(count.into()));
        if left.width() + gap.len() + width(&said) + GAP.len() + right.width() > room {
            break;
        }
        left = left.add(Role::Dim, gap).add(role, said);
        gap = " · ";
    }
    let used = pen.spans(row.x, row.y, row.width, &left);
    pen.spans_right(row.right(), row.y, row.width.saturating_sub(used + 1), &right);
}

/// The port, and whether anybody from outside reached it.
fn port(port: u16, is_reached: bool) -> Spans {
    if port == 0 {
        return Spans::new();
    }
    let said = Spans::new().add(Role::Dim, format!("port {port}"));
    if is_reached { said.add(Role::Progress, " ✓") } else { said }
}

/// The columns of the list in a terminal of this width: those that are chosen, or as many as there is room for.
fn placed(model: &Model, room: u16) -> Vec<grid::Placed<'static, TorrentRow>> {
    let columns = columns_for(room, model.columns.of(ColumnPart::Torrents));
    grid::lay_out(&columns, room, Choose::Weightiest)
}

/// The columns that are in sight.
pub(super) fn visible(model: &Model) -> Vec<&'static str> {
    placed(model, model.size.0.saturating_sub(3)).iter().map(grid::Placed::id).collect()
}

/// Draws the rule and the rows that are in sight.
fn list(pen: &mut Pen<'_>, rule: Rect, area: Rect, model: &Model, view: &View) {
    let torrents = &model.torrents;
    let selected = torrents.selected_row();
    let title = selection::place(pen, inset(rule, 1, 1), selected, torrents.len());
    titled(pen, title, model);
    let mut rows = inset(area, 2, 1);
    let placed = placed(model, rows.width);
    if rows.height > 1 {
        grid::head_by(pen, take_top(&mut rows, 1), &placed, torrents.order(), torrents.mark_of_order());
    }
    if torrents.len() == 0 {
        let none = format!("No torrent has “{}”.", model.filters.torrents.text());
        pen.put(rows.x, rows.y, rows.width, &none, Role::Dim);
        return;
    }
    let context = Context { view, look: pen.look };
    let room = usize::from(rows.height);
    let first = selected.unwrap_or_default().saturating_sub(room.saturating_sub(1));
    for (at, row) in torrents.rows().enumerate().skip(first).take(room) {
        let place = take_top(&mut rows, 1);
        pen.targets.add(place, Target::Torrent(at));
        let look = RowLook {
            selected: selected == Some(at),
            dim: rests(row),
            marked: torrents.marked.contains(&row.id),
        };
        grid::row(pen, place, &placed, &**row, context, look);
    }
}

/// The rule above the rows: how many there are, which are marked, and in which order.
fn titled(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let torrents = &model.torrents;
    let all = units::count(torrents.newest.rows.len() as u64);
    let filter = &model.filters.torrents;
    let mut note = match filter.is_empty() {
        true => all,
        false => format!("{} of {all} with {}", units::count(torrents.len() as u64), filter.text()),
    };
    if !torrents.marked.is_empty() {
        note = format!("{note} · {} marked", units::count(torrents.marked.len() as u64));
    }
    let order = format!("by {} {}", torrents.order(), torrents.mark_of_order());
    let hint = match filter.is_empty() {
        true => model.hint(Action::Sort, "sort"),
        false => model.hint(Action::Back, "shows all"),
    };
    let both = format!("{order} · {hint}");
    let fits = width(&note) + width(&both) + 24 <= usize::from(area.width);
    pen.rule(area, "Torrents", &note, if fits && !hint.is_empty() { &both } else { &order });
}

/// What is to be said of the selected torrent: what judges it, or where it does not run, why.
fn said(pen: &mut Pen<'_>, rule: Rect, area: Rect, model: &Model, view: &View) {
    let Some(row) = model.torrents.selected() else { return };
    let rule = inset(rule, 1, 1);
    let name = clip(&row.name, usize::from(rule.width / 2));
    let output = format!("→ {}", frame::folder_as_tilde(&row.output));
    pen.rule(rule, &name, "", &clip(&output, usize::from(rule.width / 3)));
    if model.torrents.is_seen_in(view) {
        return judgement::draw_panel(pen, area, model, view);
    }
    more::shortened(pen, inset(area, 1, 1), &[absent::stands(row)]);
}
