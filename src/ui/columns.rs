//! The columns of the peers' table: one table, from which heads, cells, sorting, filters and help are made.

mod cells;
mod choice;
mod stream;

use crate::ledger::PeerRecord;
use crate::units::{self, milliseconds};

use self::cells::{
    address, age, amount, client, connect_ms, direction, encryption, flags, handshake, handshake_ms, has, id,
    idle, latency, next, plain, port, requests, reserved, source, source_names, state, state_words, to_it,
    to_us, transport, tries, wait, who, why, why_words,
};
pub(crate) use self::cells::{host_of, words_of_source};
pub use self::choice::{Choice, Part, named, names};
use super::grid::{Column, ColumnFilter, Measure};
use super::paint::Spans;
use super::words::Standing;
pub(crate) use super::words::state_word as words_of_state;

/// What a column sorts by, smallest first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum SortKey {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
    /// Nothing is known: last.
    #[default]
    Unknown,
}

/// Smallest first, so what is large has to become small.
fn largest(number: u64) -> SortKey {
    SortKey::Number(u64::MAX - number)
}

fn smallest(number: Option<u64>) -> SortKey {
    number.map_or(SortKey::Unknown, SortKey::Number)
}

fn text(text: Option<&str>) -> SortKey {
    text.filter(|text| !text.is_empty()).map_or(SortKey::Unknown, |text| SortKey::Text(text.to_lowercase()))
}

fn printable_id(peer: &PeerRecord) -> String {
    peer.peer_id.map(|id| id.printable()).unwrap_or_default()
}

/// Every column, in the order of the table.
#[rustfmt::skip]
pub(crate) static PEER_COLUMNS: &[Column<PeerRecord>] = &[
    Column {
        id: "state", letter: 's', name: "state", title: "  STATE", help: "what it is doing, or why it is not",
        least: 11, wish: 11, grows: false, right: false, weight: 100, cell: state,
        key: |peer, view| SortKey::Number(Standing::of(peer, view.at) as u64),
        filter: ColumnFilter::Words("state:failed", state_words),
    },
    Column {
        id: "address", letter: 'a', name: "address", title: "ADDRESS", help: "where it listens",
        least: 21, wish: 21, grows: false, right: false, weight: 90, cell: address,
        key: |peer, _| SortKey::Text(match peer.addr {
            std::net::SocketAddr::V4(v4) => format!("4{:08x}{:05}", v4.ip().to_bits(), v4.port()),
            std::net::SocketAddr::V6(v6) => format!("6{:032x}{:05}", v6.ip().to_bits(), v6.port()),
        }),
        filter: ColumnFilter::Text("address:83.148", |peer, _| peer.addr.to_string()),
    },
    Column {
        id: "port", letter: 'p', name: "port", title: "PORT", help: "the port it listens on",
        least: 5, wish: 5, grows: false, right: true, weight: 5, cell: port,
        key: |peer, _| SortKey::Number(u64::from(peer.addr.port())),
        filter: ColumnFilter::Number("port:51413", Measure::Count, |peer, _| Some(u64::from(peer.addr.port()))),
    },
    Column {
        id: "id", letter: 'i', name: "id", title: "ID", help: "how its peer id begins: client and version, encoded",
        least: 8, wish: 8, grows: false, right: false, weight: 30, cell: id,
        key: |peer, _| text(Some(&printable_id(peer))),
        filter: ColumnFilter::Text("id:-TR", |peer, _| printable_id(peer).chars().take(8).collect()),
    },
    Column {
        id: "client", letter: 'c', name: "client", title: "CLIENT", help: "which client it is, by its peer id",
        least: 18, wish: 18, grows: true, right: false, weight: 60, cell: client,
        key: |peer, _| text(peer.client.as_deref()),
        filter: ColumnFilter::Text("client:qB", who),
    },
    Column {
        id: "handshake", letter: 'h', name: "handshake time", title: "HANDSHAKE",
        help: "whether it shook hands, how long that took, and whether encrypted",
        least: 13, wish: 13, grows: false, right: false, weight: 34, cell: handshake,
        key: |peer, _| smallest(handshake_ms(peer).map(|(ms, _)| ms)),
        filter: ColumnFilter::Number("handshake>100", Measure::Milliseconds, |peer, _| Some(handshake_ms(peer)?.0)),
    },
    Column {
        id: "has", letter: 'g', name: "share", title: "HAS", help: "how much of the torrent it has",
        least: 5, wish: 10, grows: false, right: true, weight: 55, cell: has,
        key: |peer, _| peer.has.as_ref().map_or(SortKey::Unknown, |has| largest(u64::from(has.count()))),
        filter: ColumnFilter::Number("has<100", Measure::Percent, |peer, _| peer.has_percent()),
    },
    Column {
        id: "down", letter: 'd', name: "rate to us", title: "↓ TO US",
        help: "what it sends us; choking us: it does not let us ask; 0 · 34 s: it lets us, and sent nothing for so long",
        least: 9, wish: 15, grows: false, right: true, weight: 80, cell: to_us,
        key: |peer, _| largest(peer.rates.down_bps),
        filter: ColumnFilter::Number("down>10k", Measure::Rate, |peer, _| Some(peer.rates.down_bps)),
    },
    Column {
        id: "up", letter: 'u', name: "rate to it", title: "↑ TO IT",
        help: "what we send it; choked: we choke it; not interested: it wants nothing",
        least: 9, wish: 15, grows: false, right: true, weight: 70, cell: to_it,
        key: |peer, _| largest(peer.rates.up_bps),
        filter: ColumnFilter::Number("up>10k", Measure::Rate, |peer, _| Some(peer.rates.up_bps)),
    },
    Column {
        id: "for", letter: 'f', name: "time", title: "FOR", help: "how long it has been so",
        least: 7, wish: 8, grows: false, right: true, weight: 35, cell: age,
        key: |peer, _| largest(milliseconds(peer.since)),
        filter: ColumnFilter::Number("for>2m", Measure::Time, |peer, view| Some(milliseconds(view.at.saturating_sub(peer.since)))),
    },
    Column {
        id: "why", letter: 'w', name: "reason", title: "WHY", help: "the reason, in words",
        least: 24, wish: 67, grows: true, right: false, weight: 28,
        cell: |peer, context, _| plain(why(peer, context.view)),
        key: |peer, _| text(peer.cause.map(|cause| cause.info().code)),
        filter: ColumnFilter::Text("why:timeout", why_words),
    },
    Column {
        id: "next", letter: 'n', name: "next try", title: "NEXT", help: "what happens next, and when",
        least: 11, wish: 15, grows: false, right: true, weight: 50, cell: next,
        key: |peer, _| smallest(peer.next_try.map(milliseconds)),
        filter: ColumnFilter::Number("next<1m", Measure::Time, wait),
    },
    Column {
        id: "source", letter: 'o', name: "source", title: "FROM", help: "who named it first",
        least: 14, wish: 25, grows: false, right: false, weight: 26, cell: source,
        key: |peer, view| text(peer.sources.first().map(|source| words_of_source(*source, view)).as_deref()),
        filter: ColumnFilter::Text("source:tracker", source_names),
    },
    Column {
        id: "received", letter: 'r', name: "bytes received", title: "RECEIVED", help: "what it sent us in all, in this run",
        least: 9, wish: 9, grows: false, right: true, weight: 24,
        cell: |peer, context, _| amount(peer.down_bytes, context),
        key: |peer, _| largest(peer.down_bytes),
        filter: ColumnFilter::Number("received>1M", Measure::Bytes, |peer, _| Some(peer.down_bytes)),
    },
    Column {
        id: "sent", letter: 'b', name: "bytes sent", title: "SENT", help: "what we sent it in all, in this run",
        least: 9, wish: 9, grows: false, right: true, weight: 23,
        cell: |peer, context, _| amount(peer.up_bytes, context),
        key: |peer, _| largest(peer.up_bytes),
        filter: ColumnFilter::Number("sent>1M", Measure::Bytes, |peer, _| Some(peer.up_bytes)),
    },
    Column {
        id: "requests", letter: 'm', name: "requests", title: "REQ", help: "requests it has not answered yet, and how many we want",
        least: 9, wish: 9, grows: false, right: true, weight: 20, cell: requests,
        key: |peer, _| largest(u64::from(peer.sample.requests_out)),
        filter: ColumnFilter::Number("requests>0", Measure::Count, |peer, _| Some(u64::from(peer.sample.requests_out))),
    },
    Column {
        id: "latency", letter: 'l', name: "latency", title: "LATENCY", help: "from a request to its block when nothing else was queued",
        least: 8, wish: 8, grows: false, right: true, weight: 19,
        cell: |peer, _, _| plain(latency(peer).map(|ms| format!("{ms} ms")).unwrap_or_default()),
        key: |peer, _| smallest(latency(peer)),
        filter: ColumnFilter::Number("latency>200", Measure::Milliseconds, |peer, _| latency(peer)),
    },
    Column {
        id: "connect", letter: 'k', name: "connect time", title: "CONNECT", help: "from dialling to the open connection, of its last attempt that opened",
        least: 8, wish: 8, grows: false, right: true, weight: 16,
        cell: |peer, _, _| plain(connect_ms(peer).map(|ms| format!("{ms} ms")).unwrap_or_default()),
        key: |peer, _| smallest(connect_ms(peer)),
        filter: ColumnFilter::Number("connect>100", Measure::Milliseconds, |peer, _| connect_ms(peer)),
    },
    Column {
        id: "idle", letter: 'y', name: "idle time", title: "IDLE", help: "how long no block came of it; only while it is live",
        least: 7, wish: 8, grows: false, right: true, weight: 15,
        cell: |peer, context, _| plain(idle(peer, context.view).map(units::duration).unwrap_or_default()),
        key: |peer, view| smallest(idle(peer, view).map(milliseconds)),
        filter: ColumnFilter::Number("idle>30s", Measure::Time, |peer, view| idle(peer, view).map(milliseconds)),
    },
    Column {
        id: "transport", letter: 'v', name: "transport", title: "OVER", help: "transport of its last attempt",
        least: 4, wish: 4, grows: false, right: false, weight: 14,
        cell: |peer, _, _| plain(transport(peer)),
        key: |peer, _| text(Some(transport(peer))),
        filter: ColumnFilter::Text("transport:tcp", |peer, _| transport(peer).to_owned()),
    },
    Column {
        id: "encryption", letter: 'e', name: "encryption", title: "ENCRYPTION",
        help: "of its last attempt: plain; encrypted; handshake: only that was encrypted",
        least: 10, wish: 10, grows: false, right: false, weight: 18,
        cell: |peer, _, _| plain(encryption(peer)),
        key: |peer, _| text(Some(encryption(peer))),
        filter: ColumnFilter::Text("encryption:encrypted", |peer, _| encryption(peer).to_owned()),
    },
    Column {
        id: "direction", letter: 'x', name: "direction", title: "WHO", help: "who dialled in its last attempt: we or it",
        least: 4, wish: 4, grows: false, right: false, weight: 13,
        cell: |peer, _, _| plain(direction(peer)),
        key: |peer, _| text(Some(direction(peer))),
        filter: ColumnFilter::Text("direction:it", |peer, _| direction(peer).to_owned()),
    },
    Column {
        id: "tries", letter: 't', name: "attempts", title: "TRIES", help: "attempts so far, from either side",
        least: 5, wish: 5, grows: false, right: true, weight: 17,
        cell: |peer, _, _| plain(tries(peer).to_string()),
        key: |peer, _| largest(tries(peer)),
        filter: ColumnFilter::Number("tries>2", Measure::Count, |peer, _| Some(tries(peer))),
    },
    Column {
        id: "flags", letter: 'j', name: "flags", title: "FLAGS",
        help: "D: it serves us (d: it is choking us), U: we serve it (u: we choke it), K: it would, ?: we would, I: it called, E: encrypted",
        least: 5, wish: 5, grows: false, right: false, weight: 10,
        cell: |peer, _, _| plain(flags(peer)),
        key: |peer, _| text(Some(&flags(peer))),
        filter: ColumnFilter::Nothing,
    },
    Column {
        id: "reserved", letter: 'z', name: "reserved bytes", title: "RESERVED", help: "the eight reserved bytes of its handshake",
        least: 16, wish: 16, grows: false, right: false, weight: 12,
        cell: |peer, _, _| plain(reserved(peer)),
        key: |peer, _| smallest(peer.reserved.map(u64::from_be_bytes)),
        filter: ColumnFilter::Text("reserved:1005", |peer, _| reserved(peer)),
    },
    Column {
        id: "peer_id", letter: 'P', name: "peer id", title: "PEER ID", help: "all twenty bytes of its peer id",
        least: 20, wish: 20, grows: false, right: false, weight: 11,
        cell: |peer, _, _| plain(printable_id(peer)),
        key: |peer, _| text(Some(&printable_id(peer))),
        filter: ColumnFilter::Text("peer_id:-TR40", |peer, _| printable_id(peer)),
    },
    stream::RTT, stream::OUR_DELAY, stream::ITS_DELAY, stream::WINDOW, stream::IN_FLIGHT, stream::RESENT, stream::MTU,
    stream::LIMITED_BY,
];

/// The last seconds of a peer as a curve: the list draws it where it has room, between the others. It is no column of the
/// table, for no file, order or filter has it.
pub(crate) static RECENT: Column<PeerRecord> = Column {
    id: "recent",
    letter: ' ',
    name: "the last 30 seconds",
    title: " LAST 30s",
    help: "what it sent us in the last 30 seconds; where that is nothing, what we sent it",
    least: 13,
    wish: 16,
    grows: false,
    right: false,
    weight: 45,
    cell: |_, _, _| Spans::new(),
    key: |_, _| SortKey::Unknown,
    filter: ColumnFilter::Nothing,
};

/// The columns of live peers on the overview.
pub(crate) const LIVE: &[&str] =
    &["state", "address", "id", "client", "handshake", "has", "down", "up", "for"];
/// The columns of the other peers.
pub(crate) const OTHERS: &[&str] = &["state", "address", "why", "next"];
/// The columns of the list of live peers, as far as there is room.
pub(crate) const LIVE_ALL: &[&str] = &[
    "state",
    "address",
    "id",
    "client",
    "handshake",
    "has",
    "down",
    "up",
    "for",
    "received",
    "sent",
    "requests",
    "latency",
    "source",
    "transport",
    "encryption",
    "tries",
    "why",
    "idle",
    "connect",
    "direction",
    "flags",
    "reserved",
    "peer_id",
];
/// The columns of the list of the other peers, as far as there is room.
pub(crate) const OTHERS_ALL: &[&str] = &[
    "state",
    "address",
    "why",
    "next",
    "for",
    "source",
    "client",
    "tries",
    "connect",
    "transport",
    "encryption",
    "direction",
    "received",
    "sent",
    "reserved",
    "peer_id",
];

/// The column of this id.
pub(crate) fn column(id: &str) -> Option<&'static Column<PeerRecord>> {
    PEER_COLUMNS.iter().find(|column| column.id == id)
}

/// The columns that sort from the most to the least; the others go up, from the first letter or the shortest time.
const FALLING: &[&str] = &[
    "state",
    "has",
    "down",
    "up",
    "received",
    "sent",
    "requests",
    "tries",
    "window",
    "in_flight",
    "resent",
    "mtu",
];

/// The mark of an order: `▾` from the most down, `▴` from the least up.
pub(crate) fn order_mark(id: &str, reversed: bool) -> &'static str {
    if FALLING.contains(&id) == reversed { "▴" } else { "▾" }
}

/// The columns of these ids.
pub(crate) fn columns(ids: &[&str]) -> Vec<&'static Column<PeerRecord>> {
    ids.iter().filter_map(|id| column(id)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::Event;
    use crate::ledger::script::Script;
    use crate::ui::grid::Context;
    use crate::ui::paint;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    #[test]
    fn a_handshake_is_timed_from_the_open_connection_as_reports_have_it() {
        let mut run = Script::downloading(10);
        let peer = run.peers(1)[0];
        run.dial(peer).wait_ms(500).tell(Event::Connected { peer }).wait_ms(40);
        run.handshake(peer, b"-TR4060-abcdefghijkl");
        let record = run.record(peer);
        assert_eq!((connect_ms(&record), handshake_ms(&record)), (Some(500), Some((40, false))));
    }

    #[test]
    fn ids_are_unique_and_heads_fit() {
        let ids: HashSet<_> = PEER_COLUMNS.iter().map(|column| column.id).collect();
        assert_eq!(ids.len(), PEER_COLUMNS.len());
        for column in PEER_COLUMNS {
            assert!(paint::width(column.title) <= usize::from(column.least), "{}", column.id);
            assert!(column.least <= column.wish, "{}", column.id);
            assert!(!column.help.is_empty() && !column.name.is_empty(), "{}", column.id);
        }
        for set in [LIVE, OTHERS, LIVE_ALL, OTHERS_ALL] {
            assert_eq!(columns(set).len(), set.len(), "{set:?}");
        }
    }

    #[test]
    fn the_mark_of_an_order_tells_which_end_comes_first() {
        let view = sample::healthy();
        for column in PEER_COLUMNS.iter().filter(|column| column.id != "state") {
            let ColumnFilter::Number(_, _, number) = column.filter else {
                assert_eq!(order_mark(column.id, false), "▴", "{} begins with the first letter", column.id);
                continue;
            };
            let known = |peer: &&std::sync::Arc<PeerRecord>| (column.key)(peer, &view) != SortKey::Unknown;
            let mut peers: Vec<_> = view.peers.iter().filter(known).collect();
            peers.sort_by_cached_key(|peer| (column.key)(peer, &view));
            let numbers: Vec<u64> = peers.iter().filter_map(|peer| number(peer, &view)).collect();
            let (first, last) = (numbers.first(), numbers.last());
            let mark = order_mark(column.id, false);
            assert!(if mark == "▾" { first >= last } else { first <= last }, "{} {mark}", column.id);
            assert_ne!(order_mark(column.id, true), mark);
        }
    }

    #[test]
    fn every_cell_of_every_standing_can_be_made() {
        let look = Look::default();
        for (view, key) in sample::one_of_each() {
            let peer = crate::ui::model::peer(&view, key).unwrap();
            for column in PEER_COLUMNS {
                let _ = (column.cell)(peer, Context { view: &view, look: &look }, column.least);
                let _ = (column.key)(peer, &view);
            }
        }
    }
}
