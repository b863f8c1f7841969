//! For pasting into an issue: the funnel, a table of peers, the trackers, the verdicts.

use std::fmt::Write;

use super::{
    cause, code, connect_ms, encryption, handshake_ms, in_order, out_there, resolved, severity, status, steps,
};
use crate::event::advised;
use crate::ledger::{PeerRecord, View};
use crate::report::markdown_cell;

/// What was found, as Markdown.
pub fn markdown(view: &View) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## ttui check: {}\n", markdown_cell(&view.torrent.name));
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
    if let Some(availability) = view.availability {
        let _ = writeln!(out, "{}\n", markdown_cell(&out_there(availability)));
    }
    for verdict in &view.verdicts {
        let _ = write!(out, "- **{}**: {}", severity(verdict.severity), markdown_cell(&verdict.text));
        let advice = markdown_cell(&advised(&verdict.advice));
        let _ = writeln!(out, "{}{advice}", if advice.is_empty() { "" } else { " " });
    }
    if !view.trackers.is_empty() {
        let _ = writeln!(out, "\n| tracker | status | peers | handshaken |\n|---|---|---|---|");
    }
    for tracker in &view.trackers {
        let status = match &tracker.status {
            crate::ledger::TrackerStatus::Failed(error, text) => format!("{}: {text}", error.code()),
            _ => status(tracker).to_owned(),
        };
        let (url, status) = (markdown_cell(&tracker.url), markdown_cell(&status));
        let _ = writeln!(out, "| {url} | {status} | {} | {} |", tracker.peers, tracker.handshaken);
    }
    if let Some((_, note)) = &view.answer {
        let _ = writeln!(out, "\n{}", markdown_cell(note));
    }
    if !view.peers.is_empty() {
        out.push('\n');
        rows(&mut out, in_order(view).into_iter(), view);
    }
    out
}

fn rows<'a>(out: &mut String, peers: impl Iterator<Item = &'a PeerRecord>, view: &View) {
    let _ =
        writeln!(out, "| peer | group | cause | client | encryption | connect ms | handshake ms | detail |");
    let _ = writeln!(out, "|---|---|---|---|---|--:|--:|---|");
    for peer in peers {
        let attempt = peer.telling_attempt();
        let time = |ms: Option<u64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
        let detail = attempt.and_then(|attempt| attempt.detail.as_deref()).unwrap_or_default();
        let way = match (resolved(peer), attempt) {
            (Some(cause), _) => code(cause).to_owned(),
            (None, Some(attempt)) => encryption(attempt.encryption).to_owned(),
            (None, None) => String::new(),
        };
        let cells = [
            peer.addr.to_string(),
            peer.group.word().to_owned(),
            cause(peer, view.at).map(code).unwrap_or_default().to_owned(),
            markdown_cell(peer.client.as_deref().unwrap_or_default()),
            way,
            time(attempt.and_then(connect_ms)),
            time(attempt.and_then(handshake_ms)),
            markdown_cell(detail),
        ];
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}
