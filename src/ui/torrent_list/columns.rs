//! The columns of the list of torrents, and the orders that its rows can have.

use crate::ledger::{Standing, TorrentRow};
use crate::ui::columns::SortKey;
use crate::ui::grid::{Column, ColumnFilter, Context};
use crate::ui::paint::Spans;
use crate::ui::theme::Role;
use crate::ui::widgets::bar;
use crate::units;

use super::state::{self, state};

/// By which the order of the queue goes.
pub(super) const QUEUE: &str = "queue";
/// In fewer columns of the terminal a state is a glyph.
const WORDS_FROM: u16 = 56;
/// In fewer a share has no bar: names are worth more.
const BARS_FROM: u16 = 100;
/// Columns that a share has beside its bar: ` 100 %`.
const SHARE: u16 = 6;
/// A bar of fewer columns tells nothing.
const LEAST_BAR: u16 = 3;

fn plain(text: impl Into<String>) -> Spans {
    Spans::new().add(Role::Text, text)
}

fn word_of_state(row: &TorrentRow, _: Context<'_>, columns: u16) -> Spans {
    let state = state(row);
    let glyph = Spans::new().add(state.roles.0, state.glyph);
    if columns < 2 { glyph } else { glyph.add(Role::Text, " ").add(state.roles.1, state.word) }
}

fn name(row: &TorrentRow, _: Context<'_>, _: u16) -> Spans {
    Spans::new().add(Role::Text, row.name.as_str())
}

fn size(row: &TorrentRow, context: Context<'_>, _: u16) -> Spans {
    match row.total_bytes {
        Some(total) => plain(units::bytes(total, context.look.units)),
        None => Spans::new().add(Role::Dim, "?"),
    }
}

/// How much is here, in whole percent; 100 only when everything is.
fn percent(row: &TorrentRow) -> Option<u64> {
    let total = row.total_bytes.filter(|_| row.standing != Standing::Unwanted)?;
    let (have, total) = (u128::from(row.have_bytes.min(total)), u128::from(total));
    Some((have * 100).checked_div(total).unwrap_or(100) as u64)
}

fn done(row: &TorrentRow, _: Context<'_>, columns: u16) -> Spans {
    let bar = columns.saturating_sub(SHARE);
    let (total, share) = match percent(row) {
        Some(percent) => (row.total_bytes.unwrap_or_default(), format!("{percent:>3} %")),
        None => (1, "    –".to_owned()),
    };
    let share = Spans::new().add(Role::Progress, share);
    if bar < LEAST_BAR {
        return share;
    }
    // An empty torrent is whole.
    let (have, total) = if total == 0 { (1, 1) } else { (row.have_bytes, total) };
    bar::line_spans(usize::from(bar), have, total).add(Role::Text, " ").and(share)
}

/// A rate, where anything comes or goes, by the first letter of its unit: the head above has them in full.
fn rate(bps: u64, role: Role, context: Context<'_>) -> Spans {
    if bps == 0 {
        return Spans::new().add(Role::Dim, "0");
    }
    let rate = units::rate(bps, context.look.units);
    let letter = |(number, unit): (&str, &str)| format!("{number} {}", &unit[..unit.len().min(1)]);
    Spans::new().add(role, rate.rsplit_once(' ').map_or_else(|| rate.clone(), letter))
}

fn down(row: &TorrentRow, context: Context<'_>, _: u16) -> Spans {
    match row.standing {
        // Nothing is to come.
        Standing::Seeding | Standing::Unwanted | Standing::Done => Spans::new().add(Role::Dim, "–"),
        _ => rate(row.down_bps, Role::Down, context),
    }
}

fn up(row: &TorrentRow, context: Context<'_>, _: u16) -> Spans {
    rate(row.up_bps, Role::Up, context)
}

/// Those that send, that are live, that are known.
fn peers(row: &TorrentRow, _: Context<'_>, columns: u16) -> Spans {
    let count = |number: u32| units::count(number.into());
    let rest = format!("/{}/{}", count(row.live), count(row.known));
    let sending = Spans::new()
        .add(if row.sending > 0 { Role::Sending } else { Role::Text }, count(row.sending))
        .add(Role::Text, rest);
    match sending.width() <= usize::from(columns) {
        true => sending,
        // Those nobody talks to are worth least.
        false => plain(format!("{}/{}", row.sending, row.live)),
    }
}

fn left(row: &TorrentRow, _: Context<'_>, _: u16) -> Spans {
    plain(state::left(row))
}

fn why(row: &TorrentRow, _: Context<'_>, _: u16) -> Spans {
    Spans::new().add(state(row).roles.1, state::why(row))
}

const fn column(
    (id, title): (&'static str, &'static str),
    (least, wish): (u16, u16),
    weight: u8,
    cell: fn(&TorrentRow, Context<'_>, u16) -> Spans,
) -> Column<TorrentRow> {
    Column {
        id,
        letter: ' ',
        name: id,
        title,
        help: "",
        least,
        wish,
        grows: false,
        right: true,
        weight,
        cell,
        key: |_, _| SortKey::Unknown,
        filter: ColumnFilter::Nothing,
    }
}

const DONE: Column<TorrentRow> =
    Column { right: false, help: "how much of it is here", ..column(("done", "DONE"), (5, 14), 95, done) };

/// Every column, in the order of the table.
#[rustfmt::skip]
pub(crate) static TORRENT_COLUMNS: &[Column<TorrentRow>] = &[
    Column { right: false, help: "what it is doing", ..column(("state", "  STATE"), (13, 13), 100, word_of_state) },
    Column { right: false, help: "its name", grows: true, ..column(("name", "NAME"), (20, 28), 99, name) },
    Column { help: "how much of it is wanted", ..column(("size", "SIZE"), (8, 8), 40, size) },
    DONE,
    Column { help: "what comes, a second", ..column(("down", "↓"), (7, 7), 90, down) },
    Column { help: "what goes, a second", ..column(("up", "↑"), (7, 7), 80, up) },
    Column { help: "peers that send, that are live, that are known", ..column(("peers", "PEERS"), (8, 10), 60, peers) },
    Column { help: "how long the rest takes; of what is complete the ratio", ..column(("left", "LEFT"), (7, 8), 70, left) },
    Column { right: false, help: "why it stands still", grows: true, ..column(("why", "WHY"), (18, 18), 50, why) },
];

/// The columns where there are few for all of them.
#[rustfmt::skip]
static NARROW_COLUMNS: &[Column<TorrentRow>] = &[
    Column { right: false, ..column(("state", ""), (1, 1), 100, word_of_state) },
    Column { right: false, grows: true, ..column(("name", "NAME"), (8, 8), 99, name) },
    Column { right: false, ..column(("done", " DONE"), (5, 5), 95, done) },
    column(("down", "↓"), (7, 7), 90, down),
    column(("left", "LEFT"), (7, 7), 70, left),
];

/// A share without a bar.
static BARE_DONE: Column<TorrentRow> = Column { wish: SHARE - 1, ..DONE };

/// The columns that a terminal of this width shows: the chosen ones, where any are.
pub(crate) fn columns_for(room: u16, chosen: Option<&[&str]>) -> Vec<&'static Column<TorrentRow>> {
    if let Some(chosen) = chosen {
        let column = |id: &&str| TORRENT_COLUMNS.iter().find(|column| column.id == *id);
        return chosen.iter().filter_map(column).collect();
    }
    let bare = |column: &'static Column<TorrentRow>| match column.id {
        "done" if room < BARS_FROM => &BARE_DONE,
        _ => column,
    };
    let columns = if room < WORDS_FROM { NARROW_COLUMNS } else { TORRENT_COLUMNS };
    columns.iter().map(bare).collect()
}

/// An order that the rows can have.
pub(crate) struct TorrentOrder {
    /// The key that asks for it in the menu of orders.
    pub(crate) letter: char,
    /// Its name, which is the id of its column where it has one.
    pub(crate) id: &'static str,
    /// Whether it goes from the most to the least.
    falls: bool,
    /// By what it sorts, smallest first.
    pub(super) key: fn(&TorrentRow) -> SortKey,
}

/// A large number first.
fn largest(number: u64) -> SortKey {
    SortKey::Number(u64::MAX - number)
}

/// What needs the user stands first, what rests last.
fn rank(row: &TorrentRow) -> u64 {
    match row.standing {
        Standing::Failed(_) => 0,
        Standing::Stalled => 1,
        Standing::Downloading => 2,
        Standing::Metadata => 3,
        Standing::Opening | Standing::Checking | Standing::Moving { .. } => 4,
        Standing::Seeding => 5,
        Standing::Unwanted | Standing::Paused => 6,
        Standing::Queued(_) => 7,
        Standing::Done | Standing::Elsewhere { .. } => 8,
    }
}

/// Every order, the one of the queue first.
pub(crate) static ORDERS: &[TorrentOrder] = &[
    TorrentOrder { letter: 'o', id: QUEUE, falls: false, key: |_| SortKey::Unknown },
    TorrentOrder { letter: 's', id: "state", falls: true, key: |row| SortKey::Number(rank(row)) },
    TorrentOrder { letter: 'n', id: "name", falls: false, key: |row| SortKey::Text(row.name.to_lowercase()) },
    TorrentOrder {
        letter: 'z',
        id: "size",
        falls: true,
        key: |row| row.total_bytes.map_or(SortKey::Unknown, largest),
    },
    TorrentOrder {
        letter: 'g',
        id: "done",
        falls: true,
        key: |row| row.total_bytes.map_or(SortKey::Unknown, |_| largest((row.done() * 1e9) as u64)),
    },
    TorrentOrder { letter: 'd', id: "down", falls: true, key: |row| largest(row.down_bps) },
    TorrentOrder { letter: 'u', id: "up", falls: true, key: |row| largest(row.up_bps) },
    TorrentOrder { letter: 'p', id: "peers", falls: true, key: |row| largest(row.live.into()) },
    TorrentOrder {
        letter: 't',
        id: "left",
        falls: false,
        key: |row| row.eta.map_or(SortKey::Unknown, |eta| SortKey::Number(eta.as_secs())),
    },
];

/// The order of this name.
pub(super) fn order(id: &str) -> Option<&'static TorrentOrder> {
    ORDERS.iter().find(|order| order.id == id)
}

/// Whether the rows can be sorted by the column of this id.
pub(crate) fn is_order(id: &str) -> bool {
    order(id).is_some()
}

/// The mark of an order: `▾` from the most down, `▴` from the least up.
pub(super) fn order_mark(id: &str, reversed: bool) -> &'static str {
    if order(id).is_some_and(|order| order.falls) == reversed { "▴" } else { "▾" }
}

/// What the filter of the list looks in.
pub(super) fn words(row: &TorrentRow) -> String {
    format!("{} {} {} {}", state(row).word, row.name, state::why(row), row.id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ui::paint::width;
    use crate::ui::sample;

    #[test]
    fn every_order_has_a_letter_and_a_name_of_its_own() {
        let letters: HashSet<char> = ORDERS.iter().map(|order| order.letter).collect();
        let names: HashSet<&str> = ORDERS.iter().map(|order| order.id).collect();
        assert_eq!((letters.len(), names.len()), (ORDERS.len(), ORDERS.len()));
        // They close the menu and turn the order around.
        assert!(!letters.contains(&'q') && !letters.contains(&'S'));
    }

    #[test]
    fn the_mark_of_an_order_tells_which_end_comes_first() {
        let torrents = sample::torrents(&sample::healthy());
        let number = |id: &str, row: &TorrentRow| match id {
            "size" => row.total_bytes,
            "done" => row.total_bytes.map(|_| (row.done() * 1e9) as u64),
            "down" => Some(row.down_bps),
            "up" => Some(row.up_bps),
            "peers" => Some(row.live.into()),
            "left" => row.eta.map(|eta| eta.as_secs()),
            _ => None,
        };
        for order in ORDERS.iter().filter(|order| !["state", QUEUE].contains(&order.id)) {
            let mark = order_mark(order.id, false);
            assert_ne!(order_mark(order.id, true), mark);
            if order.id == "name" {
                assert_eq!(mark, "▴", "it begins with the first letter");
                continue;
            }
            let mut rows: Vec<_> = torrents.rows.iter().collect();
            rows.sort_by_cached_key(|row| (order.key)(row));
            let numbers: Vec<u64> = rows.iter().filter_map(|row| number(order.id, row)).collect();
            let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
            assert!(
                if mark == "▾" { first > last } else { first < last },
                "{} {mark}: {numbers:?}",
                order.id
            );
        }
    }

    #[test]
    fn heads_fit_their_columns() {
        for column in TORRENT_COLUMNS.iter().chain(NARROW_COLUMNS) {
            assert!(width(column.title) <= usize::from(column.least), "{}", column.title);
            assert!(column.least <= column.wish, "{}", column.title);
        }
    }
}
