//! The columns of the peers' table: one table, from which heads, cells, sorting and help are made.

use crate::event::{At, Phase, Source};
use crate::ledger::{PeerRecord, View};
use crate::units;

use super::grid::{Column, Context, fits};
use super::paint::{Spans, clip_address};
use super::theme::Role;
use super::words::{self, Standing};

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

fn text(text: Option<&str>) -> SortKey {
    text.map_or(SortKey::Unknown, |text| SortKey::Text(text.to_lowercase()))
}

/// Every column, in the order of the table.
#[rustfmt::skip]
pub(crate) static PEER_COLUMNS: &[Column<PeerRecord>] = &[
    Column {
        id: "state", name: "state", title: "  STATE", help: "what it is doing, or why it is not",
        least: 11, wish: 11, grows: false, right: false, weight: 100, cell: state,
        key: |peer, view| SortKey::Number(Standing::of(peer, view.at) as u64),
    },
    Column {
        id: "address", name: "address", title: "ADDRESS", help: "where it listens",
        least: 21, wish: 21, grows: false, right: false, weight: 90, cell: address,
        key: |peer, _| SortKey::Text(match peer.addr {
            std::net::SocketAddr::V4(v4) => format!("4{:?}{:05}", v4.ip().octets(), v4.port()),
            std::net::SocketAddr::V6(v6) => format!("6{:?}{:05}", v6.ip().octets(), v6.port()),
        }),
    },
    Column {
        id: "id", name: "id", title: "ID", help: "how its peer id begins: client and version, encoded",
        least: 8, wish: 8, grows: false, right: false, weight: 30, cell: id,
        key: |peer, _| text(peer.peer_id.map(|id| id.printable()).as_deref()),
    },
    Column {
        id: "client", name: "client", title: "CLIENT", help: "which client it is, by its peer id",
        least: 18, wish: 20, grows: true, right: false, weight: 60, cell: client,
        key: |peer, _| text(peer.client.as_deref()),
    },
    Column {
        id: "handshake", name: "handshake time", title: "HANDSHAKE",
        help: "whether it shook hands, how long that took, and whether encrypted",
        least: 13, wish: 13, grows: false, right: false, weight: 40, cell: handshake,
        key: |peer, _| handshake_ms(peer).map_or(SortKey::Unknown, |(ms, _)| SortKey::Number(ms)),
    },
    Column {
        id: "has", name: "share", title: "HAS", help: "how much of the torrent it has",
        least: 5, wish: 5, grows: false, right: true, weight: 55, cell: has,
        key: |peer, _| peer.has.as_ref().map_or(SortKey::Unknown, |has| largest(u64::from(has.count()))),
    },
    Column {
        id: "down", name: "rate to us", title: "↓ TO US",
        help: "what it sends us; waits: it chokes us; 0 · 34 s: it could send and does not",
        least: 10, wish: 11, grows: false, right: true, weight: 80, cell: to_us,
        key: |peer, _| largest(peer.sample.down_bps),
    },
    Column {
        id: "up", name: "rate to it", title: "↑ TO IT",
        help: "what we send it; choked: we choke it; no need: it wants nothing",
        least: 9, wish: 11, grows: false, right: true, weight: 70, cell: to_it,
        key: |peer, _| largest(peer.sample.up_bps),
    },
    Column {
        id: "for", name: "time", title: "FOR", help: "how long it has been so",
        least: 7, wish: 8, grows: false, right: true, weight: 35, cell: age,
        key: |peer, _| largest(peer.since.as_millis() as u64),
    },
    Column {
        id: "why", name: "reason", title: "WHY", help: "the reason, in words",
        least: 24, wish: 34, grows: true, right: false, weight: 28, cell: why,
        key: |peer, _| text(peer.cause.map(|cause| cause.info().code)),
    },
    Column {
        id: "next", name: "next try", title: "NEXT", help: "what happens next, and when",
        least: 11, wish: 15, grows: false, right: true, weight: 50, cell: next,
        key: |peer, _| peer.next_try.map_or(SortKey::Unknown, |at| SortKey::Number(at.as_millis() as u64)),
    },
    Column {
        id: "source", name: "source", title: "FROM", help: "who named it first",
        least: 14, wish: 24, grows: false, right: false, weight: 26, cell: source,
        key: |peer, view| text(Some(&source_name(peer, view))),
    },
    Column {
        id: "received", name: "bytes received", title: "RECEIVED", help: "what it sent us in all, in this run",
        least: 9, wish: 9, grows: false, right: true, weight: 24,
        cell: |peer, context, _| amount(peer.down_bytes, context),
        key: |peer, _| largest(peer.down_bytes),
    },
    Column {
        id: "sent", name: "bytes sent", title: "SENT", help: "what we sent it in all, in this run",
        least: 9, wish: 9, grows: false, right: true, weight: 23,
        cell: |peer, context, _| amount(peer.up_bytes, context),
        key: |peer, _| largest(peer.up_bytes),
    },
    Column {
        id: "requests", name: "requests", title: "REQ", help: "requests it has not answered yet, and how many we want",
        least: 9, wish: 9, grows: false, right: true, weight: 20, cell: requests,
        key: |peer, _| largest(u64::from(peer.sample.requests_out)),
    },
    Column {
        id: "latency", name: "latency", title: "LATENCY", help: "from a request to its block when nothing else was queued",
        least: 8, wish: 8, grows: false, right: true, weight: 19, cell: latency,
        key: |peer, _| match peer.sample.latency_ms {
            0 => SortKey::Unknown,
            ms => SortKey::Number(u64::from(ms)),
        },
    },
    Column {
        id: "how", name: "transport", title: "HOW", help: "transport and encryption of its last attempt",
        least: 13, wish: 16, grows: false, right: false, weight: 18,
        cell: |peer, _, _| Spans::new().add(Role::Text, peer.last_attempt().map(words::how).unwrap_or_default()),
        key: |peer, _| text(peer.last_attempt().map(words::how).as_deref()),
    },
    Column {
        id: "tries", name: "attempts", title: "TRIES", help: "attempts so far, from either side",
        least: 5, wish: 5, grows: false, right: true, weight: 17,
        cell: |peer, _, _| Spans::new().add(Role::Text, tries(peer).to_string()),
        key: |peer, _| largest(u64::from(tries(peer))),
    },
    Column {
        id: "reserved", name: "reserved bytes", title: "RESERVED", help: "the eight reserved bytes of its handshake",
        least: 16, wish: 16, grows: false, right: false, weight: 12, cell: reserved,
        key: |peer, _| peer.reserved.map_or(SortKey::Unknown, |bytes| SortKey::Number(u64::from_be_bytes(bytes))),
    },
    Column {
        id: "peer_id", name: "peer id", title: "PEER ID", help: "all twenty bytes of its peer id",
        least: 20, wish: 20, grows: false, right: false, weight: 11,
        cell: |peer, _, _| Spans::new().add(Role::Text, peer.peer_id.map(|id| id.printable()).unwrap_or_default()),
        key: |peer, _| text(peer.peer_id.map(|id| id.printable()).as_deref()),
    },
];

/// The columns `s` goes through.
pub(crate) const SORTABLE: &[&str] = &["down", "up", "has", "client", "address", "handshake", "for", "why"];

/// The columns of live peers on the overview.
pub(crate) const LIVE: &[&str] =
    &["state", "address", "id", "client", "handshake", "has", "down", "up", "for"];
/// The columns of the other peers.
pub(crate) const OTHERS: &[&str] = &["state", "address", "why", "next"];
/// The columns of the list of live peers, all of them.
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
    "how",
    "tries",
    "why",
    "reserved",
    "peer_id",
];
/// The columns of the list of the other peers, all of them.
pub(crate) const OTHERS_ALL: &[&str] = &[
    "state", "address", "why", "next", "for", "source", "client", "tries", "how", "received", "sent",
    "reserved", "peer_id",
];

/// The column of this id.
pub(crate) fn column(id: &str) -> Option<&'static Column<PeerRecord>> {
    PEER_COLUMNS.iter().find(|column| column.id == id)
}

/// The columns of these ids.
pub(crate) fn columns(ids: &[&str]) -> Vec<&'static Column<PeerRecord>> {
    ids.iter().filter_map(|id| column(id)).collect()
}

fn state(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    let (glyph, word) = Standing::of(peer, context.view.at).roles();
    let standing = Standing::of(peer, context.view.at);
    Spans::new()
        .add(glyph, standing.glyph())
        .add(Role::Text, " ")
        .add(word, words::state_word(peer, context.view.at))
}

fn address(peer: &PeerRecord, _: Context<'_>, columns: u16) -> Spans {
    Spans::new().add(Role::Text, clip_address(&peer.addr.to_string(), usize::from(columns)))
}

fn id(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let id = peer.peer_id.map(|id| id.printable()).unwrap_or_default();
    Spans::new().add(Role::Text, id.chars().take(8).collect::<String>())
}

fn client(peer: &PeerRecord, _: Context<'_>, columns: u16) -> Spans {
    match (&peer.client, &peer.calls_itself) {
        // The version is worth more than what stands in brackets.
        (Some(client), _) if !fits(client, columns) => {
            match (client.split_once(" ("), client.split_once(')')) {
                (Some((name, _)), Some((_, version))) => {
                    Spans::new().add(Role::Text, format!("{name}{version}"))
                }
                _ => Spans::new().add(Role::Text, client.as_str()),
            }
        }
        (Some(client), _) => Spans::new().add(Role::Text, client.as_str()),
        (None, Some(name)) => Spans::new().add(Role::Text, name.as_str()),
        (None, None) if peer.peer_id.is_some() => Spans::new().add(Role::Dim, "unknown"),
        (None, None) => Spans::new(),
    }
}

/// How long its last valid handshake took, and whether it was encrypted.
fn handshake_ms(peer: &PeerRecord) -> Option<(u64, bool)> {
    let last = peer.attempts.iter().rev().find_map(|attempt| Some((attempt, attempt.handshaken?)));
    last.map(|(attempt, at)| {
        let ms = words::ms_between(attempt.began, at) as u64;
        (ms, attempt.encryption == crate::event::Encryption::Mse)
    })
}

fn handshake(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let Some((ms, encrypted)) = handshake_ms(peer) else {
        return Spans::new();
    };
    let took = if ms < 10_000 { format!(" {ms} ms") } else { format!(" {} s", ms / 1000) };
    Spans::new()
        .add(Role::Progress, "✓")
        .add(Role::Text, took)
        .add(Role::Dim, if encrypted { " enc" } else { "" })
}

fn has(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let Some(has) = &peer.has else {
        return Spans::new();
    };
    let percent = u64::from(has.count()) * 100 / u64::from(has.len().max(1));
    Spans::new().add(Role::Text, format!("{percent} %"))
}

fn to_us(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    let now = context.view.at;
    let word = |word: &str| Spans::new().add(Role::Text, word);
    match Standing::of(peer, now) {
        Standing::Held => word("held"),
        Standing::Sending if peer.sample.down_bps > 0 => {
            Spans::new().add(Role::Strong, rate(peer.sample.down_bps, context, columns))
        }
        _ if peer.is_live() && words::stands_still(context.view) => word(still(context.view)),
        Standing::Unchoked if waits_for_our_limit(peer, context.view) => word("our limit"),
        Standing::Sending => Spans::new().add(Role::Strong, rate(0, context, columns)),
        Standing::Unchoked => {
            let silent = now.saturating_sub(silent_since(peer));
            let shown = format!("0 · {}", words::span(silent));
            Spans::new().add(Role::Text, if fits(&shown, columns) { shown } else { "0".to_owned() })
        }
        Standing::Choked => word("waits"),
        Standing::Taking | Standing::Idle => Spans::new().add(Role::Dim, "no need"),
        _ => Spans::new(),
    }
}

/// Why nobody is asked for anything.
fn still(view: &View) -> &'static str {
    if view.phase == Phase::Paused { "paused" } else { "stopped" }
}

/// Nothing is asked of it, and our own limit leaves nothing to ask.
fn waits_for_our_limit(peer: &PeerRecord, view: &View) -> bool {
    view.limits.0.is_some_and(|limit| view.rates.down_bps >= limit - limit / 7)
        && peer.sample.requests_out == 0
}

/// Since when a peer that could send has sent nothing.
fn silent_since(peer: &PeerRecord) -> At {
    let unchoked = peer.last_attempt().and_then(|attempt| attempt.unchoked);
    peer.last_block.max(unchoked).unwrap_or(peer.since)
}

fn to_it(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    match () {
        () if !peer.is_live() => Spans::new(),
        () if peer.held => Spans::new().add(Role::Text, "held"),
        () if peer.sample.up_bps > 0 => {
            Spans::new().add(Role::Strong, rate(peer.sample.up_bps, context, columns))
        }
        () if words::stands_still(context.view) => Spans::new().add(Role::Text, still(context.view)),
        () if !peer.flags.peer_interested => Spans::new().add(Role::Dim, "no need"),
        () if peer.flags.am_choking => Spans::new().add(Role::Text, "choked"),
        () => Spans::new().add(Role::Text, units::rate(0, context.look.units)),
    }
}

fn age(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    Spans::new().add(Role::Text, units::duration(context.view.at.saturating_sub(peer.since)))
}

fn why(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    let reason = match Standing::of(peer, context.view.at) {
        Standing::Held => "by you; space goes on".to_owned(),
        _ if peer.is_live() && context.view.phase == Phase::Paused => "you paused the download".to_owned(),
        _ if peer.is_live() && words::stands_still(context.view) => {
            "the disk stopped the download".to_owned()
        }
        Standing::Unchoked if waits_for_our_limit(peer, context.view) => {
            "our own limit is used up".to_owned()
        }
        Standing::Choked => "it serves others first (chokes us)".to_owned(),
        Standing::Unchoked => "we may ask, but nothing comes".to_owned(),
        Standing::Idle | Standing::Taking => "we need nothing it has".to_owned(),
        Standing::Sending => String::new(),
        _ => words::row_reason(peer, context.view.at),
    };
    Spans::new().add(Role::Text, reason)
}

fn next(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    Spans::new().add(Role::Dim, words::next_step(peer, context.view, columns < 15))
}

/// A rate in so many columns of the terminal, without its decimal where that does not fit.
fn rate(bps: u64, context: Context<'_>, columns: u16) -> String {
    let shown = units::rate(bps, context.look.units);
    match (fits(&shown, columns), shown.split_once('.')) {
        (false, Some((whole, rest))) => {
            format!("{whole}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => shown,
    }
}

fn source_name(peer: &PeerRecord, view: &View) -> String {
    peer.sources.first().map_or_else(String::new, |source| words_of_source(*source, view))
}

/// A source in words: the tracker's host and port, or how else it was learned.
pub(crate) fn words_of_source(source: Source, view: &View) -> String {
    match source {
        Source::Tracker(key) => {
            let tracker = view.trackers.iter().find(|tracker| tracker.key == key);
            let url = tracker.map_or("a tracker", |tracker| tracker.url.as_str());
            url.split_once("://").map_or(url, |(_, host)| host).to_owned()
        }
        Source::Manual => "by hand".to_owned(),
        Source::Incoming => "it called us".to_owned(),
        Source::Resume => "the last run".to_owned(),
    }
}

fn source(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    Spans::new().add(Role::Text, source_name(peer, context.view))
}

fn amount(bytes: u64, context: Context<'_>) -> Spans {
    let role = if bytes == 0 { Role::Dim } else { Role::Text };
    Spans::new().add(role, units::bytes(bytes, context.look.units))
}

fn requests(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    if !peer.is_live() {
        return Spans::new();
    }
    Spans::new().add(Role::Text, format!("{} of {}", peer.sample.requests_out, peer.sample.request_target))
}

fn latency(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    match peer.sample.latency_ms {
        0 => Spans::new(),
        ms => Spans::new().add(Role::Text, format!("{ms} ms")),
    }
}

fn tries(peer: &PeerRecord) -> u32 {
    peer.last_attempt().map_or(0, |attempt| attempt.number)
}

fn reserved(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let hex = |bytes: [u8; 8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Spans::new().add(Role::Text, peer.reserved.map(hex).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ui::paint;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    #[test]
    fn ids_are_unique_and_heads_fit() {
        let ids: HashSet<_> = PEER_COLUMNS.iter().map(|column| column.id).collect();
        assert_eq!(ids.len(), PEER_COLUMNS.len());
        for column in PEER_COLUMNS {
            assert!(paint::width(column.title) <= usize::from(column.least), "{}", column.id);
            assert!(column.least <= column.wish, "{}", column.id);
            assert!(!column.help.is_empty() && !column.name.is_empty(), "{}", column.id);
        }
        for set in [LIVE, OTHERS, LIVE_ALL, OTHERS_ALL, SORTABLE] {
            assert_eq!(columns(set).len(), set.len(), "{set:?}");
        }
    }

    #[test]
    fn every_column_is_in_a_list() {
        for column in PEER_COLUMNS {
            assert!(LIVE_ALL.contains(&column.id) || OTHERS_ALL.contains(&column.id), "{}", column.id);
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
