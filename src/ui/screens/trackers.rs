//! Who names peers, and how good they are.

use ratatui::layout::Rect;

use super::{frame, tracker};
use crate::event::AnnounceKind;
use crate::ledger::{TrackerRecord, TrackerStatus, View};
use crate::ui::columns::{SortKey, host_of};
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid::{self, Choose, Column, Context, RowLook, Sieve};
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip_address, inset, take_top};
use crate::ui::theme::Role;
use crate::ui::widgets::bar;
use crate::units;

fn plain(role: Role, text: impl Into<String>) -> Spans {
    Spans::new().add(role, text)
}

/// The number of the tier, at the first tracker of each.
fn tier(tracker: &TrackerRecord, context: Context<'_>, _: u16) -> Spans {
    let first = context.view.trackers.iter().find(|other| other.tier == tracker.tier);
    match first.is_some_and(|first| first.key == tracker.key) {
        true => plain(Role::Dim, format!("{:>4}", tracker.tier.saturating_add(1))),
        false => Spans::new(),
    }
}

fn number(count: Option<u32>) -> Spans {
    match count {
        Some(count) => plain(Role::Text, units::count(u64::from(count))),
        None => plain(Role::Dim, "–"),
    }
}

/// Its URL; without the scheme, and cut before its port, where there is no room for all.
fn url(tracker: &TrackerRecord, _: Context<'_>, columns: u16) -> Spans {
    let url = tracker.url.as_str();
    if grid::fits(url, columns) {
        return plain(Role::Text, url);
    }
    plain(Role::Text, clip_address(host_of(url), usize::from(columns)))
}

/// How a failure looks: while another tracker answers it costs nothing.
pub(super) fn failed_roles(view: &View) -> (Role, Role) {
    match view.trackers.iter().any(|tracker| tracker.answer().is_some()) {
        true => (Role::Harmless, Role::Harmless),
        false => (Role::Trouble, Role::TroubleWord),
    }
}

pub(super) fn state(tracker: &TrackerRecord, context: Context<'_>, _: u16) -> Spans {
    match &tracker.status {
        TrackerStatus::Ok(_) => Spans::new().add(Role::Progress, "✓").add(Role::Text, " answered"),
        TrackerStatus::Pending => Spans::new().add(Role::Waiting, "◌ asking"),
        TrackerStatus::Failed(error, _) => {
            let (glyph, word) = failed_roles(context.view);
            Spans::new().add(glyph, "✗").add(word, format!(" {}", error.info().short))
        }
    }
}

pub(super) fn next(tracker: &TrackerRecord, context: Context<'_>, _: u16) -> Spans {
    if let Some(kind) = tracker.asking {
        return plain(
            Role::Text,
            match kind {
                AnnounceKind::Stopped => "saying goodbye",
                _ => "asking now",
            },
        );
    }
    match tracker.next {
        Some(at) if at <= context.view.at => plain(Role::Text, "now"),
        Some(at) => {
            plain(Role::Text, format!("in {}", units::duration_short(at.saturating_sub(context.view.at))))
        }
        None => plain(Role::Dim, "not again"),
    }
}

/// What came of its last announces, the newest at the right.
fn announces(tracker: &TrackerRecord, _: Context<'_>, columns: u16) -> Spans {
    let shown = tracker.announces.len().saturating_sub(columns.into());
    let alike =
        tracker.announces[shown..].chunk_by(|one, other| one.failed.is_some() == other.failed.is_some());
    alike.fold(Spans::new(), |line, run| match run[0].failed {
        Some(_) => line.add(Role::Harmless, "✗".repeat(run.len())),
        None => line.add(Role::Progress, "✓".repeat(run.len())),
    })
}

/// How many of the peers it named shook hands, as a bar.
fn share(tracker: &TrackerRecord, _: Context<'_>, columns: u16) -> Spans {
    match tracker.peers {
        0 => Spans::new(),
        peers => bar::line_spans(columns.into(), tracker.handshaken.into(), peers.into()),
    }
}

/// A count of the peers that it named; nothing where it never answered.
fn named(tracker: &TrackerRecord, count: u32) -> Option<u32> {
    let answered = tracker.answer().is_some() || tracker.peers > 0;
    answered.then_some(count)
}

const fn column(
    title: &'static str,
    (least, wish): (u16, u16),
    weight: u8,
    cell: fn(&TrackerRecord, Context<'_>, u16) -> Spans,
) -> Column<TrackerRecord> {
    let key = |_: &TrackerRecord, _: &View| SortKey::Unknown;
    Column {
        id: title,
        letter: ' ',
        name: title,
        title,
        help: "",
        least,
        wish,
        grows: false,
        right: true,
        weight,
        cell,
        key,
        sieve: Sieve::Nothing,
    }
}

#[rustfmt::skip]
static COLUMNS: &[Column<TrackerRecord>] = &[
    Column { right: false, ..column("TIER", (4, 4), 50, tier) },
    Column { right: false, grows: true, ..column("TRACKER", (18, 32), 100, url) },
    Column { right: false, ..column("  LAST ANSWER", (15, 15), 90, state) },
    Column { right: false, ..column("ANNOUNCES", (9, 16), 30, announces) },
    column("PEERS", (5, 6), 80, |tracker, _, _| number(named(tracker, tracker.peers))),
    column("SHOOK HANDS", (11, 11), 75, |tracker, _, _| match named(tracker, tracker.handshaken) {
        Some(count) => plain(Role::Strong, units::count(u64::from(count))),
        None => number(None),
    }),
    Column { right: false, ..column("", (8, 16), 31, share) },
    column("SEEDS", (5, 7), 40, |tracker, _, _| number(tracker.answer().and_then(|answer| answer.seeders))),
    column("LEECHES", (7, 7), 39, |tracker, _, _| number(tracker.answer().and_then(|answer| answer.leechers))),
    column("AGAIN", (10, 12), 70, next),
];

/// From so many columns on what a tracker counts stands beside its URL.
const COUNTS_FROM: u16 = 86;
/// Rows that what the selected one said has in any case.
const MOST_SAID: u16 = 7;

/// Draws the trackers.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let flow = flow(area, view);
    frame::state_line(pen, flow.of(Part::Title), model, view);
    frame::progress(pen, flow.of(Part::Progress), view);
    let (table, said) = (flow.of(Part::Table), flow.of(Part::Said));
    let count = units::count(view.trackers.len() as u64);
    pen.rule(
        inset(flow.of(Part::Rule), 1, 1),
        "Trackers",
        &count,
        "all tiers are asked at once · one that answers is enough",
    );
    if view.trackers.is_empty() {
        pen.put(
            table.x + 2,
            table.y,
            table.width.saturating_sub(3),
            "This torrent names no tracker; peers come by hand or call us.",
            Role::Dim,
        );
        return;
    }
    // Where all of it fits, what went wrong stands below each.
    let in_words = usize::from(table.height) > view.trackers.len() + failed(view);
    let mut rows = inset(table, 2, 1);
    // Which tracker it is matters more than what it counts.
    let least = if rows.width < COUNTS_FROM { 50 } else { 0 };
    let columns: Vec<_> = COLUMNS.iter().filter(|column| column.weight >= least).collect();
    let placed = grid::lay_out(&columns, rows.width, Choose::Weightiest);
    grid::head(pen, take_top(&mut rows, 1), &placed);
    let context = Context { view, look: pen.look };
    let selected = model.scrolls.trackers.min(view.trackers.len() - 1);
    for at in grid::visible(view.trackers.len(), usize::from(rows.height), Some(selected), &[]) {
        let look = RowLook { selected: at == selected, ..RowLook::default() };
        let tracker = &*view.trackers[at];
        let row = take_top(&mut rows, 1);
        pen.targets.add(row, Target::Tracker(at));
        grid::row(pen, row, &placed, tracker, context, look);
        if let (true, TrackerStatus::Failed(_, text)) = (in_words, &tracker.status) {
            let row = take_top(&mut rows, 1);
            pen.targets.add(row, Target::Tracker(at));
            let row = inset(row, 5, 0);
            pen.put(row.x, row.y, row.width, text, Role::Dim);
        }
    }
    tracker::detail(pen, said, &view.trackers[selected], view);
}

/// What the screen is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Progress,
    Rule,
    Table,
    /// What the selected one said.
    Said,
}

/// How many of the trackers failed.
fn failed(view: &View) -> usize {
    view.trackers.iter().filter(|tracker| matches!(tracker.status, TrackerStatus::Failed(..))).count()
}

/// Gives every part its place. What the selected one said has its room in any case.
fn flow(area: Rect, view: &View) -> Flow<Part> {
    use Part::{Progress, Rule, Said, Table, Title};
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).saturating_add(1);
    let trackers = view.trackers.len();
    let spare = if trackers == 0 { Table } else { Said };
    let claims = [
        up_to(Title, 1),
        up_to(Table, 2),
        up_to(Rule, 1),
        up_to(Progress, 1),
        up_to(spare, (area.height / 3).min(MOST_SAID)),
        up_to(Table, rows(trackers)),
        whole(Table, rows(trackers + failed(view))),
        rest(spare),
    ];
    Flow::new(area, &[Title, Progress, Rule, Table, Said], &claims)
}
