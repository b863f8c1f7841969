//! For pasting into an issue: the funnel, a table of peers, the trackers, the verdicts.

use std::fmt::Write;

use super::{
    cause, code, connect_ms, encryption, group, handshake_ms, in_order, resolved, severity, status, steps,
};
use crate::ledger::View;
use crate::text::clean;

/// What was found, as Markdown.
pub fn markdown(view: &View) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## ttui check: {}\n", cell(&view.torrent.name));
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
    for verdict in &view.verdicts {
        let _ = write!(out, "- **{}**: {}", severity(verdict.severity), cell(&verdict.text));
        let advice = cell(&verdict.advice);
        let _ = writeln!(out, "{}{advice}", if advice.is_empty() { "" } else { " Try: " });
    }
    if !view.trackers.is_empty() {
        let _ = writeln!(out, "\n| tracker | status | peers | handshaken |\n|---|---|---|---|");
    }
    for tracker in &view.trackers {
        let status = match &tracker.status {
            crate::ledger::TrackerStatus::Failed(error, text) => format!("{}: {text}", error.code()),
            _ => status(tracker).to_owned(),
        };
        let (url, status) = (cell(&tracker.url), cell(&status));
        let _ = writeln!(out, "| {url} | {status} | {} | {} |", tracker.peers, tracker.handshaken);
    }
    if let Some((_, note)) = &view.answer {
        let _ = writeln!(out, "\n{}", cell(note));
    }
    if !view.peers.is_empty() {
        let _ = writeln!(
            out,
            "\n| peer | group | cause | client | encryption | connect ms | handshake ms | detail |"
        );
        let _ = writeln!(out, "|---|---|---|---|---|--:|--:|---|");
    }
    for peer in in_order(view) {
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
            group(peer.group).to_owned(),
            cause(peer, view.at).map(code).unwrap_or_default().to_owned(),
            cell(peer.client.as_deref().unwrap_or_default()),
            way,
            time(attempt.and_then(connect_ms)),
            time(attempt.and_then(handshake_ms)),
            cell(detail),
        ];
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

/// Text that can neither end its cell nor be taken for markup, and that calls nobody: what a stranger says is to make
/// no links, images, mentions or references where it is pasted.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in clean(text, 500).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '!' | '~' | '$' => shown.extend(['\\', c]),
            '&' => shown.push_str("&amp;"),
            // Mentions and references are looked for behind all markup; an empty comment keeps them apart.
            '@' => shown.push_str("@<!-- -->"),
            '#' => shown.push_str("\\#<!-- -->"),
            c => shown.push(c),
        }
    }
    shown.replace("://", "\\://").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn disarms_markup() {
        assert_eq!(cell("a|b\n<img>![x](y)"), r"a\|b \<img\>\!\[x\](y)");
        assert_eq!(cell("@you #1 &lt; ~a~"), r"@<!-- -->you \#<!-- -->1 &amp;lt; \~a\~");
        assert_eq!(cell("see http://x.example www.x.example"), r"see http\://x.example www\.x.example");
    }
}
