//! By what routers know our mappings, in the state folder: a run that was killed has left some behind, which the next one takes
//! over.

use std::path::Path;

use crate::storage::{read_state_file, replace_state_file};

/// What it is called.
const FILE: &str = "mapping-secret";
const BYTES: usize = size_of::<u64>();

/// The secret that an earlier run kept; or else `fresh`, which is kept from now on.
pub(super) fn secret(folder: &Path, fresh: u64) -> u64 {
    let path = folder.join(FILE);
    let kept = read_state_file(&path, BYTES as u64).unwrap_or_else(|error| {
        tracing::warn!(%error, "what routers know us by cannot be read");
        None
    });
    if let Some(secret) = kept.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?))) {
        return secret;
    }
    if let Err(error) = replace_state_file(&path, &fresh.to_le_bytes()) {
        tracing::warn!(%error, "what routers know us by cannot be kept");
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_secret_is_kept_and_one_that_is_damaged_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("ttui");
        assert_eq!((secret(&folder, 1), secret(&folder, 2)), (1, 1));
        for damaged in [&b"short"[..], b"longer than it is"] {
            std::fs::write(folder.join(FILE), damaged).unwrap();
            assert_eq!((secret(&folder, 3), secret(&folder, 4)), (3, 3));
        }
    }
}
