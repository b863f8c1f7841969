//! What must hold after whatever happened, for tests that feed a swarm at random.

use std::collections::{BTreeMap, BTreeSet};

use super::super::book::Standing;
use super::*;

impl Swarm {
    /// The live peers and their connections, ourselves left out.
    pub(crate) fn live_peers(&self) -> BTreeMap<PeerKey, ConnKey> {
        let others = self.live.iter().filter(|(_, live)| live.peer_id != self.settings.peer_id);
        others.map(|(conn, live)| (live.peer, *conn)).collect()
    }

    /// Panics where the parts of the swarm disagree.
    pub(crate) fn assert_consistent(&self) {
        self.assert_grants();
        self.assert_pieces();
        self.assert_peers();
        self.book.assert_consistent();
    }

    /// What its tables hold, by name.
    pub(crate) fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = self.book.sizes();
        sizes.extend([
            ("live", self.live.len()),
            ("hungry", self.hungry.len()),
            ("open", self.open.iter().count()),
            ("suspect", self.suspects.len()),
            ("wishes", self.wishes.len()),
        ]);
        sizes
    }

    fn assert_grants(&self) {
        let mut granted: BTreeSet<(ConnKey, BlockRef)> = BTreeSet::new();
        for (_, open) in self.open.iter() {
            open.assert_consistent();
        }
        self.open.assert_charged();
        for (piece, _) in self.open.iter() {
            granted.extend(self.open.asked(piece));
        }
        let held: BTreeSet<(ConnKey, BlockRef)> = self
            .live
            .iter()
            .flat_map(|(conn, live)| live.blocks.iter().map(|block| (*conn, *block)))
            .collect();
        assert_eq!(granted, held, "what slots say was granted, and what peers say");
        for (conn, live) in &self.live {
            let can_be_asked = live.can_be_asked() || live.can_be_asked_choking();
            let may = live.closing || can_be_asked && self.phase == Phase::Downloading;
            let fast = |block: &BlockRef| live.fast.contains(&block.piece());
            assert!(!live.peer_choking || live.blocks.iter().all(fast), "{conn:?} chokes and is asked");
            assert!(may || self.leaving || live.blocks.is_empty(), "{conn:?} cannot be asked and is");
        }
        assert!(self.hungry.iter().all(|conn| self.live.contains_key(conn)), "the hungry are live");
    }

    fn assert_pieces(&self) {
        let all_open: BTreeSet<PieceIndex> = self.open.iter().map(|(piece, _)| piece).collect();
        let partial: Vec<&Live> = self.live.values().filter(|live| !live.is_seed()).collect();
        for piece in self.geometry.pieces() {
            let open = all_open.contains(&piece);
            assert_eq!(self.rarity.has(piece), !open && !self.have.has(piece), "{piece:?} is to be picked");
            assert!(!(open && self.have.has(piece)), "{piece:?} is fetched and here");
            let holders = partial.iter().filter(|live| live.has_piece(piece)).count();
            assert_eq!(self.rarity.holders(piece), holders, "holders of {piece:?}");
        }
        assert!(self.phase != Phase::Downloading || !self.have.is_full(), "complete, and goes on");
    }

    fn assert_peers(&self) {
        for (conn, live) in &self.live {
            let standing = self.book.row(live.peer).map(|row| row.standing);
            assert_eq!(standing, Some(Standing::Live(*conn)), "the row of {:?}", live.peer);
            let Some(has) = &live.has else { continue };
            assert_eq!(live.wanted, has.count_missing_from(&self.have), "what {conn:?} has and we miss");
            if !self.leaving {
                assert_eq!(live.am_interested, self.is_active() && live.wanted > 0);
            }
            assert!(self.is_active() || self.leaving || live.am_choking, "nobody is served in a pause");
        }
        assert_eq!(self.closing, self.live.values().filter(|live| live.closing).count());
        let rows = self.book.live_rows();
        assert_eq!(rows, self.live.len(), "rows that say they are live");
    }
}
