//! Which program a peer is, by the twenty bytes of its peer id.

use crate::metainfo::PeerId;

/// Name and version, as a table shows them.
pub(super) fn name(id: &PeerId) -> Option<String> {
    id.0.starts_with(PeerId::OUR_PREFIX).then(|| "ttui 0.1.0".to_owned())
}
