//! Every peer address we know: whom to dial when, and whom not at all.

mod addresses;
mod bans;
mod dials;
mod due;
mod punches;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use self::addresses::Addresses;
pub(super) use self::bans::Ban;
use self::bans::Bans;
use self::due::{Due, wait_after};
pub(super) use self::row::{Row, Standing};
use super::live::Connected;
use super::sources::Sources;
use super::{ConnKey, DialPolicy, Settings};
use crate::event::{At, Cause, Finder, PeerKey, Source, TrackerKey};
use crate::metainfo::address::{Scope, scope_of};
use crate::wire::PexFlags;

/// The most rows that are kept where nothing else is asked for; the oldest that never shook hands make room.
pub(super) const MOST_ROWS: usize = 20_000;
/// Within how long those are dialled whose time came while the program stood still, or whose connection broke of it.
const SPREAD: Duration = Duration::from_secs(10);
/// For how long after a standstill an end may be a consequence of it.
const FORGIVING: Duration = Duration::from_secs(30);
/// How long it takes at most until the other end of two connections, of which we closed one, has closed the other.
const DISAGREES_WITHIN: Duration = Duration::from_secs(3);
/// Within how long a peer is dialled again with which none of two connections is left: not at once, as it may dial, too.
const MEETS_AGAIN_WITHIN: Duration = Duration::from_secs(2);
/// Connections the holder of one public address may have.
const MOST_PER_ADDRESS: usize = 8;

/// What came of learning an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Learned {
    pub(super) peer: PeerKey,
    /// It was not known before.
    pub(super) new: bool,
    /// The source may name it.
    pub(super) valid: bool,
    /// Only sources that may not name it had named it before.
    pub(super) redeemed: bool,
}

/// Every known peer, by row and by address.
pub(super) struct PeerTable {
    /// The most rows that are kept.
    most_rows: usize,
    /// Each peer is tried once, however many there are at an address, and none makes room for another.
    once: bool,
    policy: DialPolicy,
    sources: Sources,
    rows: BTreeMap<PeerKey, Row>,
    by_addr: Addresses,
    due: Due,
    bans: Bans,
    dialling: usize,
    /// When a peer that is being dialled is dialled over the other transport as well.
    races: BTreeSet<(At, PeerKey)>,
    /// Until when relays are waited for that were asked to bring us together with a peer.
    punches: BTreeSet<(At, PeerKey)>,
    next_key: u32,
    /// Connected, or being dialled, when the program last stood still; until when they are not blamed for an end.
    surprised: (BTreeSet<PeerKey>, At),
    /// Whose connection ends because an address of ours is gone.
    lost: BTreeSet<PeerKey>,
}

impl PeerTable {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            most_rows: settings.max_rows,
            once: settings.check_until.is_some(),
            policy: settings.dials(),
            sources: Sources::new(settings.private),
            rows: BTreeMap::new(),
            by_addr: Addresses::default(),
            due: Due::default(),
            bans: Bans::default(),
            dialling: 0,
            races: BTreeSet::new(),
            punches: BTreeSet::new(),
            next_key: 0,
            surprised: (BTreeSet::new(), At::ZERO),
            lost: BTreeSet::new(),
        }
    }

    pub(super) fn row(&self, peer: PeerKey) -> Option<&Row> {
        self.rows.get(&peer)
    }

    /// Drops the peer, or takes that back. Returns whether that changes anything.
    pub(super) fn set_dropped(&mut self, peer: PeerKey, dropped: bool) -> bool {
        let Some(row) = self.rows.get_mut(&peer) else { return false };
        let was = std::mem::replace(&mut row.dropped, dropped);
        if dropped {
            self.schedule(peer, None);
        }
        was != dropped
    }

    /// A tracker answered: it is this far from us, and sees us there.
    pub(super) fn reached(&mut self, tracker: TrackerKey, scope: Scope, seen_at: Option<SocketAddr>) {
        self.sources.reached(tracker, scope, seen_at);
    }

    /// What comes next is named by one so far from us.
    pub(super) fn found_by(&mut self, finder: Finder, scope: Scope) {
        self.sources.found_by(finder, scope);
    }

    /// The torrent turns out to be private (BEP 27): what sources said that such a torrent does not hear is forgotten.
    /// Returns the peers that nobody else named.
    pub(super) fn turn_private(&mut self) -> Vec<PeerKey> {
        self.sources.turn_private();
        let mut nobodys = Vec::new();
        for (peer, row) in &mut self.rows {
            row.sources.retain(|source| source.info().private);
            if row.sources.is_empty() {
                row.listens = None;
                self.due.set(*peer, None, None);
                nobodys.push(*peer);
            }
        }
        nobodys
    }

    pub(super) fn find(&self, addr: SocketAddr) -> Option<PeerKey> {
        self.by_addr.find(addr)
    }

    pub(super) fn dialling(&self) -> usize {
        self.dialling
    }

    /// Whether nobody is dialled, and no ban is to end.
    pub(super) fn is_quiet(&self) -> bool {
        self.dialling == 0 && self.bans.is_empty()
    }

    /// A source names an address: the one way for it to become a peer. `None` where this changes nothing, the source is
    /// not heard, or there is no room for another row.
    pub(super) fn learn(&mut self, now: At, addr: SocketAddr, source: Source) -> Option<Learned> {
        if !self.sources.hears(source) {
            return None;
        }
        let info = source.info();
        let by = self.peer_that_names(source);
        let reach = by.map(scope_of).or_else(|| matches!(source, Source::Pex(_)).then_some(Scope::Public));
        let valid = self.sources.may_name(source, reach, addr);
        // What a stranger makes up is not worth a row, and others that know us name us, too.
        if source.finder().is_some() && (!valid || self.sources.is_ours(addr, by)) {
            return None;
        }
        let Some(peer) = self.find(addr) else {
            let peer = self.new_row(addr, source, !valid)?;
            // The user's own choice goes before what trackers name.
            let due = if info.chosen { At::ZERO } else { now };
            self.schedule(peer, (valid && info.listens).then_some(due));
            return Some(Learned { peer, new: true, valid, redeemed: false });
        };
        let row = self.rows.get_mut(&peer)?;
        let was_reachable = row.is_reachable();
        let known = row.sources.iter().any(|known| known.is_as(source));
        let redeemed = valid && info.listens && std::mem::take(&mut row.invalid);
        if known && !redeemed {
            return None;
        }
        if !known {
            row.invalid |= !valid && !row.is_named();
            row.sources.push(source);
        }
        if !was_reachable && row.is_reachable() && row.standing == Standing::Idle && !row.dropped {
            self.schedule(peer, Some(now));
        }
        Some(Learned { peer, new: false, valid, redeemed })
    }

    /// Where the peer is that is the source, if one is that is not gone.
    fn peer_that_names(&self, source: Source) -> Option<IpAddr> {
        let Source::Pex(by) = source else { return None };
        self.rows.get(&by).map(|row| row.addr.ip())
    }

    /// The peer of this connection sees us there.
    pub(super) fn seen_at(&mut self, live: &Connected, conn: ConnKey, at: SocketAddr) {
        live.get(conn).into_iter().for_each(|live| self.sources.seen_at(live.addr.ip(), at));
    }

    /// Another peer says this of it.
    pub(super) fn is_said(&mut self, peer: PeerKey, flags: PexFlags) {
        // A probe tries every way, in an order of its own.
        let Some(row) = self.rows.get_mut(&peer).filter(|_| !self.once) else { return };
        if flags.has(PexFlags::ENCRYPTED) {
            row.fallback.is_said_to_encrypt();
        }
        if flags.has(PexFlags::UTP) {
            row.fallback.is_said_to_speak_utp();
        }
    }

    /// Whether the address is known to be our own.
    pub(super) fn is_ours(&self, addr: SocketAddr) -> bool {
        self.sources.is_ours(addr, None)
    }

    /// Whether an address that is not known is left out.
    pub(super) fn is_full(&self) -> bool {
        self.once && self.rows.len() >= self.most_rows
    }

    fn new_row(&mut self, addr: SocketAddr, source: Source, invalid: bool) -> Option<PeerKey> {
        if self.is_full() {
            return None;
        }
        if self.rows.len() >= self.most_rows {
            self.forget_oldest()?;
        }
        let peer = PeerKey(self.next_key);
        self.next_key += 1;
        self.rows.insert(peer, Row::new(addr, source, invalid));
        self.by_addr.insert(addr, peer);
        Some(peer)
    }

    fn forget_oldest(&mut self) -> Option<()> {
        let oldest = self.rows.iter().find(|(_, row)| {
            let unproved = !row.shook_hands && !row.is_chosen();
            row.standing == Standing::Idle && !row.dropped && (unproved || !row.is_reachable())
        });
        // A caller with ever new ports shakes hands as often as it likes: then the row that failed most since makes room.
        let peer = oldest.or_else(|| {
            let idle = self
                .rows
                .iter()
                .filter(|(_, row)| row.standing == Standing::Idle && !row.dropped && !row.is_chosen());
            idle.min_by_key(|(_, row)| std::cmp::Reverse(row.failures))
        });
        let peer = peer.map(|(peer, _)| *peer)?;
        self.remove(peer);
        Some(())
    }

    fn remove(&mut self, peer: PeerKey) -> Option<Row> {
        self.schedule(peer, None);
        self.lost.remove(&peer);
        let row = self.rows.remove(&peer)?;
        for addr in [Some(row.addr), row.listens].into_iter().flatten() {
            self.by_addr.remove(addr, peer);
        }
        Some(row)
    }

    /// Sets when the peer may be dialled.
    pub(super) fn schedule(&mut self, peer: PeerKey, at: Option<At>) {
        let row = at.and_then(|_| self.rows.get(&peer));
        let priority = row.and_then(|row| self.sources.priority(row.dialled_at()));
        self.due.set(peer, at.filter(|_| row.is_some()), priority);
    }

    /// When the next peer may be dialled.
    pub(super) fn next_due(&self) -> Option<At> {
        self.due.first()
    }

    /// Whether there is somebody to dial, now or within so short a time, of whom anything can be hoped for: never
    /// connected so far, and not dialled in vain more than once.
    pub(super) fn is_anyone_left(&self, now: At, within: Duration) -> bool {
        let hopeful = |row: &Row| !row.shook_hands && row.failures <= 1;
        let mut soon = self.due.until(now + within).filter_map(|peer| self.rows.get(&peer));
        let dialling = || self.rows.values().filter(|row| row.standing == Standing::Dialling);
        soon.any(hopeful) || (self.dialling > 0 && dialling().any(hopeful))
    }

    /// An attempt, or a connection, ended. Returns when the peer is dialled next.
    pub(super) fn ended(
        &mut self,
        now: At,
        peer: PeerKey,
        cause: Cause,
        complete: bool,
        random: &mut fastrand::Rng,
    ) -> Option<At> {
        self.end_dial(peer);
        let addr = self.rows.get(&peer).map(Row::dialled_at)?;
        let banned_until = self.banned_until(now, addr);
        let row = self.rows.get_mut(&peer)?;
        row.standing = Standing::Idle;
        let reachable = row.is_reachable();
        row.let_go = cause == Cause::BothSeeds || (cause == Cause::NotInteresting && complete);
        let mut wait = wait_after(cause, row.failures, complete).filter(|_| !self.once);
        let kept_one_at = std::mem::replace(&mut row.kept_one_at, (cause == Cause::Replaced).then_some(now));
        let disagrees = kept_one_at.is_some_and(|at| now.saturating_sub(at) < DISAGREES_WITHIN);
        let (surprised, until) = &mut self.surprised;
        if self.lost.remove(&peer) && cause == Cause::ConnectionLost {
            wait = Some(Duration::ZERO);
        } else if surprised.remove(&peer) && now < *until && cause.info().of_silence {
            let soon = if row.shook_hands { Duration::ZERO } else { SPREAD.mul_f64(random.f64()) };
            wait = wait.map(|wait| wait.min(soon));
        } else if disagrees && cause.info().of_silence {
            wait = wait.map(|wait| wait.min(MEETS_AGAIN_WITHIN.mul_f64(random.f64())));
        } else {
            row.failures += 1;
        }
        let next = (reachable && !row.dropped)
            .then_some(wait)
            .flatten()
            // A tenth of jitter, so that peers that failed together are not dialled together for ever.
            .map(|wait| now + wait.mul_f64(0.95 + random.f64() * 0.1))
            .map(|next| banned_until.map_or(next, |until| until.max(next)));
        self.schedule(peer, next);
        next
    }

    /// Every idle peer that was not dropped may be dialled now, or only those that shook hands; they go first. Returns
    /// whom this brings forward.
    pub(super) fn retry(&mut self, now: At, all: bool) -> Vec<PeerKey> {
        let waiting: Vec<(PeerKey, bool)> = self
            .rows
            .iter()
            .filter(|(_, row)| row.standing == Standing::Idle && !row.dropped)
            .filter(|(peer, row)| (all || row.shook_hands) && self.due.of(**peer).is_some())
            .map(|(peer, row)| (*peer, row.shook_hands))
            .collect();
        let waits = |(peer, _): &(PeerKey, bool)| self.due.of(*peer).is_some_and(|at| at > now);
        let sooner = waiting.iter().filter(|peer| waits(peer)).map(|(peer, _)| *peer).collect();
        for (peer, shook_hands) in waiting {
            self.schedule(peer, Some(if shook_hands { At::ZERO } else { now }));
        }
        sooner
    }

    /// We miss something again: peers that were let go because we wanted nothing are dialled now. Returns them.
    pub(super) fn call_back(&mut self) -> Vec<PeerKey> {
        let is_let_go =
            |row: &Row| row.let_go && row.standing == Standing::Idle && !row.dropped && row.is_reachable();
        let let_go = self.rows.iter().filter(|(_, row)| is_let_go(row)).map(|(peer, _)| *peer);
        let let_go: Vec<PeerKey> = let_go.filter(|peer| self.due.of(*peer).is_none()).collect();
        let_go.iter().for_each(|peer| self.schedule(*peer, Some(At::ZERO)));
        let_go
    }

    /// The peer's connection ends with an address of ours: it is dialled as soon as it has ended.
    pub(super) fn redial_at_once(&mut self, peer: PeerKey) {
        self.lost.insert(peer);
    }

    /// The program stood still for so long: who is to be dialled is so much sooner; of those whose time came meanwhile
    /// the ones that shook hands at once, the others one after another. Returns when each of them is dialled now. Whose connection does not survive it is not blamed.
    pub(super) fn stood_still(
        &mut self,
        now: At,
        time: Duration,
        random: &mut fastrand::Rng,
    ) -> Vec<(PeerKey, At)> {
        let busy = self.rows.iter().filter(|(_, row)| row.standing != Standing::Idle);
        self.surprised = (busy.map(|(peer, _)| *peer).collect(), now + FORGIVING);
        let waiting: Vec<(At, PeerKey)> = self.due.after(now).collect();
        let mut sooner = Vec::with_capacity(waiting.len());
        for (at, peer) in waiting {
            let last_live = self.rows.get(&peer).is_some_and(|row| row.shook_hands);
            let soon = if last_live { now } else { now + SPREAD.mul_f64(random.f64()) };
            let next = at.saturating_sub(time).max(soon).min(at);
            self.schedule(peer, Some(next));
            sooner.push((peer, next));
        }
        sooner
    }

    /// Whether one more connection from this address would be too many.
    pub(super) fn crowded(&self, addr: IpAddr) -> bool {
        !self.once && is_public(addr) && self.busy_at(addr) >= MOST_PER_ADDRESS
    }

    /// Rows of the peer that holds this address.
    fn of_holder(&self, addr: IpAddr) -> Vec<PeerKey> {
        self.by_addr.of_holder(addr)
    }

    /// Connections with the peer that holds this address, those being made included.
    fn busy_at(&self, addr: IpAddr) -> usize {
        let theirs = self.by_addr.of_holder_with_addresses(addr);
        let rows = theirs.filter_map(|(addr, peer)| Some((addr, self.rows.get(&peer)?)));
        // A row may stand under two addresses.
        rows.filter(|(addr, row)| row.standing != Standing::Idle && row.addr == *addr).count()
    }

    /// An incoming peer on `peer` says it listens on `listens`. Where that address has an idle row, the two
    /// become one: its key is returned, and `peer` is gone.
    pub(super) fn listens(&mut self, peer: PeerKey, listens: SocketAddr) -> Option<PeerKey> {
        let Some(into) = self.find(listens).filter(|into| *into != peer) else {
            let row = self.rows.get_mut(&peer)?;
            let addr = row.addr;
            let before = row.listens.replace(listens).filter(|before| ![addr, listens].contains(before));
            if let Some(before) = before {
                self.by_addr.remove(before, peer);
            }
            self.by_addr.insert(listens, peer);
            return None;
        };
        if self.rows.get(&into)?.standing != Standing::Idle {
            return None;
        }
        let gone = self.remove(peer)?;
        self.schedule(into, None);
        let row = self.rows.get_mut(&into)?;
        row.standing = gone.standing;
        row.shook_hands |= gone.shook_hands;
        row.failures = 0;
        if !row.sources.contains(&Source::Incoming) {
            row.sources.push(Source::Incoming);
        }
        Some(into)
    }

    /// Where those that shook hands listen, the live ones first: whom to dial first in the next run.
    pub(super) fn worth_keeping(&self, most: usize) -> Vec<SocketAddr> {
        let mut kept: Vec<(bool, SocketAddr)> = self
            .rows
            .values()
            .filter(|row| row.shook_hands && !row.dropped)
            .filter_map(|row| Some((!matches!(row.standing, Standing::Live(_)), row.lasting_address()?)))
            .collect();
        kept.sort_unstable();
        kept.into_iter().map(|(_, addr)| addr).take(most).collect()
    }
}

fn is_public(addr: IpAddr) -> bool {
    scope_of(addr) == Scope::Public
}

#[cfg(test)]
impl PeerTable {
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn live_rows(&self) -> usize {
        self.rows.values().filter(|row| matches!(row.standing, Standing::Live(_))).count()
    }

    pub(super) fn sizes(&self) -> Vec<(&'static str, usize)> {
        let due = self.due.peers().count();
        let sizes = [("rows", self.rows.len()), ("addresses", self.by_addr.len()), ("due", due)];
        sizes.into_iter().chain([("bans", self.bans.len())]).collect()
    }

    pub(super) fn assert_consistent(&self) {
        let dialling = self.rows.values().filter(|row| row.standing == Standing::Dialling).count();
        assert_eq!(self.dialling, dialling, "dials under way");
        self.assert_races();
        self.assert_punches();
        for (addr, peer) in self.by_addr.iter() {
            let row = self.rows.get(&peer).expect("an address leads to a row");
            assert!(row.addr == addr || row.listens == Some(addr));
        }
        for (peer, row) in &self.rows {
            assert_eq!(self.by_addr.find(row.addr), Some(*peer));
        }
        for peer in self.due.peers() {
            let standing = self.rows.get(&peer).map(|row| row.standing);
            assert_eq!(standing, Some(Standing::Idle), "{peer:?} is due");
        }
    }
}

#[cfg(test)]
mod tests;
