//! For pasting into an issue: the funnel, a table of peers, the trackers, the verdicts.

use std::fmt::Write;

use super::{came, fields, in_order, steps};
use crate::event::{Cause, advised};
use crate::ledger::{PeerRecord, View};
use crate::report::{markdown_cell, table};

/// Heads, how their cells stand, and the field that each shows.
const SHOWN: [(&str, &str, &str); 8] = [
    ("peer", "---", "addr"),
    ("group", "---", "group"),
    ("cause", "---", "cause"),
    ("client", "---", "client"),
    ("encryption", "---", "encryption"),
    ("connect ms", "--:", "connect_ms"),
    ("handshake ms", "--:", "handshake_ms"),
    ("detail", "---", "detail"),
];

/// What was found, as Markdown.
pub fn markdown(view: &View) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## ttui check: {}\n", markdown_cell(&view.torrent.title()));
    let seconds = view.at.as_secs_f64();
    let _ = writeln!(
        out,
        "ttui {}, info-hash {}, {seconds:.1} s\n",
        env!("CARGO_PKG_VERSION"),
        view.torrent.info_hash
    );
    let funnel = steps(&view.funnel);
    let _ = writeln!(out, "| {} |", funnel.map(|(name, _)| name).join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(funnel.len()));
    let _ = writeln!(out, "| {} |\n", funnel.map(|(_, peers)| peers.to_string()).join(" | "));
    if let Some(came) = came(view) {
        let _ = writeln!(out, "{}\n", markdown_cell(&came));
    }
    for verdict in &view.verdicts {
        let _ = write!(out, "- **{}**: {}", verdict.severity.name(), markdown_cell(&verdict.text));
        let advice = markdown_cell(&advised(&verdict.advice));
        let _ = writeln!(out, "{}{advice}", if advice.is_empty() { "" } else { " " });
    }
    if !view.trackers.is_empty() {
        let _ = writeln!(out, "\n| tracker | status | peers | handshaken |\n|---|---|---|---|");
    }
    for tracker in &view.trackers {
        let failed = tracker.failure().map(|(error, text)| format!("{}: {text}", error.info().code));
        let status = failed.unwrap_or_else(|| tracker.status.name().to_owned());
        let (url, status) = (markdown_cell(&tracker.url), markdown_cell(&status));
        let _ = writeln!(out, "| {url} | {status} | {} | {} |", tracker.peers, tracker.handshaken);
    }
    if let Some((_, note)) = &view.answer {
        let _ = writeln!(out, "\n{}", markdown_cell(note));
    }
    if !view.peers.is_empty() {
        let _ = writeln!(out, "\n| {} |", SHOWN.map(|(head, ..)| head).join(" | "));
        let _ = writeln!(out, "|{}|", SHOWN.map(|(_, stands, _)| stands).join("|"));
        for peer in in_order(view) {
            let _ = writeln!(out, "| {} |", SHOWN.map(|(.., name)| cell(name, peer, view)).join(" | "));
        }
    }
    out
}

/// A field as people read it; that a peer takes encryption only stands in place of how it was reached.
fn cell(name: &str, peer: &PeerRecord, view: &View) -> String {
    let plain = |name| table::plain(&fields::value(name, peer, view));
    match name {
        "group" => peer.group.word().to_owned(),
        "encryption" if peer.found_out().any(|meant| meant == Cause::EncryptionRequired) => {
            Cause::EncryptionRequired.info().code.to_owned()
        }
        "client" | "detail" => markdown_cell(&plain(name)),
        _ => plain(name),
    }
}
