//! One handshake, byte by byte: what `ttui handshake` found, as text and JSON.

use std::fmt::Write;

use serde::Serialize;

use super::check::{PeerObject, connect_ms, handshake_ms};
use super::{hex, json_line};
use crate::event::{Attempt, Cause, Encryption, Payload, Transport, WireBytes, advised};
use crate::ledger::{PeerRecord, View};
use crate::text::clean;
use crate::wire::{HANDSHAKE_BYTES, Handshake, Judged, Reserved};

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    peer: PeerObject<'a>,
    sent_hex: String,
    received_hex: String,
    wire: Vec<Carried>,
}

/// What the network carried of one attempt.
#[derive(Serialize)]
struct Carried {
    sent_hex: String,
    received_hex: String,
}

/// The parts of a handshake: name, first byte, length.
const PARTS: &[(&str, usize, usize)] =
    &[("length", 0, 1), ("protocol", 1, 19), ("reserved", 20, 8), ("info-hash", 28, 20), ("peer id", 48, 20)];
/// Bytes of each side in a line.
const LINE_BYTES: usize = 8;
/// Bytes of one side in a line of what the network carried, and the lines shown of it.
const WIRE_LINE_BYTES: usize = 16;
const WIRE_LINES: usize = 8;

/// As one line of JSON: a peer as in `check`, both handshakes of the attempt that tells most, in hex and in the clear,
/// and what the network carried of every attempt, in their order.
pub fn json(view: &View, wire: &[WireBytes]) -> String {
    let Some(peer) = view.peers.first() else { return "{}".to_owned() };
    let of_attempt = |bytes: fn(&Attempt) -> &[u8]| peer.telling_attempt().map(bytes).map(hex);
    json_line(&Report {
        peer: PeerObject::new(peer, view),
        sent_hex: of_attempt(|attempt| &attempt.sent).unwrap_or_default(),
        received_hex: of_attempt(|attempt| &attempt.received).unwrap_or_default(),
        wire: wire
            .iter()
            .map(|bytes| Carried { sent_hex: hex(&bytes.sent), received_hex: hex(&bytes.received) })
            .collect(),
    })
}

/// In lines for a person, cleaned for a terminal: every attempt with what the network carried of it, in their order,
/// then what it comes to.
pub fn text(view: &View, wire: &[WireBytes]) -> String {
    let mut out = String::new();
    let Some(peer) = view.peers.first() else { return out };
    let _ = writeln!(out, "{} for {}", peer.addr, clean(&view.torrent.title(), 200));
    let mut wire = wire.iter();
    for tried in &peer.attempts {
        attempt(&mut out, peer, tried, wire.next());
    }
    out.push('\n');
    let tells_all = |cause: &Cause| peer.attempts.last().is_none_or(|tried| tried.cause != Some(*cause));
    if let Some(cause) = peer.cause.filter(tells_all) {
        let _ = writeln!(out, "{}: {}", cause.info().code, cause.info().sentence);
    }
    let advice = peer.cause.map_or("", |cause| cause.info().advice);
    // That nothing need be done goes without saying here, where nothing goes on.
    if !advice.is_empty() && !advice.starts_with("Nothing") {
        let _ = writeln!(out, "{}", advised(advice));
    }
    if let Some(reached) = reached(peer) {
        let _ = writeln!(out, "{reached}");
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Over what it can be reached, where it can, and over what it cannot.
fn reached(peer: &PeerRecord) -> Option<String> {
    let over = |transport: Transport| peer.attempts.iter().filter(move |tried| tried.transport == transport);
    let worked = |transport: &Transport| over(*transport).any(|tried| tried.handshaken.is_some());
    // What was interrupted may have worked.
    let failed = |transport: &Transport| {
        let mut tries = over(*transport).map(|tried| tried.cause);
        !worked(transport) && tries.next_back().is_some_and(|end| end != Some(Cause::NotAnswered))
    };
    let both = [Transport::Tcp, Transport::Utp];
    let (works, fails) = (both.into_iter().find(worked)?, both.into_iter().find(failed));
    Some(match fails {
        Some(fails) => format!("A valid handshake over {}; not over {}.", works.word(), fails.word()),
        None if both.iter().all(worked) => "A valid handshake, over TCP and over uTP.".to_owned(),
        None => "A valid handshake.".to_owned(),
    })
}

fn attempt(out: &mut String, peer: &PeerRecord, attempt: &Attempt, wire: Option<&WireBytes>) {
    let _ = writeln!(out, "\n{}", course(peer, attempt));
    let encrypted = attempt.encryption == Encryption::Mse;
    if encrypted && let Some(wire) = wire {
        carried(out, wire);
    }
    // What went encrypted is shown in the clear only beside an answer in the clear.
    let shown = if encrypted {
        !attempt.received.is_empty()
    } else {
        !attempt.sent.is_empty() || !attempt.received.is_empty()
    };
    if shown {
        out.push('\n');
        if encrypted {
            out.push_str("The handshakes in it, in the clear:\n");
        }
        bytes(out, attempt);
        for (whose, bytes) in [("ours", &attempt.sent), ("its", &attempt.received)] {
            if let Some(reserved) = reserved(bytes) {
                let names = reserved.names();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let _ = writeln!(out, "reserved bits, {whose}: {names}");
            }
        }
        if attempt.received.len() >= HANDSHAKE_BYTES
            && let Some(id) = peer.peer_id
        {
            let client = peer.client.as_deref().unwrap_or("a client we do not know");
            let _ = writeln!(out, "peer id: {}, {client}", id.printable());
        }
    }
    if let Some(cause) = attempt.cause {
        let _ = writeln!(out, "{}", end(attempt, cause));
    }
    if let Some(meant) = peer.resolved(attempt) {
        let info = meant.info();
        let other = match meant {
            Cause::TransportBlocked => format!("try over {}", attempt.transport.other().word()),
            _ => "encrypted try below".to_owned(),
        };
        let _ = writeln!(out, "The {other} tells why: {}. {}", info.code, info.sentence);
    }
}

/// `TCP, plain: connected after 2 ms, handshake after 5 ms; 68 bytes sent, 68 received.`
fn course(peer: &PeerRecord, attempt: &Attempt) -> String {
    let under = match (attempt.encryption, attempt.payload) {
        (Encryption::Plain, _) => "plain",
        (Encryption::Mse, None) => "encrypted",
        (Encryption::Mse, Some(Payload::Plain)) => "encrypted, then plain messages",
        (Encryption::Mse, Some(Payload::Rc4)) => "encrypted, and the messages too (RC4)",
    };
    let way = format!("{}, {under}", attempt.transport.word());
    let Some(connected) = connect_ms(attempt) else { return format!("{way}: not connected.") };
    let handshake = handshake_ms(attempt)
        .map_or_else(|| "no handshake".to_owned(), |ms| format!("handshake after {ms} ms"));
    let (received, sent) = peer.bytes_of(attempt);
    format!("{way}: connected after {connected} ms, {handshake}; {sent} bytes sent, {received} received.")
}

fn bytes(out: &mut String, attempt: &Attempt) {
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
}

/// The bytes of an encrypted attempt as they were carried: the beginning of either side, sixteen in a line.
fn carried(out: &mut String, wire: &WireBytes) {
    for (who, bytes) in [("we sent", &wire.sent), ("it sent", &wire.received)] {
        if bytes.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{who} {} bytes, as the network carried them:", bytes.len());
        for (line, chunk) in bytes.chunks(WIRE_LINE_BYTES).enumerate().take(WIRE_LINES) {
            let shown = chunk.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "{:>4} {shown}", line * WIRE_LINE_BYTES);
        }
        let left = bytes.len().saturating_sub(WIRE_LINES * WIRE_LINE_BYTES);
        if left > 0 {
            let _ = writeln!(out, "     and {left} more, which --json shows");
        }
    }
}

fn end(attempt: &Attempt, cause: Cause) -> String {
    let mut text = format!("{}: {}", cause.info().code, cause.info().sentence);
    let error = attempt.error.as_ref().map(|error| error.text.as_str());
    for more in [attempt.detail.as_deref(), error].into_iter().flatten() {
        let _ = write!(text, " ({})", clean(more, 400));
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
