//! The DHT's table in the state folder, for the next run.

use std::path::Path;

use crate::dht::Saved;
use crate::storage::{read_state_file, replace_state_file};

/// What it is called.
pub(super) const FILE: &str = "dht.json";
/// Far more than the nodes that are kept.
const MOST_BYTES: u64 = 256 * 1024;

/// The table that the last run kept; `None` where there is none, or it cannot be read. It is then learned again.
pub(super) fn read(path: &Path) -> Option<Saved> {
    let bytes = match read_state_file(path, MOST_BYTES) {
        Ok(bytes) => bytes.filter(|bytes| bytes.len() as u64 <= MOST_BYTES)?,
        Err(error) => {
            tracing::warn!(%error, "the kept DHT nodes cannot be read");
            return None;
        }
    };
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::warn!(%error, "the kept DHT nodes are damaged"))
        .ok()
}

/// Keeps it in the place of what is there.
pub(super) fn write(path: &Path, saved: &Saved) {
    let bytes = serde_json::to_vec(saved).unwrap_or_default();
    if let Err(error) = replace_state_file(path, &bytes) {
        tracing::warn!(%error, "the DHT nodes cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::krpc::NodeId;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_damaged_or_too_long_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ttui").join(FILE);
        assert_eq!(read(&path), None);
        let saved = Saved { v4: Some(NodeId([7; 20])), ..Saved::default() };
        write(&path, &saved);
        assert_eq!(read(&path), Some(saved));
        for bad in [b"{".to_vec(), vec![b' '; MOST_BYTES as usize + 1]] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(read(&path), None);
        }
    }
}
