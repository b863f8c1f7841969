//! What must hold after whatever happened.

use super::*;

impl Picker {
    /// Panics where the parts of the picker disagree, with each other or with what is here.
    pub(in crate::swarm) fn assert_consistent(&self, have: &Bitfield) {
        self.begun.assert_consistent();
        self.assert_asked();
        self.assert_pieces(have);
        let charged = self.senders.values().map(|sender| sender.charge_of(sender.asked.len())).sum::<u64>();
        assert_eq!(self.charged, charged, "what is asked for is charged");
        assert!(self.wanting.iter().all(|conn| self.senders.contains_key(conn)), "those that want are there");
    }

    /// Panics where a peer that can be asked is idle though it has a missing block that nobody is asked for, or it is not
    /// about to be looked whether it would send sooner what others are asked for; except by a limit, where the disk does
    /// not keep up, and where a peer alone proves a piece. A peer that is snubbed waits for others.
    pub(in crate::swarm) fn assert_nobody_idles(&self, now: At) {
        let limited = self.limit.clone().left(now).is_some();
        if !self.active || limited {
            return;
        }
        for (conn, sender) in &self.senders {
            if self.is_to_wait(sender)
                || !sender.can_be_asked()
                || sender.by_runs
                || sender.snubbed
                || !sender.asked.is_empty()
            {
                continue;
            }
            let free = self.begun.with_free().find(|(piece, _)| self.goes_on(*conn, *piece));
            assert!(
                free.is_none(),
                "{conn:?} is idle at {now:?} and has free blocks of {:?}; {:#?}",
                free.map(|(piece, _)| piece),
                self.describe()
            );
            assert!(!self.could_begin(*conn), "{conn:?} is idle and could begin a piece");
            let owed = self
                .begun
                .iter()
                .any(|(piece, begun)| !begun.alone && sender.sends(piece) && begun.asked().next().is_some());
            let looks = self.wanting.contains(conn) || self.all_may_want;
            let looks = looks && self.look_again_at.is_some_and(|at| at <= now + LOOK_AGAIN);
            assert!(
                !owed || looks,
                "{conn:?} is idle at {now:?}, and others may be slower than it would be; {:#?}",
                self.describe()
            );
        }
    }

    fn assert_asked(&self) {
        let begun: BTreeSet<(ConnKey, BlockRef)> =
            self.begun.iter().flat_map(|(piece, _)| self.begun.asked(piece)).collect();
        let asked: BTreeSet<(ConnKey, BlockRef)> = self
            .senders
            .iter()
            .flat_map(|(conn, sender)| sender.asked.iter().map(|block| (*conn, *block)))
            .collect();
        assert_eq!(begun, asked, "what pieces say was asked of whom, and what senders say");
        for (conn, sender) in &self.senders {
            let may = self.active && sender.can_be_asked();
            assert!(may || sender.asked.is_empty(), "{conn:?} cannot be asked and is");
            let fast = |block: &BlockRef| sender.allowed_fast.contains(&block.piece());
            assert!(!sender.choking || sender.asked.iter().all(fast), "{conn:?} chokes and is asked");
        }
    }

    fn assert_pieces(&self, have: &Bitfield) {
        assert_eq!(self.verified, have.count());
        assert_eq!(self.seeds, self.senders.values().filter(|sender| sender.is_seed()).count());
        let partial: Vec<&Sender> = self.senders.values().filter(|sender| !sender.is_seed()).collect();
        for piece in self.geometry.pieces() {
            let begun = self.has_begun(piece);
            let wanted = self.rarity.is_wanted(piece);
            let missing = !begun && !have.has(piece);
            assert_eq!(self.rarity.has(piece), missing && wanted, "{piece:?} is to be picked");
            let whole = self.begun.get(piece).is_some_and(|begun| begun.missing() == 0);
            let shelved = self.begun.get(piece).is_some_and(|begun| begun.shelved);
            assert!(shelved != wanted || whole || !begun, "{piece:?} is shelved: {shelved}");
            assert!(wanted || self.begun.asked(piece).is_empty(), "{piece:?} is skipped and asked for");
            assert!(!(begun && have.has(piece)), "{piece:?} is fetched and here");
            let has = |sender: &&&Sender| sender.has.as_ref().is_some_and(|has| has.has(piece));
            assert_eq!(
                self.rarity.holders(piece),
                partial.iter().filter(has).count(),
                "holders of {piece:?}"
            );
        }
        for (conn, sender) in &self.senders {
            let wanted = |has: &Bitfield, piece: &PieceIndex| {
                has.has(*piece) && !have.has(*piece) && self.rarity.is_wanted(*piece)
            };
            let has_of = |has: &Bitfield| self.geometry.pieces().filter(|piece| wanted(has, piece)).count();
            let missing = sender.has.as_ref().map_or(0, has_of);
            assert_eq!(sender.wanted as usize, missing, "what {conn:?} has and we miss and want");
        }
    }

    /// What its tables hold, by name.
    pub(in crate::swarm) fn sizes(&self) -> [(&'static str, usize); 3] {
        [("wanting", self.wanting.len()), ("begun", self.begun.iter().count()), ("parole", self.parole.len())]
    }

    /// What a connection is asked for, in order.
    pub(in crate::swarm) fn asked_of(&self, conn: ConnKey) -> Vec<BlockRef> {
        self.senders.get(&conn).map_or_else(Vec::new, |sender| sender.asked.iter().copied().collect())
    }

    /// Whether a piece that nobody began could be asked of the connection, which does not choke us.
    pub(in crate::swarm) fn could_begin(&self, conn: ConnKey) -> bool {
        let Some(sender) = self.senders.get(&conn).filter(|sender| !sender.choking) else { return false };
        let has = sender.not_refused(self.geometry);
        has.is_some_and(|has| self.rarity.rarest_of_all(&has, sender.is_seed(), None).is_some())
    }

    /// Bytes that are here and not written.
    pub(in crate::swarm) fn unwritten(&self) -> u64 {
        self.begun.unwritten()
    }

    /// How many pieces are begun.
    pub(in crate::swarm) fn begun_count(&self) -> usize {
        self.begun.iter().count()
    }

    /// Where it stands, for a run that failed.
    pub(in crate::swarm) fn describe(&self) -> Vec<String> {
        let Self { active, charged, memory_bytes, all_may_want, wanting, look_again_at, freed, .. } = self;
        let mut lines = vec![format!(
            "look again {look_again_at:?}, freed {freed}, active {active}, {charged} charged and {} unwritten of {memory_bytes}, all may want {all_may_want}, wanting {wanting:?}",
            self.begun.unwritten()
        )];
        lines.extend(
            self.begun.iter().map(|(piece, begun)| format!("{piece:?} is begun: {}", begun.describe())),
        );
        lines.extend(self.senders.iter().map(|(conn, sender)| {
            let has = sender.has.as_ref().map(Bitfield::count);
            format!("{conn:?} has {has:?}, {sender:?}")
        }));
        lines
    }
}
