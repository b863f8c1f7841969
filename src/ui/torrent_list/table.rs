//! The list of torrents, for a file.

use serde_json::{Value, json};

use super::TorrentList;
use super::state::{state, why};
use crate::ledger::TorrentRow;

/// The columns of the file.
pub(crate) const NAMES: &[&str] = &[
    "name",
    "info_hash",
    "state",
    "total_bytes",
    "have_bytes",
    "down_bps",
    "up_bps",
    "sending",
    "live",
    "known",
    "eta_s",
    "uploaded_bytes",
    "output",
    "why",
];

/// The rows of the file: those that are marked, or else all that are listed.
pub(crate) fn rows(torrents: &TorrentList) -> Vec<Vec<Value>> {
    let is_meant = |row: &TorrentRow| torrents.marked.is_empty() || torrents.marked.contains(&row.id);
    let listed = torrents.rows().filter(|row| is_meant(row));
    let values = listed.map(|row| {
        vec![
            json!(row.name),
            json!(row.id.to_string()),
            json!(state(row).word),
            json!(row.total_bytes),
            json!(row.have_bytes),
            json!(row.down_bps),
            json!(row.up_bps),
            json!(row.sending),
            json!(row.live),
            json!(row.known),
            json!(row.eta.map(|eta| eta.as_secs())),
            json!(row.uploaded_bytes),
            json!(row.output.to_string_lossy()),
            json!(why(row)),
        ]
    });
    values.collect()
}
