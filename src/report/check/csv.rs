//! For spreadsheets: one line a peer (RFC 4180).

use super::{cause, code, connect_ms, encryption, group, handshake_ms, peer_object, resolved, sources};
use crate::ledger::View;
use crate::report::hex;
use crate::wire::LooksLike;

const COLUMNS: &[&str] = &[
    "addr",
    "source",
    "stage",
    "live",
    "group",
    "cause",
    "detail",
    "looks_like",
    "client",
    "peer_id_hex",
    "reserved_hex",
    "extensions",
    "attempts",
    "encryption",
    "resolved",
    "connect_ms",
    "handshake_ms",
    "bytes_in",
    "bytes_out",
    "error",
];

/// One line a peer, under a line of names.
pub fn csv(view: &View) -> String {
    let mut out = COLUMNS.join(",") + "\r\n";
    for peer in &view.peers {
        let object = peer_object(peer, view);
        let attempt = peer.telling_attempt();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            object.addr,
            sources(peer, view).join(" "),
            stage_name(object.stage),
            peer.is_live().to_string(),
            group(peer.group).to_owned(),
            cause(peer, view.at).map(code).unwrap_or_default().to_owned(),
            object.detail.unwrap_or_default().to_owned(),
            object.looks_like.map(LooksLike::name).unwrap_or_default().to_owned(),
            peer.client.clone().unwrap_or_default(),
            peer.peer_id.map(|id| hex(&id.0)).unwrap_or_default(),
            peer.reserved.map(|reserved| hex(&reserved)).unwrap_or_default(),
            peer.extensions.join(" "),
            peer.attempts.len().to_string(),
            attempt.map(|attempt| encryption(attempt.encryption)).unwrap_or_default().to_owned(),
            resolved(peer).map(code).unwrap_or_default().to_owned(),
            number(attempt.and_then(connect_ms)),
            number(attempt.and_then(handshake_ms)),
            number(attempt.map(|attempt| attempt.bytes_in)),
            number(attempt.map(|attempt| attempt.bytes_out)),
            attempt
                .and_then(|attempt| attempt.error.as_ref())
                .map(|error| error.text.clone())
                .unwrap_or_default(),
        ];
        out += &cells.map(|cell| quoted(&cell)).join(",");
        out += "\r\n";
    }
    out
}

fn stage_name(stage: crate::ledger::Stage) -> String {
    serde_json::to_value(stage).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A cell. One that a spreadsheet would take for a formula is told apart by an apostrophe: names come from peers.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_what_would_break_a_line_or_run_as_a_formula() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("-2+3"), "\"'-2+3\"");
    }
}
