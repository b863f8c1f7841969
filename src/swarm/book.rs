//! Every peer address we know: whom to dial when, and whom not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ConnKey;
use super::address::{Scope, scope_of};
use super::ladder::Ladder;
use crate::event::{At, Cause, PeerKey, Source};

/// The most rows that are kept where nothing else is asked for; the oldest that never shook hands make room.
pub(super) const MOST_ROWS: usize = 20_000;
/// How long an automatic ban, or one by the user, lasts.
pub(super) const BAN: Duration = Duration::from_secs(3600);
/// Banned ports of one address after which the whole address is banned.
const BANNED_PORTS: usize = 3;
/// Why the others there are banned, too.
const MANY_PORTS: &str = "Three peers of this address are banned";
/// Within how long those are dialled whose time came while the program stood still, or whose connection broke of it.
const SPREAD: Duration = Duration::from_secs(10);
/// For how long after a standstill an end may be a consequence of it.
const FORGIVING: Duration = Duration::from_secs(30);
/// Connections one public address may have.
const MOST_PER_ADDRESS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Idle,
    Dialling,
    Live(ConnKey),
}

/// One known peer.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) addr: SocketAddr,
    /// Where it listens, if an incoming one said so.
    pub(super) listens: Option<SocketAddr>,
    pub(super) sources: Vec<Source>,
    pub(super) standing: Standing,
    /// Failures in a row.
    failures: u32,
    /// When it may be dialled; `None`: not by itself.
    next: Option<At>,
    pub(super) dropped: bool,
    /// Whoever named it may not name such an address; it is not dialled until somebody else names it.
    pub(super) invalid: bool,
    pub(super) shook_hands: bool,
    /// Plain or encrypted.
    pub(super) ladder: Ladder,
}

impl Row {
    /// Whether we know where it listens.
    fn is_reachable(&self) -> bool {
        self.listens.is_some() || (!self.invalid && self.is_named())
    }

    fn is_named(&self) -> bool {
        self.sources.iter().any(|source| *source != Source::Incoming)
    }
}

/// Until when nobody is dialled or let in there, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ban {
    pub(super) until: At,
    pub(super) reason: String,
}

/// Every known peer, by row and by address.
pub(super) struct Book {
    /// The most rows that are kept.
    most_rows: usize,
    rows: BTreeMap<PeerKey, Row>,
    by_addr: BTreeMap<SocketAddr, PeerKey>,
    due: BTreeSet<(At, PeerKey)>,
    bans: BTreeMap<SocketAddr, Ban>,
    address_bans: BTreeMap<IpAddr, Ban>,
    dialling: usize,
    next_key: u32,
    /// Connected, or being dialled, when the program last stood still; until when they are not blamed for an end.
    surprised: (BTreeSet<PeerKey>, At),
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            most_rows: MOST_ROWS,
            rows: BTreeMap::new(),
            by_addr: BTreeMap::new(),
            due: BTreeSet::new(),
            bans: BTreeMap::new(),
            address_bans: BTreeMap::new(),
            dialling: 0,
            next_key: 0,
            surprised: (BTreeSet::new(), At::ZERO),
        }
    }

    /// The same, with another number of rows at most.
    pub(super) fn with_most_rows(most_rows: usize) -> Self {
        Self { most_rows, ..Self::new() }
    }

    pub(super) fn row(&self, peer: PeerKey) -> Option<&Row> {
        self.rows.get(&peer)
    }

    pub(super) fn row_mut(&mut self, peer: PeerKey) -> Option<&mut Row> {
        self.rows.get_mut(&peer)
    }

    pub(super) fn find(&self, addr: SocketAddr) -> Option<PeerKey> {
        self.by_addr.get(&addr).copied()
    }

    pub(super) fn dialling(&self) -> usize {
        self.dialling
    }

    /// Learns an address. `None` when it was known from that source already; else its row, and whether it is new.
    pub(super) fn learn(&mut self, now: At, addr: SocketAddr, source: Source) -> Option<(PeerKey, bool)> {
        if let Some(peer) = self.find(addr) {
            let row = self.rows.get_mut(&peer)?;
            let was_reachable = row.is_reachable();
            let known = row.sources.contains(&source);
            let redeemed = source != Source::Incoming && std::mem::take(&mut row.invalid);
            if known && !redeemed {
                return None;
            }
            if !known {
                row.sources.push(source);
            }
            if !was_reachable && row.is_reachable() && row.standing == Standing::Idle && !row.dropped {
                self.schedule(peer, Some(now));
            }
            return Some((peer, false));
        }
        let peer = self.new_row(addr, source, false)?;
        if source != Source::Incoming {
            self.schedule(peer, Some(now));
        }
        Some((peer, true))
    }

    /// Learns an address from a source that may not name it. The same as [`Book::learn`], and not dialled.
    pub(super) fn learn_invalid(&mut self, addr: SocketAddr, source: Source) -> Option<(PeerKey, bool)> {
        let Some(peer) = self.find(addr) else { return Some((self.new_row(addr, source, true)?, true)) };
        let row = self.rows.get_mut(&peer)?;
        if row.sources.contains(&source) {
            return None;
        }
        row.invalid |= !row.is_named();
        row.sources.push(source);
        Some((peer, false))
    }

    fn new_row(&mut self, addr: SocketAddr, source: Source, invalid: bool) -> Option<PeerKey> {
        if self.rows.len() >= self.most_rows {
            self.forget_oldest()?;
        }
        let peer = PeerKey(self.next_key);
        self.next_key += 1;
        let row = Row {
            addr,
            listens: None,
            sources: vec![source],
            standing: Standing::Idle,
            failures: 0,
            next: None,
            dropped: false,
            invalid,
            shook_hands: false,
            ladder: Ladder::default(),
        };
        self.rows.insert(peer, row);
        self.by_addr.insert(addr, peer);
        Some(peer)
    }

    fn forget_oldest(&mut self) -> Option<()> {
        let oldest = self.rows.iter().find(|(_, row)| {
            let unproved = !row.shook_hands && !row.sources.contains(&Source::Manual);
            row.standing == Standing::Idle && !row.dropped && (unproved || !row.is_reachable())
        });
        let peer = oldest.map(|(peer, _)| *peer)?;
        self.remove(peer);
        Some(())
    }

    fn remove(&mut self, peer: PeerKey) -> Option<Row> {
        self.schedule(peer, None);
        let row = self.rows.remove(&peer)?;
        for addr in [Some(row.addr), row.listens].into_iter().flatten() {
            if self.by_addr.get(&addr) == Some(&peer) {
                self.by_addr.remove(&addr);
            }
        }
        Some(row)
    }

    /// Sets when the peer may be dialled.
    pub(super) fn schedule(&mut self, peer: PeerKey, at: Option<At>) {
        if let Some(row) = self.rows.get_mut(&peer) {
            if let Some(old) = row.next {
                self.due.remove(&(old, peer));
            }
            row.next = at;
            if let Some(at) = at {
                self.due.insert((at, peer));
            }
        }
    }

    /// When the next peer may be dialled.
    pub(super) fn next_due(&self) -> Option<At> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next peer to dial now, with the address to dial. It is dialling from here on.
    pub(super) fn take_due(&mut self, now: At) -> Option<(PeerKey, SocketAddr)> {
        while let Some(&(at, peer)) = self.due.first()
            && at <= now
        {
            self.schedule(peer, None);
            let Some(row) = self.rows.get(&peer) else { continue };
            let addr = row.listens.unwrap_or(row.addr);
            if self.crowded(addr.ip()) {
                let later = now + Duration::from_secs(60);
                self.schedule(peer, Some(later));
                // All of them at once: an address may be named with thousands of ports.
                for other in self.at_address(addr.ip()) {
                    if self.rows.get(&other).is_some_and(|row| row.next.is_some_and(|next| next <= now)) {
                        self.schedule(other, Some(later));
                    }
                }
                continue;
            }
            let banned_until = self.banned_until(now, addr);
            if banned_until.is_some() {
                self.schedule(peer, banned_until);
                continue;
            }
            if let Some(row) = self.rows.get_mut(&peer)
                && row.standing == Standing::Idle
                && !row.dropped
            {
                row.standing = Standing::Dialling;
                self.dialling += 1;
                return Some((peer, addr));
            }
        }
        None
    }

    /// The peer is live on this connection.
    pub(super) fn live(&mut self, peer: PeerKey, conn: ConnKey) {
        self.end_dial(peer);
        self.schedule(peer, None);
        if let Some(row) = self.rows.get_mut(&peer) {
            row.standing = Standing::Live(conn);
            row.failures = 0;
            row.shook_hands = true;
        }
    }

    fn end_dial(&mut self, peer: PeerKey) {
        if let Some(row) = self.rows.get_mut(&peer)
            && row.standing == Standing::Dialling
        {
            row.standing = Standing::Idle;
            self.dialling -= 1;
        }
    }

    /// The dial ended, and the peer is dialled the other way as soon as there is room for a dial.
    pub(super) fn climb(&mut self, peer: PeerKey) {
        self.end_dial(peer);
        self.schedule(peer, Some(At::ZERO));
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
        let addr = self.rows.get(&peer).map(|row| row.listens.unwrap_or(row.addr))?;
        let banned_until = self.banned_until(now, addr);
        let row = self.rows.get_mut(&peer)?;
        row.standing = Standing::Idle;
        let reachable = row.is_reachable();
        let mut wait = wait_after(cause, row.failures, complete);
        let (surprised, until) = &mut self.surprised;
        if surprised.remove(&peer) && now < *until && may_be_of_a_standstill(cause) {
            wait = wait.map(|wait| wait.min(SPREAD.mul_f64(random.f64())));
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

    /// Every idle peer that was not dropped may be dialled now; those that shook hands go first.
    pub(super) fn retry_all(&mut self, now: At) {
        let waiting: Vec<(PeerKey, bool)> = self
            .rows
            .iter()
            .filter(|(_, row)| row.standing == Standing::Idle && row.next.is_some() && !row.dropped)
            .map(|(peer, row)| (*peer, row.shook_hands))
            .collect();
        for (peer, shook_hands) in waiting {
            self.schedule(peer, Some(if shook_hands { At::ZERO } else { now }));
        }
    }

    /// The program stood still for so long: who is to be dialled is so much sooner, those whose time came meanwhile one
    /// after another. Returns when each of them is dialled now. Whose connection does not survive it is not blamed.
    pub(super) fn stood_still(
        &mut self,
        now: At,
        time: Duration,
        random: &mut fastrand::Rng,
    ) -> Vec<(PeerKey, At)> {
        let busy = self.rows.iter().filter(|(_, row)| row.standing != Standing::Idle);
        self.surprised = (busy.map(|(peer, _)| *peer).collect(), now + FORGIVING);
        let waiting: Vec<(At, PeerKey)> = self.due.iter().filter(|(at, _)| *at > now).copied().collect();
        let mut sooner = Vec::with_capacity(waiting.len());
        for (at, peer) in waiting {
            let soon = now + SPREAD.mul_f64(random.f64());
            let next = at.saturating_sub(time).max(soon).min(at);
            self.schedule(peer, Some(next));
            sooner.push((peer, next));
        }
        sooner
    }

    /// Bans the address and port; after three ports, the whole address. Returns until when, and whether the whole
    /// address is banned since now.
    pub(super) fn ban(&mut self, now: At, addr: SocketAddr, reason: &str) -> (At, bool) {
        let until = now + BAN;
        self.bans.insert(addr, Ban { until, reason: reason.to_owned() });
        let ports =
            self.bans.iter().filter(|(banned, ban)| banned.ip() == addr.ip() && ban.until > now).count();
        let whole = ports >= BANNED_PORTS;
        if whole {
            self.ban_address(now, addr.ip(), MANY_PORTS);
        }
        (until, whole)
    }

    /// Bans the whole address. Returns until when.
    pub(super) fn ban_address(&mut self, now: At, addr: IpAddr, reason: &str) -> At {
        let until = now + BAN;
        self.address_bans.insert(addr, Ban { until, reason: reason.to_owned() });
        until
    }

    /// Lifts the ban of the peer, and that of its address. Returns what now holds, bans of other ports, for each
    /// row there for which that is another than before.
    pub(super) fn unban(&mut self, now: At, peer: PeerKey) -> Vec<(PeerKey, Option<Ban>)> {
        let Some(row) = self.rows.get(&peer) else { return Vec::new() };
        let (addr, listens) = (row.addr, row.listens);
        let bans = |book: &Self| -> Vec<(PeerKey, Option<Ban>)> {
            let there = book.at_address(addr.ip()).into_iter();
            there.filter_map(|peer| Some((peer, book.ban_of(now, book.rows.get(&peer)?.addr)))).collect()
        };
        let before = bans(self);
        self.address_bans.remove(&addr.ip());
        for port in [Some(addr), listens].into_iter().flatten() {
            self.bans.remove(&port);
        }
        bans(self).into_iter().zip(before).filter(|(now, before)| now != before).map(|(now, _)| now).collect()
    }

    /// Until when the address is banned, if it is.
    pub(super) fn banned_until(&self, now: At, addr: SocketAddr) -> Option<At> {
        self.longest_ban(now, addr).map(|ban| ban.until)
    }

    /// The ban that keeps the address out for longest, if there is one.
    pub(super) fn ban_of(&self, now: At, addr: SocketAddr) -> Option<Ban> {
        self.longest_ban(now, addr).cloned()
    }

    fn longest_ban(&self, now: At, addr: SocketAddr) -> Option<&Ban> {
        let bans = [self.bans.get(&addr), self.address_bans.get(&addr.ip())];
        bans.into_iter().flatten().filter(|ban| ban.until > now).max_by_key(|ban| ban.until)
    }

    /// The bans that ran out, each told once.
    pub(super) fn expired_bans(&mut self, now: At) -> Vec<PeerKey> {
        let over = |ban: &Ban| ban.until <= now;
        if !self.bans.values().any(over) && !self.address_bans.values().any(over) {
            return Vec::new();
        }
        let was: Vec<PeerKey> = self
            .rows
            .iter()
            .filter(|(_, row)| {
                self.bans.get(&row.addr).is_some_and(over)
                    || self.address_bans.get(&row.addr.ip()).is_some_and(over)
            })
            .map(|(peer, _)| *peer)
            .collect();
        self.bans.retain(|_, ban| !over(ban));
        self.address_bans.retain(|_, ban| !over(ban));
        was.into_iter()
            .filter(|peer| self.rows.get(peer).is_some_and(|row| self.banned_until(now, row.addr).is_none()))
            .collect()
    }

    /// Whether one more connection from this address would be too many.
    pub(super) fn crowded(&self, addr: IpAddr) -> bool {
        is_public(addr) && self.busy_at(addr) >= MOST_PER_ADDRESS
    }

    /// Rows of this address, whatever the port.
    pub(super) fn at_address(&self, addr: IpAddr) -> Vec<PeerKey> {
        let ports = SocketAddr::new(addr, 0)..=SocketAddr::new(addr, u16::MAX);
        let mut there: Vec<PeerKey> = self.by_addr.range(ports).map(|(_, peer)| *peer).collect();
        there.sort_unstable();
        there.dedup();
        there
    }

    /// Connections with this address, those being made included.
    fn busy_at(&self, addr: IpAddr) -> usize {
        let busy = |peer: &PeerKey| self.rows.get(peer).is_some_and(|row| row.standing != Standing::Idle);
        self.at_address(addr).iter().filter(|peer| busy(peer)).count()
    }

    /// An incoming peer on `peer` says it listens on `listens`. Where that address has an idle row, the two
    /// become one: its key is returned, and `peer` is gone.
    pub(super) fn listens(&mut self, peer: PeerKey, listens: SocketAddr) -> Option<PeerKey> {
        let Some(into) = self.find(listens).filter(|into| *into != peer) else {
            let row = self.rows.get_mut(&peer)?;
            let addr = row.addr;
            let before = row.listens.replace(listens).filter(|before| ![addr, listens].contains(before));
            if let Some(before) = before.filter(|before| self.by_addr.get(before) == Some(&peer)) {
                self.by_addr.remove(&before);
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
            .filter_map(|row| {
                let dialled =
                    row.sources.iter().any(|source| *source != Source::Incoming).then_some(row.addr);
                row.listens.or(dialled).map(|addr| (!matches!(row.standing, Standing::Live(_)), addr))
            })
            .collect();
        kept.sort_unstable();
        kept.into_iter().map(|(_, addr)| addr).take(most).collect()
    }
}

/// How long to wait before a peer is dialled again; `None`: never by itself. The first failure may be of the
/// moment (a client just starting); from then on the wait doubles, from a minute to half an hour.
fn wait_after(cause: Cause, failures: u32, complete: bool) -> Option<Duration> {
    let doubled = match failures {
        0 => Duration::from_secs(15),
        n => Duration::from_secs(60) * 2u32.saturating_pow((n - 1).min(5)),
    };
    let doubled = doubled.min(Duration::from_secs(30 * 60));
    match cause {
        Cause::InvalidAddress
        | Cause::SelfConnection
        | Cause::BothSeeds
        | Cause::Shutdown
        | Cause::NotAnswered => None,
        Cause::NotInteresting if complete => None,
        Cause::NotBittorrent | Cause::InfoHashMismatch => Some(Duration::from_secs(30 * 60)),
        // While it is dropped or banned it is not dialled anyway; taken back, it is at once.
        Cause::Banned | Cause::HashFailures | Cause::DroppedByUser | Cause::TorrentPaused => {
            Some(Duration::ZERO)
        }
        _ => Some(doubled),
    }
}

/// Whether a connection may end so because we were silent for long.
fn may_be_of_a_standstill(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ConnectTimeout
            | Cause::ClosedBeforeHandshake
            | Cause::ResetBeforeHandshake
            | Cause::HandshakeTimeout
            | Cause::HandshakeTruncated
            | Cause::EncryptionFailed
            | Cause::IdleTimeout
            | Cause::ClosedAfterHandshake
            | Cause::ClosedByPeer
            | Cause::ResetByPeer
            | Cause::ConnectionLost
    )
}

fn is_public(addr: IpAddr) -> bool {
    scope_of(addr) == Scope::Public
}

#[cfg(test)]
impl Book {
    pub(super) fn live_rows(&self) -> usize {
        self.rows.values().filter(|row| matches!(row.standing, Standing::Live(_))).count()
    }

    pub(super) fn assert_consistent(&self) {
        let dialling = self.rows.values().filter(|row| row.standing == Standing::Dialling).count();
        assert_eq!(self.dialling, dialling, "dials under way");
        for (addr, peer) in &self.by_addr {
            let row = self.rows.get(peer).expect("an address leads to a row");
            assert!(row.addr == *addr || row.listens == Some(*addr));
        }
        for (peer, row) in &self.rows {
            assert_eq!(self.by_addr.get(&row.addr), Some(peer));
            assert_eq!(row.next.is_some_and(|at| self.due.contains(&(at, *peer))), row.next.is_some());
            assert!(row.next.is_none() || row.standing == Standing::Idle, "{peer:?} is due and not idle");
        }
        assert_eq!(self.due.len(), self.rows.values().filter(|row| row.next.is_some()).count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], n))
    }

    fn secs(n: u64) -> At {
        At::from_secs(n)
    }

    #[test]
    fn a_refused_peer_is_dialled_less_and_less() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut book = Book::new();
        let (peer, new) = book.learn(At::ZERO, addr(1), Source::Manual).unwrap();
        assert!(new);
        let mut now = At::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(book.take_due(now), Some((peer, addr(1))));
            assert_eq!(book.take_due(now), None);
            let next = book.ended(now, peer, Cause::ConnectionRefused, false, &mut random).unwrap();
            waits.push((next - now).as_secs());
            assert_eq!(book.take_due(now), None);
            now = next;
        }
        assert!(waits[0] >= 14 && waits[1] >= 55 && waits[4] > 440, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 1900), "{waits:?}");
    }

    #[test]
    fn who_goes_while_we_stood_still_is_dialled_again_soon_and_not_blamed() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut book = Book::new();
        let peers = [1, 2, 3].map(|port| book.learn(At::ZERO, addr(port), Source::Manual).unwrap().0);
        let take_all = |book: &mut Book, now| std::iter::from_fn(|| book.take_due(now)).count();
        assert_eq!(take_all(&mut book, At::ZERO), 3);
        book.live(peers[0], ConnKey(1));
        book.live(peers[1], ConnKey(2));
        // The third failed often: it is not due for long.
        let mut now = At::ZERO;
        for _ in 0..8 {
            now = book.ended(now, peers[2], Cause::ConnectTimeout, false, &mut random).unwrap();
            assert_eq!(take_all(&mut book, now), 1);
        }
        let due = book.ended(now, peers[2], Cause::ConnectTimeout, false, &mut random).unwrap();
        assert!(due - now > secs(1600));
        let sooner = book.stood_still(now, secs(300), &mut random);
        assert_eq!(sooner, [(peers[2], due - secs(300))]);
        let sooner = book.stood_still(now, secs(3 * 3600), &mut random);
        assert!(sooner.len() == 1 && sooner[0].1 > now && sooner[0].1 <= now + SPREAD, "{sooner:?}");
        book.assert_consistent();
        // One goes because we were silent for long; it is dialled again at once, again and again.
        let next = book.ended(now, peers[0], Cause::ClosedByPeer, false, &mut random).unwrap();
        assert!(next <= now + secs(11), "{next:?}");
        assert_eq!(book.row(peers[0]).unwrap().failures, 0);
        // The other goes much later, of its own accord.
        let later = now + FORGIVING;
        let next = book.ended(later, peers[1], Cause::ClosedByPeer, false, &mut random).unwrap();
        assert!(next > later + SPREAD, "{next:?}");
        assert_eq!(book.row(peers[1]).unwrap().failures, 1);
    }

    #[test]
    fn a_standstill_excuses_nobody_who_lied() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut book = Book::new();
        let (peer, _) = book.learn(At::ZERO, addr(1), Source::Manual).unwrap();
        book.live(peer, ConnKey(1));
        book.stood_still(secs(5), secs(300), &mut random);
        let next = book.ended(secs(6), peer, Cause::BadMessage, false, &mut random).unwrap();
        assert!(next > secs(6) + SPREAD, "{next:?}");
    }

    #[test]
    fn three_banned_ports_ban_the_address() {
        let mut book = Book::new();
        book.ban(At::ZERO, addr(1), "");
        book.ban(At::ZERO, addr(2), "");
        assert!(book.banned_until(At::ZERO, addr(3)).is_none());
        assert_eq!(book.ban(secs(5), addr(3), ""), (secs(5) + BAN, true));
        assert_eq!(book.banned_until(secs(5), addr(4)), Some(secs(5) + BAN));
        assert!(book.banned_until(secs(6) + BAN, addr(4)).is_none());
    }

    #[test]
    fn lifting_a_ban_leaves_those_of_other_ports() {
        let mut book = Book::new();
        let ban = |reason: &str| Some(Ban { until: secs(5) + BAN, reason: reason.to_owned() });
        let peers = [1, 2, 3, 4].map(|port| book.learn(At::ZERO, addr(port), Source::Manual).unwrap().0);
        for port in 1..=3 {
            book.ban(secs(5), addr(port), "it lied");
        }
        assert_eq!(book.ban_of(secs(6), addr(4)), ban(MANY_PORTS));
        let lifted = book.unban(secs(6), peers[0]);
        let theirs = ban("it lied");
        assert_eq!(
            lifted,
            [(peers[0], None), (peers[1], theirs.clone()), (peers[2], theirs), (peers[3], None)]
        );
        assert_eq!(book.take_due(secs(6)), Some((peers[0], addr(1))));
        assert_eq!(book.take_due(secs(6)), Some((peers[3], addr(4))));
        assert_eq!(book.take_due(secs(6)), None);
    }

    #[test]
    fn an_address_that_one_source_may_not_name_is_dialled_when_another_names_it() {
        let mut book = Book::new();
        let (far, near) = (Source::Resume, Source::Manual);
        let (peer, new) = book.learn_invalid(addr(1), far).unwrap();
        assert!(new);
        assert_eq!((book.learn_invalid(addr(1), far), book.take_due(secs(1))), (None, None));
        assert_eq!(book.learn(secs(1), addr(1), near), Some((peer, false)));
        assert_eq!(book.take_due(secs(1)), Some((peer, addr(1))));
        let (caller, _) = book.learn(secs(1), addr(2), Source::Incoming).unwrap();
        book.live(caller, ConnKey(1));
        assert_eq!(book.learn_invalid(addr(2), far), Some((caller, false)));
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(book.ended(secs(2), caller, Cause::ClosedByPeer, false, &mut random), None);
    }

    #[test]
    fn a_dropped_peer_is_not_dialled() {
        let mut book = Book::new();
        let (peer, _) = book.learn(At::ZERO, addr(1), Source::Manual).unwrap();
        book.row_mut(peer).unwrap().dropped = true;
        assert_eq!(book.take_due(secs(1)), None);
    }

    #[test]
    fn an_incoming_peer_joins_the_row_of_its_listening_port() {
        let mut book = Book::new();
        let (known, _) = book.learn(At::ZERO, addr(6881), Source::Resume).unwrap();
        let (called, _) = book.learn(At::ZERO, addr(40_000), Source::Incoming).unwrap();
        book.live(called, ConnKey(3));
        assert_eq!(book.listens(called, addr(6881)), Some(known));
        assert_eq!(book.row(known).unwrap().standing, Standing::Live(ConnKey(3)));
        assert!(book.row(called).is_none());
        assert_eq!(book.take_due(secs(9)), None, "it is connected");
    }

    fn public(port: u16) -> SocketAddr {
        SocketAddr::from(([1, 2, 3, 4], port))
    }

    #[test]
    fn one_public_address_is_not_dialled_on_more_than_eight_ports_at_once() {
        let mut book = Book::new();
        for port in 1..=20 {
            book.learn(At::ZERO, public(port), Source::Manual);
        }
        assert_eq!(std::iter::from_fn(|| book.take_due(secs(1))).count(), MOST_PER_ADDRESS);
        assert_eq!(book.next_due(), Some(secs(61)));
    }

    #[test]
    fn a_peer_that_comes_again_from_another_port_keeps_its_row() {
        let mut book = Book::new();
        let mut random = fastrand::Rng::with_seed(1);
        let (first, _) = book.learn(At::ZERO, addr(40_000), Source::Incoming).unwrap();
        book.live(first, ConnKey(1));
        assert_eq!(book.listens(first, addr(6881)), None);
        book.ended(secs(1), first, Cause::ClosedByPeer, false, &mut random);
        for port in 40_001..40_010 {
            let (again, _) = book.learn(secs(2), addr(port), Source::Incoming).unwrap();
            book.live(again, ConnKey(u32::from(port)));
            assert_eq!(book.listens(again, addr(6881)), Some(first));
            book.ended(secs(3), first, Cause::ClosedByPeer, false, &mut random);
        }
        assert_eq!((book.rows.len(), book.by_addr.len()), (1, 2));
        assert_eq!(book.row(first).unwrap().sources.len(), 1);
    }

    #[test]
    fn a_peer_that_called_is_dialled_once_a_tracker_names_it() {
        let mut book = Book::new();
        let mut random = fastrand::Rng::with_seed(1);
        let (peer, _) = book.learn(At::ZERO, addr(6881), Source::Incoming).unwrap();
        book.live(peer, ConnKey(1));
        assert_eq!(book.ended(secs(1), peer, Cause::ClosedByPeer, false, &mut random), None);
        assert_eq!(book.learn(secs(2), addr(6881), Source::Resume), Some((peer, false)));
        assert_eq!(book.take_due(secs(2)), Some((peer, addr(6881))));
    }

    #[test]
    fn callers_that_cannot_be_dialled_make_room() {
        let mut book = Book::new();
        let mut random = fastrand::Rng::with_seed(1);
        for n in 0..MOST_ROWS as u32 {
            let addr = SocketAddr::from((std::net::Ipv4Addr::from(0x0100_0000 + n), 6881));
            let (peer, _) = book.learn(At::ZERO, addr, Source::Incoming).unwrap();
            book.live(peer, ConnKey(n));
            book.ended(secs(1), peer, Cause::DuplicatePeerId, false, &mut random);
        }
        assert!(book.learn(secs(2), addr(1), Source::Resume).is_some());
        assert_eq!(book.rows.len(), MOST_ROWS);
    }

    #[test]
    fn a_failing_disk_is_no_reason_to_dial_at_once_for_ever() {
        let mut book = Book::new();
        let mut random = fastrand::Rng::with_seed(1);
        let (peer, _) = book.learn(At::ZERO, addr(1), Source::Resume).unwrap();
        for cause in [Cause::DiskError, Cause::DuplicatePeerId] {
            book.live(peer, ConnKey(1));
            let next = book.ended(secs(1), peer, cause, true, &mut random);
            assert!(next.is_some_and(|next| next > secs(10)), "{next:?}");
        }
    }

    #[test]
    fn the_oldest_that_never_shook_hands_makes_room() {
        let mut book = Book::new();
        for n in 0..MOST_ROWS as u32 + 10 {
            let addr = SocketAddr::from((std::net::Ipv4Addr::from(0x0100_0000 + n), 6881));
            assert!(
                book.learn(At::ZERO, addr, Source::Manual).is_some() == (n < MOST_ROWS as u32),
                "manual ones stay"
            );
        }
    }
}
