//! What must hold after whatever happened, for tests that feed a swarm at random.

use std::collections::BTreeMap;

use super::super::ConnKey;
use super::super::content::Content;
use super::super::peer_table::Standing;
use super::Swarm;
use crate::event::{PeerKey, Phase};

impl Swarm {
    /// The live peers and their connections, ourselves left out.
    pub(crate) fn live_peers(&self) -> BTreeMap<PeerKey, ConnKey> {
        let others = self.live.iter().filter(|(_, live)| live.peer_id != self.settings.peer_id);
        others.map(|(conn, live)| (live.peer, *conn)).collect()
    }

    /// Panics where the parts of the swarm disagree.
    pub(crate) fn assert_consistent(&self) {
        self.assert_picker();
        self.assert_peers();
        self.peer_table.assert_consistent();
    }

    /// What its tables hold, by name.
    pub(crate) fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = self.peer_table.sizes();
        sizes.extend([("live", self.live.len()), ("wishes", self.wishes.len())]);
        if let Some(content) = &self.content {
            sizes.push(("offered", content.allowed_fast.len()));
            sizes.extend(content.picker.sizes());
        }
        sizes
    }

    fn assert_picker(&self) {
        let Some(content) = &self.content else {
            return assert!(!matches!(self.doing.phase, Phase::Downloading | Phase::Seeding), "of what?");
        };
        let Content { picker, have, .. } = content;
        picker.assert_consistent(have);
        for (conn, live) in self.live.iter() {
            let asked = picker.asked_of(*conn);
            let may =
                live.closing || live.am_interested && !live.held && self.doing.phase == Phase::Downloading;
            assert!(may || self.leaving || asked.is_empty(), "{conn:?} cannot be asked and is");
        }
        assert!(self.doing.phase != Phase::Downloading || !content.is_complete(), "complete, and goes on");
        assert!(
            self.doing.phase != Phase::Seeding || content.is_complete(),
            "something is wanted, and it seeds"
        );
    }

    fn assert_peers(&self) {
        for (conn, live) in self.live.iter() {
            let standing = self.peer_table.row(live.peer).map(|row| row.standing);
            assert_eq!(standing, Some(Standing::Live(*conn)), "the row of {:?}", live.peer);
            if !self.leaving {
                let wanted = self.content.as_ref().map_or(0, |content| content.picker.wanted_of(*conn));
                assert_eq!(live.am_interested, self.is_active() && wanted > 0);
            }
            assert!(self.is_active() || self.leaving || live.am_choking, "nobody is served in a pause");
        }
        let staying = self.live.iter().filter(|(_, live)| !live.closing).count();
        assert_eq!(self.live.staying(), staying, "those that were not told to close");
        let rows = self.peer_table.live_rows();
        assert_eq!(rows, self.live.len(), "rows that say they are live");
    }
}
