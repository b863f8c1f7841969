//! One handshake, byte by byte: what `ttui handshake` found, as text and JSON.

use std::fmt::Write;

use serde::Serialize;

use super::check::{Peer, connect_ms, handshake_ms, peer_object};
use super::{hex, json_line};
use crate::event::Attempt;
use crate::ledger::{PeerRecord, Stage, View};
use crate::text::clean;
use crate::wire::{HANDSHAKE_BYTES, Handshake, Judged, Reserved};

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    peer: Peer<'a>,
    sent_hex: String,
    received_hex: String,
}

/// The parts of a handshake: name, first byte, length.
const PARTS: &[(&str, usize, usize)] =
    &[("length", 0, 1), ("protocol", 1, 19), ("reserved", 20, 8), ("info-hash", 28, 20), ("peer id", 48, 20)];
/// Bytes of each side in a line.
const LINE_BYTES: usize = 8;

/// The attempt shown: the one that got furthest.
fn shown(view: &View) -> Option<(&PeerRecord, &Attempt)> {
    let peer = view.peers.first()?;
    Some((peer, peer.telling_attempt()?))
}

/// As one line of JSON: a peer as in `check`, and both handshakes in hex.
pub fn json(view: &View) -> String {
    let Some((peer, attempt)) = shown(view) else { return "{}".to_owned() };
    json_line(&Report {
        peer: peer_object(peer, view),
        sent_hex: hex(&attempt.sent),
        received_hex: hex(&attempt.received),
    })
}

/// In lines for a person, cleaned for a terminal.
pub fn text(view: &View) -> String {
    let mut out = String::new();
    let Some((peer, attempt)) = shown(view) else { return out };
    let _ = writeln!(out, "{} for {}\n", peer.addr, clean(&view.torrent.name, 200));
    out.push_str(&side_by_side(attempt));
    for (whose, bytes) in [("ours", &attempt.sent), ("its", &attempt.received)] {
        if let Some(reserved) = reserved(bytes) {
            let names = reserved.names();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let _ = writeln!(out, "reserved bits, {whose}: {names}");
        }
    }
    if let Some(id) = peer.peer_id {
        let client = peer.client.as_deref().unwrap_or("a client we do not know");
        let _ = writeln!(out, "peer id: {}, {client}", id.printable());
    }
    let handshake = handshake_ms(attempt).map_or_else(|| "never".to_owned(), |ms| format!("after {ms} ms"));
    if let Some(connect) = connect_ms(attempt) {
        let _ = writeln!(out, "connected after {connect} ms, handshake {handshake}");
    }
    let _ = writeln!(out, "{}", verdict(peer, attempt));
    out
}

/// Both handshakes, byte by byte; nothing where neither was sent.
fn side_by_side(attempt: &Attempt) -> String {
    let mut out = String::new();
    if attempt.sent.is_empty() && attempt.received.is_empty() {
        return out;
    }
    let _ = writeln!(out, "{:<13}  {:<33}  it sent", "", "we sent");
    for &(name, from, length) in PARTS {
        for at in (from..from + length).step_by(LINE_BYTES) {
            let to = (at + LINE_BYTES).min(from + length);
            let (ours, theirs) = (side(&attempt.sent, at, to), side(&attempt.received, at, to));
            let label = if at == from { name } else { "" };
            let mark = mark(name, &attempt.sent, &attempt.received, at, to);
            let _ = writeln!(out, "{}", format!("{at:>2} {label:<9} {mark} {ours:<33}  {theirs}").trim_end());
        }
    }
    out.push('\n');
    out
}

fn verdict(peer: &PeerRecord, attempt: &Attempt) -> String {
    let Some(cause) = attempt.cause else {
        let good = peer.stage >= Stage::Handshaken;
        return if good { "A valid handshake.".to_owned() } else { "No answer yet.".to_owned() };
    };
    let info = cause.info();
    let mut text = format!("{}: {}", info.code, info.sentence);
    let error = attempt.error.as_ref().map(|error| error.text.as_str());
    for more in [attempt.detail.as_deref(), error].into_iter().flatten() {
        let _ = write!(text, " ({})", clean(more, 400));
    }
    if !info.advice.is_empty() {
        let _ = write!(text, "\nTry: {}", info.advice);
    }
    text
}

fn reserved(bytes: &[u8]) -> Option<Reserved> {
    match Handshake::judge(bytes) {
        Judged::Torrent { reserved, .. } => Some(reserved),
        Judged::Whole(handshake) => Some(handshake.reserved),
        Judged::Prefix | Judged::NotBittorrent { .. } => None,
    }
}

/// `42 69 74 54 6f 72 72 65 BitTorre`; what did not come is `..`.
fn side(bytes: &[u8], from: usize, to: usize) -> String {
    let (mut hex, mut plain) = (String::new(), String::new());
    for at in from..to {
        match bytes.get(at) {
            Some(&byte) => {
                let _ = write!(hex, "{byte:02x} ");
                plain.push(if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' });
            }
            None => hex.push_str(".. "),
        }
    }
    format!("{hex:<24}{plain}")
}

/// Where both must say the same and do not: `!`.
fn mark(part: &str, sent: &[u8], received: &[u8], from: usize, to: usize) -> char {
    let free = matches!(part, "reserved" | "peer id");
    let differs = |at: usize| received.get(at).is_some_and(|byte| sent.get(at) != Some(byte));
    if !free && (from..to.min(HANDSHAKE_BYTES)).any(differs) { '!' } else { ' ' }
}
