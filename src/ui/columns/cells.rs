//! What the cells of the peers' table show, and the numbers and texts behind them.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{At, Attempt, Direction, Encryption, Payload, Phase, Source};
use crate::ledger::{PeerRecord, View};
use crate::ui::grid::{Context, fits};
use crate::ui::metadata;
use crate::ui::paint::{Spans, clip, clip_address, width};
use crate::ui::theme::Role;
use crate::ui::words::{self, Standing};
use crate::units::{self, milliseconds};

/// Columns in which a client can still be told from others.
const LEAST_NAME: usize = 8;

/// A cell of ordinary text.
pub(super) fn plain(text: impl Into<String>) -> Spans {
    Spans::new().add(Role::Text, text)
}

pub(super) fn state(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    let (glyph, word) = Standing::of(peer, context.view.at).roles();
    let standing = Standing::of(peer, context.view.at);
    Spans::new()
        .add(glyph, standing.glyph())
        .add(Role::Text, " ")
        .add(word, words::state_word(peer, context.view.at))
}

pub(super) fn address(peer: &PeerRecord, _: Context<'_>, columns: u16) -> Spans {
    Spans::new().add(Role::Text, clip_address(&peer.addr.to_string(), usize::from(columns)))
}

pub(super) fn port(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    plain(peer.addr.port().to_string())
}

pub(super) fn id(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let id = peer.peer_id.map(|id| id.printable()).unwrap_or_default();
    Spans::new().add(Role::Text, id.chars().take(8).collect::<String>())
}

pub(super) fn client(peer: &PeerRecord, _: Context<'_>, columns: u16) -> Spans {
    match (&peer.client, &peer.info.calls_itself) {
        (Some(client), _) => Spans::new().add(Role::Text, client_within(client, columns)),
        (None, Some(name)) => Spans::new().add(Role::Text, name.as_str()),
        (None, None) if peer.peer_id.is_some() => Spans::new().add(Role::Dim, "unknown"),
        (None, None) => Spans::new(),
    }
}

/// A client in so many columns: its version is worth more than what stands in brackets, and than the end of its name.
fn client_within(client: &str, columns: u16) -> Cow<'_, str> {
    if fits(client, columns) {
        return client.into();
    }
    let client: Cow<'_, str> = match (client.split_once(" ("), client.split_once(')')) {
        (Some((name, _)), Some((_, version))) => format!("{name}{version}").into(),
        _ => client.into(),
    };
    let cut = client.rsplit_once(' ').filter(|_| !fits(&client, columns)).and_then(|(name, version)| {
        let room = usize::from(columns).checked_sub(width(version) + 1).filter(|room| *room >= LEAST_NAME)?;
        Some(format!("{} {version}", clip(name, room)))
    });
    cut.map_or(client, Cow::from)
}

/// How long its last valid handshake took once the connection was open, and whether it was encrypted.
pub(super) fn handshake_ms(peer: &PeerRecord) -> Option<(u64, bool)> {
    peer.attempts.iter().rev().find_map(|attempt| {
        Some((milliseconds(attempt.handshake_time()?), attempt.encryption == Encryption::Mse))
    })
}

pub(super) fn handshake(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    let Some((ms, encrypted)) = handshake_ms(peer) else {
        return Spans::new();
    };
    let took = if ms < 10_000 { format!(" {ms} ms") } else { format!(" {} s", ms / 1000) };
    Spans::new()
        .add(Role::Progress, "✓")
        .add(Role::Text, took)
        .add(Role::Dim, if encrypted { " enc" } else { "" })
}

pub(super) fn has(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    plain(peer.has_percent().map(|percent| format!("{percent} %")).unwrap_or_default())
}

pub(super) fn to_us(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    let now = context.view.at;
    let rates = peer.rates;
    let word = |word: &str| Spans::new().add(Role::Text, word);
    match Standing::of(peer, now) {
        Standing::Held => word("held"),
        Standing::Sending if rates.down_bps > 0 => {
            Spans::new().add(Role::Down, rate(rates.down_bps, context, columns))
        }
        _ if peer.is_live() && words::stands_still(context.view) => word(still(context.view)),
        Standing::Unchoked if waits_for_our_limit(peer, context.view) => word("our limit"),
        // Its first second is not over.
        Standing::Sending if peer.recent.seconds().is_empty() => {
            let said = if fits("just began", columns) { "just began" } else { "begins" };
            Spans::new().add(Role::Dim, said)
        }
        Standing::Sending => Spans::new().add(Role::Down, rate(0, context, columns)),
        Standing::Unchoked => {
            let silent = now.saturating_sub(silent_since(peer));
            let shown = format!("0 · {}", words::span(silent));
            Spans::new().add(Role::Text, if fits(&shown, columns) { shown } else { "0".to_owned() })
        }
        // Rates stand out among what takes their place.
        Standing::Choked => {
            Spans::new().add(Role::Dim, if fits("choking us", columns) { "choking us" } else { "choking" })
        }
        Standing::Idle if peer.lacks_metadata => Spans::new(),
        Standing::Taking | Standing::Idle => Spans::new().add(Role::Dim, "no need"),
        _ => Spans::new(),
    }
}

/// Why nobody is asked for anything.
fn still(view: &View) -> &'static str {
    match view.phase {
        Phase::Paused => "paused",
        Phase::Queued(_) => "queued",
        _ => "stopped",
    }
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

pub(super) fn to_it(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    let up_bps = peer.rates.up_bps;
    match () {
        () if !peer.is_live() => Spans::new(),
        () if peer.held => Spans::new().add(Role::Text, "held"),
        () if words::stands_still(context.view) => Spans::new().add(Role::Text, still(context.view)),
        () if up_bps > 0 => Spans::new().add(Role::Up, rate(up_bps, context, columns)),
        () if !peer.flags.peer_interested => Spans::new()
            .add(Role::Dim, if fits("not interested", columns) { "not interested" } else { "no need" }),
        () if peer.flags.am_choking => Spans::new().add(Role::Dim, "choked"),
        () => Spans::new().add(Role::Text, units::rate(0, context.look.units)),
    }
}

pub(super) fn age(peer: &PeerRecord, context: Context<'_>, _: u16) -> Spans {
    Spans::new().add(Role::Text, units::duration(context.view.at.saturating_sub(peer.since)))
}

/// Why it does not serve us, in words.
pub(super) fn why(peer: &PeerRecord, view: &View) -> String {
    match Standing::of(peer, view.at) {
        Standing::Held => "by you, until you let go".to_owned(),
        _ if peer.is_live() && view.phase == Phase::Paused => "you paused the download".to_owned(),
        _ if peer.is_live() && words::stands_still(view) => "the disk stopped the download".to_owned(),
        Standing::Unchoked if waits_for_our_limit(peer, view) => "our own limit is used up".to_owned(),
        Standing::Idle if peer.lacks_metadata => metadata::detail(peer, view.at),
        Standing::Choked => "it serves others first (choking us)".to_owned(),
        Standing::Unchoked => "we may ask, but nothing comes".to_owned(),
        Standing::Idle | Standing::Taking => "we need nothing it has".to_owned(),
        Standing::Sending => String::new(),
        Standing::Queued => match view.taken_places() {
            Some(most) => format!("no free place (--max-peers {})", units::count(most.into())),
            None => words::row_reason(peer, view.at),
        },
        _ => words::row_reason(peer, view.at),
    }
}

pub(super) fn next(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
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

/// The host and port of a URL, which is all of it but the scheme.
pub(crate) fn host_of(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, host)| host)
}

/// A source in words: the tracker's host and port, the peer that named it, or how else it was learned.
pub(crate) fn words_of_source(source: Source, view: &View) -> String {
    if let Source::Pex(by) = source
        && let Some(by) = view.peer(by)
    {
        return format!("peer {}", by.addr);
    }
    url_of(source, view).map_or_else(|| source.info().words, host_of).to_owned()
}

/// The URL of the tracker that a source is.
fn url_of(source: Source, view: &View) -> Option<&str> {
    view.tracker(source.tracker()?).map(|tracker| tracker.url.as_str())
}

pub(super) fn source(peer: &PeerRecord, context: Context<'_>, columns: u16) -> Spans {
    Spans::new().add(Role::Text, clip_address(&source_name(peer, context.view), usize::from(columns)))
}

pub(super) fn amount(bytes: u64, context: Context<'_>) -> Spans {
    let role = if bytes == 0 { Role::Dim } else { Role::Text };
    Spans::new().add(role, units::bytes(bytes, context.look.units))
}

pub(super) fn requests(peer: &PeerRecord, _: Context<'_>, _: u16) -> Spans {
    if !peer.is_live() {
        return Spans::new();
    }
    Spans::new().add(Role::Text, format!("{} of {}", peer.sample.requests_out, peer.sample.request_target))
}

/// From a request to its block, milliseconds.
pub(super) fn latency(peer: &PeerRecord) -> Option<u64> {
    Some(u64::from(peer.sample.latency_ms)).filter(|ms| *ms > 0)
}

/// From dialling to the open connection, milliseconds.
pub(super) fn connect_ms(peer: &PeerRecord) -> Option<u64> {
    peer.attempts.iter().rev().find_map(Attempt::connect_time).map(milliseconds)
}

/// How long no block came of it while it was live.
pub(super) fn idle(peer: &PeerRecord, view: &View) -> Option<Duration> {
    let shook = peer.last_attempt()?.handshaken.filter(|_| peer.is_live())?;
    Some(view.at.saturating_sub(peer.last_block.unwrap_or(shook).max(shook)))
}

pub(super) fn transport(peer: &PeerRecord) -> &'static str {
    peer.last_attempt().map_or("", |attempt| attempt.transport.name())
}

pub(super) fn encryption(peer: &PeerRecord) -> &'static str {
    match peer.last_attempt().map(|attempt| (attempt.encryption, attempt.payload)) {
        Some((Encryption::Plain, _)) => "plain",
        Some((Encryption::Mse, Some(Payload::Plain))) => "handshake",
        Some((Encryption::Mse, _)) => "encrypted",
        None => "",
    }
}

pub(super) fn direction(peer: &PeerRecord) -> &'static str {
    match peer.last_attempt().map(|attempt| attempt.direction) {
        Some(Direction::Out) => "we",
        Some(Direction::In) => "it",
        None => "",
    }
}

/// The four states of the connection and how it came about, as the letters that other clients use.
pub(super) fn flags(peer: &PeerRecord) -> String {
    let Some(attempt) = peer.last_attempt().filter(|_| peer.is_live()) else {
        return String::new();
    };
    let flags = peer.flags;
    let ours = match (flags.am_interested, flags.peer_choking) {
        (true, false) => "D",
        (true, true) => "d",
        (false, false) => "K",
        (false, true) => "",
    };
    let its = match (flags.peer_interested, flags.am_choking) {
        (true, false) => "U",
        (true, true) => "u",
        (false, false) => "?",
        (false, true) => "",
    };
    let called = if attempt.direction == Direction::In { "I" } else { "" };
    let encrypted = if attempt.encryption == Encryption::Mse { "E" } else { "" };
    [ours, its, called, encrypted].concat()
}

pub(super) fn tries(peer: &PeerRecord) -> u64 {
    peer.last_attempt().map_or(0, |attempt| u64::from(attempt.number))
}

pub(super) fn reserved(peer: &PeerRecord) -> String {
    let hex = |bytes: [u8; 8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    peer.reserved.map(hex).unwrap_or_default()
}

/// What a filter reads of its state: the word of its row, and its group.
pub(super) fn state_words(peer: &PeerRecord, view: &View) -> String {
    let now = words::state_word(peer, view.at);
    let former = words::former_state_word(peer, view.at).unwrap_or_default();
    format!("{now} {} {former}", peer.group.word())
}

/// What a filter reads of who it is: by its peer id and by what it says.
pub(super) fn who(peer: &PeerRecord, _: &View) -> String {
    let no_name = if peer.peer_id.is_some() { "unknown" } else { "" };
    let by_id = peer.client.as_deref().unwrap_or(no_name);
    format!("{by_id} {}", peer.info.calls_itself.as_deref().unwrap_or_default())
}

/// What a filter reads of why it does not serve us: the cause by its code and its short, and the words of its row.
pub(super) fn why_words(peer: &PeerRecord, view: &View) -> String {
    let cause = peer.cause.or_else(|| peer.held_back_by(view.at));
    let (code, short) = cause.map_or(("", ""), |cause| (cause.info().code, cause.info().short));
    format!("{code} {short} {}", why(peer, view))
}

/// What a filter reads of where it was learned.
pub(super) fn source_names(peer: &PeerRecord, view: &View) -> String {
    let names = peer.sources.iter().map(|source| {
        // With its end marked a URL is told from one that is longer.
        let url = url_of(*source, view).map_or_else(String::new, |url| format!(" {url}/"));
        format!("{} {}{url}", source.info().code, words_of_source(*source, view))
    });
    names.collect::<Vec<_>>().join(" ")
}

/// How long until its next try, milliseconds.
pub(super) fn wait(peer: &PeerRecord, view: &View) -> Option<u64> {
    peer.next_try.map(|at| milliseconds(at.saturating_sub(view.at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    #[test]
    fn no_rate_is_cut_in_the_fewest_columns() {
        let (view, look) = (sample::healthy(), Look::default());
        let context = Context { view: &view, look: &look };
        let mut random = fastrand::Rng::with_seed(19);
        for bps in (0..10_000).map(|_| random.u64(..) >> random.u32(..64)).chain([1019 << 10, 1023 << 20]) {
            let shown = rate(bps, context, 9);
            assert!(fits(&shown, 9) && shown.ends_with("B/s"), "{bps}: {shown}");
        }
    }

    #[test]
    fn a_client_that_is_cut_keeps_its_version() {
        for (client, columns, shown) in [
            ("Transmission 4.0.4", 18, "Transmission 4.0.4"),
            ("Free Download Manager 5.1.32", 18, "Free Downl… 5.1.32"),
            ("BitTorrent (Mainline) 7.10.0", 18, "BitTorrent 7.10.0"),
            ("A_Client_Without_A_Version", 18, "A_Client_Without_A_Version"),
            ("Name 1.2.3.4.5.6.7.8.9.10", 18, "Name 1.2.3.4.5.6.7.8.9.10"),
        ] {
            assert_eq!(client_within(client, columns), shown);
        }
    }
}
