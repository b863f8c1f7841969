//! Who names peers, and how good they are.

use ratatui::layout::Rect;

use super::{frame, log, reach, tracker, web_seed};
use crate::event::{AnnounceKind, Announced, Finder, FinderStatus};
use crate::ledger::{TrackerRecord, TrackerStatus, View};
use crate::ui::columns::{SortKey, host_of};
use crate::ui::flow::{Flow, rest, up_to, whole};
use crate::ui::grid::{self, Choose, Column, ColumnFilter, Context, RowLook};
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip_address, inset, take_top};
use crate::ui::source::{self, SourceRecord};
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, selection};
use crate::ui::words;
use crate::units;

fn plain(role: Role, text: impl Into<String>) -> Spans {
    Spans::new().add(role, text)
}

/// The number of the tier, at the first tracker of each.
fn tier(source: &SourceRecord, context: Context<'_>, _: u16) -> Spans {
    let Some(tracker) = source.tracker() else { return Spans::new() };
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

/// Its URL or name; a URL is without the scheme, and cut before its port, where there is no room for all.
fn name(source: &SourceRecord, _: Context<'_>, columns: u16) -> Spans {
    let name = source.name();
    if grid::fits(name, columns) {
        return plain(Role::Text, name);
    }
    plain(Role::Text, clip_address(host_of(name), usize::from(columns)))
}

/// How a failure looks: while another tracker answers it costs nothing.
pub(super) fn failed_roles(view: &View) -> (Role, Role) {
    match view.trackers.iter().any(|tracker| tracker.answer().is_some()) {
        true => (Role::Harmless, Role::Harmless),
        false => (Role::Trouble, Role::TroubleWord),
    }
}

pub(super) fn state(source: &SourceRecord, context: Context<'_>, _: u16) -> Spans {
    let tracker = match source {
        SourceRecord::Tracker(tracker) => tracker,
        SourceRecord::Finder(record) => return stands(record.status),
        SourceRecord::WebSeed(record) => return web_seed::state(record, context.look.units),
        SourceRecord::WayIn(way_in, _) => return reach::way_in_state(way_in.status),
    };
    match &tracker.status {
        TrackerStatus::Ok(_) => Spans::new().add(Role::Progress, "✓").add(Role::Text, " answered"),
        TrackerStatus::Pending => Spans::new().add(Role::Waiting, "◌ asking"),
        TrackerStatus::Failed(error, _) => {
            let (glyph, word) = failed_roles(context.view);
            Spans::new().add(glyph, "✗").add(word, format!(" {}", error.info().short))
        }
    }
}

fn stands(status: FinderStatus) -> Spans {
    match status {
        FinderStatus::Off => plain(Role::Dim, "– off"),
        FinderStatus::Pending => plain(Role::Waiting, "◌ none so far"),
        FinderStatus::Failed => Spans::new().add(Role::Harmless, "✗ failed"),
        FinderStatus::Ok => Spans::new().add(Role::Progress, "✓").add(Role::Text, " named some"),
    }
}

/// When it is asked again; peers say what they know by themselves, and so do clients on the local network.
pub(super) fn next(source: &SourceRecord, context: Context<'_>, _: u16) -> Spans {
    let now = context.view.at;
    let tracker = match source {
        SourceRecord::Tracker(tracker) => tracker,
        SourceRecord::Finder(record) if record.finder == Finder::Dht => return reach::next(context.view),
        SourceRecord::WebSeed(record) => return web_seed::next(record, now),
        SourceRecord::Finder(_) | SourceRecord::WayIn(..) => return number(None),
    };
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
        Some(at) => plain(Role::Text, words::when(at, now)),
        None => plain(Role::Dim, "not again"),
    }
}

/// What came of its last announces, the newest at the right.
fn announces(source: &SourceRecord, _: Context<'_>, columns: u16) -> Spans {
    let Some(tracker) = source.tracker() else { return Spans::new() };
    let shown = tracker.announces.len().saturating_sub(columns.into());
    let alike =
        tracker.announces[shown..].chunk_by(|one, other| one.failed.is_some() == other.failed.is_some());
    alike.fold(Spans::new(), |line, run| match run[0].failed {
        Some(_) => line.add(Role::Harmless, "✗".repeat(run.len())),
        None => line.add(Role::Progress, "✓".repeat(run.len())),
    })
}

/// How many of the peers it named shook hands, as a bar.
fn share(source: &SourceRecord, _: Context<'_>, columns: u16) -> Spans {
    match source.peers() {
        (0, _) => Spans::new(),
        (peers, handshaken) => bar::line_spans(columns.into(), handshaken.into(), peers.into()),
    }
}

/// The peers that it named, and those that shook hands; nothing where it never said anything.
fn named(source: &SourceRecord) -> Option<(u32, u32)> {
    let (peers, _) = source.peers();
    let answered = match source {
        SourceRecord::Tracker(tracker) => tracker.answer().is_some(),
        SourceRecord::Finder(record) => record.status == FinderStatus::Ok,
        SourceRecord::WebSeed(_) => return None,
        SourceRecord::WayIn(way_in, _) => way_in.status == FinderStatus::Ok,
    };
    (answered || peers > 0).then(|| source.peers())
}

/// What the tracker counts.
fn counts(source: &SourceRecord, of: fn(&Announced) -> Option<u32>) -> Spans {
    number(source.tracker().and_then(TrackerRecord::answer).and_then(of))
}

const fn column(
    title: &'static str,
    (least, wish): (u16, u16),
    weight: u8,
    cell: fn(&SourceRecord, Context<'_>, u16) -> Spans,
) -> Column<SourceRecord> {
    let key = |_: &SourceRecord, _: &View| SortKey::Unknown;
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
        filter: ColumnFilter::Nothing,
    }
}

#[rustfmt::skip]
static COLUMNS: &[Column<SourceRecord>] = &[
    Column { right: false, ..column("TIER", (4, 4), 50, tier) },
    Column { right: false, grows: true, ..column("SOURCE", (18, 32), 100, name) },
    Column { right: false, ..column("  LAST ANSWER", (13, 15), 90, state) },
    Column { right: false, ..column("ANNOUNCES", (9, 16), 30, announces) },
    column("PEERS", (6, 7), 80, |source, _, _| number(named(source).map(|(peers, _)| peers))),
    column("SHOOK HANDS", (12, 13), 75, |source, _, _| match named(source) {
        Some((_, count)) => plain(Role::Strong, units::count(u64::from(count))),
        None => number(None),
    }),
    Column { right: false, grows: true, ..column("", (7, 16), 31, share) },
    column("SEEDS", (5, 7), 40, |source, _, _| counts(source, |answer| answer.seeders)),
    column("LEECHES", (8, 9), 39, |source, _, _| counts(source, |answer| answer.leechers)),
    column("AGAIN", (10, 12), 70, next),
];

/// From so many columns on what a tracker counts stands beside its URL.
const COUNTS_FROM: u16 = 86;
/// Rows that what the selected one said has in any case.
const MOST_SAID: u16 = 7;

/// What stands below its row where there is room: why it failed, or why it is off.
fn remark(source: &SourceRecord, view: &View) -> Option<String> {
    match source {
        SourceRecord::Tracker(tracker) => tracker.failure().map(|(_, text)| text.to_owned()),
        SourceRecord::Finder(record) if record.finder == Finder::Dht && record.detail.is_none() => {
            reach::nodes(view)
        }
        SourceRecord::Finder(record) => record.detail.clone(),
        SourceRecord::WebSeed(record) => record.failure().map(str::to_owned),
        SourceRecord::WayIn(way_in, _) => way_in.detail.clone(),
    }
}

/// Draws all of them.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let flow = flow(area, view);
    frame::state_line(pen, flow.of(Part::Title), model, view);
    frame::progress(pen, flow.of(Part::Progress), view);
    let (table, said) = (flow.of(Part::Table), flow.of(Part::Said));
    let sources: Vec<SourceRecord> = source::all(view).collect();
    let selected = model.scrolls.trackers.min(sources.len().saturating_sub(1));
    let rule = selection::place(pen, inset(flow.of(Part::Rule), 1, 1), Some(selected), sources.len());
    pen.rule(
        rule,
        "Sources",
        &units::count(sources.len() as u64),
        "all tiers are asked at once · one that answers is enough",
    );
    if sources.is_empty() {
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
    let in_words = usize::from(table.height) > sources.len() + remarks(view);
    let mut rows = inset(table, 2, 1);
    // Which tracker it is matters more than what it counts.
    let least = if rows.width < COUNTS_FROM { 50 } else { 0 };
    let columns: Vec<_> = COLUMNS.iter().filter(|column| column.weight >= least).collect();
    let placed = grid::lay_out(&columns, rows.width, Choose::Weightiest);
    grid::head(pen, take_top(&mut rows, 1), &placed);
    let context = Context { view, look: pen.look };
    for at in grid::visible(sources.len(), usize::from(rows.height), Some(selected), &[]) {
        let look = RowLook { selected: at == selected, ..RowLook::default() };
        let row = take_top(&mut rows, 1);
        pen.targets.add(row, Target::Tracker(at));
        grid::row(pen, row, &placed, &sources[at], context, look);
        if let Some(text) = remark(&sources[at], view).filter(|_| in_words) {
            let row = take_top(&mut rows, 1);
            pen.targets.add(row, Target::Tracker(at));
            let row = inset(row, 5, 0);
            pen.put(row.x, row.y, row.width, &text, Role::Dim);
        }
    }
    let left = tracker::detail(pen, said, &sources[selected], view);
    log::spare(pen, left, model, view);
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

/// How many of them have words below their row.
fn remarks(view: &View) -> usize {
    source::all(view).filter(|source| remark(source, view).is_some()).count()
}

/// Gives every part its place. What the selected one said has its room in any case.
fn flow(area: Rect, view: &View) -> Flow<Part> {
    use Part::{Progress, Rule, Said, Table, Title};
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).saturating_add(1);
    let sources = source::count(view);
    let spare = if sources == 0 { Table } else { Said };
    let claims = [
        up_to(Title, 1),
        up_to(Table, 2),
        up_to(Rule, 1),
        up_to(Progress, 1),
        up_to(spare, (area.height / 3).min(MOST_SAID)),
        up_to(Table, rows(sources)),
        whole(Table, rows(sources + remarks(view))),
        rest(spare),
    ];
    Flow::new(area, &[Title, Progress, Rule, Table, Said], &claims)
}
