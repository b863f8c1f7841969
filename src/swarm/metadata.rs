//! The metadata of a magnet (BEP 9): whom to ask for which part, and who gave wrong ones.
//!
//! Parts are asked of several peers at a time, and their hash is known only for the whole. So each part is kept with the peer
//! that gave it. Where the whole is wrong and one peer gave all of it, that peer lied. Where several did, all parts are
//! asked of one of them, then of the next: a liar costs one round, and nobody is blamed for what another gave. Once the
//! right bytes are here, those who gave others are named as well.
//!
//! A peer that refuses is not asked again on its connection, nor is one that owes a part for too long, until that comes:
//! unless it says once more that it has them.
//!
//! Peers that claim different lengths are never mixed: the length that most of them claim is tried first. Nothing is
//! allocated for a length, only for parts that came; and of one set alone, whose length its peers claim.
//!
//! In a check everybody who offers some is asked for a part, whether it is still missing or not.

mod askers;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sha1::{Digest, Sha1};

use self::askers::{Ask, Offer};
use super::ConnKey;
use crate::event::{At, Cause, MetadataStep, PeerKey};
use crate::metainfo::InfoHash;
use crate::peer::MetadataNews;
use crate::wire::{MOST_METADATA_BYTES, metadata_part_bytes, metadata_parts};

/// Parts under way at one peer. There are clients (rtorrent) that forget a request that comes before they have answered the
/// one before, and all that follow it.
const MOST_AT_ONE: usize = 1;
/// Peers that one part is asked of at a time, where there is nothing else to ask for.
const MOST_FOR_ONE: usize = 2;
/// How long peers may take for the whole before others have their turn, if there are any.
const TURN: Duration = Duration::from_secs(30);
/// Parts of which it is remembered what they were.
const MOST_REMEMBERED: usize = 10_000;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fetch {
    /// Ask on this connection for this part.
    Ask(ConnKey, u32),
    /// A peer came a step further.
    Told(PeerKey, MetadataStep),
    /// A peer gave what is wrong: it is to go, where it is still connected.
    Wrong(PeerKey, Option<ConnKey>, String),
    /// How much is here.
    Parts(Parts),
    /// All of it is here, and its hash is right.
    Known(Bytes),
}

/// How much is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Parts {
    /// Parts that are here.
    pub(super) got: u32,
    /// Parts of the whole.
    pub(super) of: u32,
    /// Bytes of the whole.
    pub(super) bytes: u32,
}

/// The metadata on their way.
#[derive(Debug)]
pub(super) struct Metadata {
    info_hash: InfoHash,
    /// It is found out who gives what, not only what there is.
    asks_all: bool,
    is_active: bool,
    is_known: bool,
    /// Once they are known: their length, and what each part is.
    right: (u32, Vec<[u8; 20]>),
    /// What is offered, on each connection.
    offers: BTreeMap<ConnKey, Offer>,
    /// Peers that are not asked again.
    liars: BTreeSet<PeerKey>,
    /// Lengths of which parts of several peers made a wrong whole.
    poisoned: BTreeSet<u32>,
    set: Set,
    /// What each peer gave as which part of a whole of which length.
    given: BTreeMap<(PeerKey, u32, u32), [u8; 20]>,
    told: Parts,
    out: VecDeque<Fetch>,
}

/// Who may give the parts that are being collected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Givers {
    /// Those who claim this length,
    bytes: u32,
    /// and of them this one alone.
    only: Option<ConnKey>,
}

/// The parts that are being collected.
#[derive(Debug, Default)]
struct Set {
    from: Givers,
    /// When others have their turn.
    turn_ends: At,
    parts: BTreeMap<u32, (PeerKey, Bytes)>,
}

impl Givers {
    fn has(self, conn: ConnKey, offer: &Offer) -> bool {
        self.bytes == offer.bytes && self.only.is_none_or(|only| only == conn)
    }
}

impl Metadata {
    /// Nobody offers any yet. Those who do later are all asked, or only as long as something is missing.
    pub(super) fn new(info_hash: InfoHash, asks_all: bool) -> Self {
        Self {
            info_hash,
            asks_all,
            is_active: false,
            is_known: false,
            right: (0, Vec::new()),
            offers: BTreeMap::new(),
            liars: BTreeSet::new(),
            poisoned: BTreeSet::new(),
            set: Set::default(),
            given: BTreeMap::new(),
            told: Parts::default(),
            out: VecDeque::new(),
        }
    }

    /// Whether peers are asked.
    pub(super) fn set_active(&mut self, now: At, active: bool) {
        self.is_active = active;
        if !active {
            self.offers.values_mut().for_each(|offer| offer.asks.clear());
        }
        self.go_on(now);
    }

    /// The peer introduces itself: it has metadata of this length, or none.
    pub(super) fn introduced(&mut self, now: At, conn: ConnKey, peer: PeerKey, bytes: Option<u32>) {
        if self.is_over() || self.liars.contains(&peer) {
            return;
        }
        let Some(bytes) = bytes else { return self.left(now, conn) };
        let known = self.offers.insert(conn, Offer::new(peer, bytes));
        if known.as_ref().is_none_or(|offer| offer.bytes != bytes) {
            self.out.push_back(Fetch::Told(peer, MetadataStep::Offered { bytes }));
        }
        match known {
            _ if bytes > MOST_METADATA_BYTES => {
                let most = MOST_METADATA_BYTES >> 20;
                self.wrong(peer, format!("it claims {bytes} bytes, and more than {most} MiB are not taken"));
            }
            Some(offer) if offer.bytes != bytes => {
                self.wrong(peer, format!("it claims {bytes} bytes, and before {} bytes", offer.bytes));
            }
            Some(offer) => _ = self.offers.insert(conn, offer.renewed()),
            None => {}
        }
        self.go_on(now);
    }

    /// Nothing is left to be done.
    fn is_over(&self) -> bool {
        self.is_known && !self.asks_all
    }

    /// Whether somebody owes a part and is not late with it.
    pub(super) fn is_waiting(&self) -> bool {
        self.offers.values().any(|offer| offer.asks.iter().any(|ask| !ask.is_late))
    }

    /// The connection is over, or offers nothing any more.
    pub(super) fn left(&mut self, now: At, conn: ConnKey) {
        if self.offers.remove(&conn).is_some() {
            self.go_on(now);
        }
    }

    /// It is not asked while held.
    pub(super) fn hold(&mut self, now: At, conn: ConnKey, held: bool) {
        if let Some(offer) = self.offers.get_mut(&conn) {
            offer.held = held;
            self.go_on(now);
        }
    }

    /// Two rows turned out to be one peer.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        let renamed = |peer: &mut PeerKey| *peer = if *peer == gone { into } else { *peer };
        self.offers.values_mut().for_each(|offer| renamed(&mut offer.peer));
        self.set.parts.values_mut().for_each(|(peer, _)| renamed(peer));
        if self.liars.remove(&gone) {
            self.liars.insert(into);
        }
        let given = std::mem::take(&mut self.given).into_iter();
        self.given = given
            .map(|((mut peer, bytes, part), digest)| {
                renamed(&mut peer);
                ((peer, bytes, part), digest)
            })
            .collect();
    }

    /// A peer answers.
    pub(super) fn news(&mut self, now: At, conn: ConnKey, news: MetadataNews) {
        match news {
            MetadataNews::Part { part, total_bytes, bytes } => self.gave(now, conn, part, total_bytes, bytes),
            MetadataNews::Refused { part } => {
                let Some(offer) = self.offers.get_mut(&conn) else { return };
                // What else it was asked for it will hardly give.
                offer.asks.clear();
                offer.refuses = true;
                self.out.push_back(Fetch::Told(offer.peer, MetadataStep::Refused { part }));
            }
        }
        self.go_on(now);
    }

    fn gave(&mut self, now: At, conn: ConnKey, part: u32, total_bytes: Option<u32>, bytes: Bytes) {
        let Some(offer) = self.offers.get_mut(&conn) else { return };
        offer.asks.retain(|ask| ask.part != part);
        let (peer, whole) = (offer.peer, offer.bytes);
        if let Some(total) = total_bytes.filter(|total| *total != whole) {
            return self.wrong(peer, format!("it sends a part of {total} bytes, where it claims {whole}"));
        }
        let expected = metadata_part_bytes(whole, part);
        if expected == 0 || bytes.len() as u64 != u64::from(expected) {
            let reason = format!("its part {part} has {} bytes, where {expected} belong", bytes.len());
            return self.wrong(peer, reason);
        }
        self.out.push_back(Fetch::Told(peer, MetadataStep::Gave { part }));
        if self.is_known {
            return self.compare(peer, whole, part, &bytes);
        }
        if self.given.len() < MOST_REMEMBERED {
            self.given.insert((peer, whole, part), Sha1::digest(&bytes).into());
        }
        // It may have been given up for late, and be the one that is listened to again.
        self.choose(now);
        let takes = self.offers.get(&conn).is_some_and(|offer| self.set.from.has(conn, offer));
        if takes {
            self.set.parts.entry(part).or_insert((peer, bytes));
        }
    }

    /// Why the peer is of no use for this, if so: it refuses, or owes a part for too long.
    pub(super) fn withholds(&self, conn: ConnKey) -> Option<Cause> {
        let offer = self.offers.get(&conn)?;
        let refuses = offer.refuses.then_some(Cause::MetadataRefused);
        refuses.or_else(|| offer.is_silent().then_some(Cause::MetadataSilent))
    }

    /// When [`on_time`](Self::on_time) is wanted.
    pub(super) fn deadline(&self) -> Option<At> {
        if !self.is_active || self.is_over() {
            return None;
        }
        let offers = self.offers.values().filter_map(Offer::deadline);
        offers.chain(self.has_turns().then_some(self.set.turn_ends)).min()
    }

    /// Time went by.
    pub(super) fn on_time(&mut self, now: At) {
        if self.deadline().is_none_or(|at| now < at) {
            return;
        }
        for offer in self.offers.values_mut() {
            for part in offer.on_time(now) {
                self.out.push_back(Fetch::Told(offer.peer, MetadataStep::Silent { part }));
            }
        }
        if self.set.turn_ends <= now && self.has_turns() {
            let from = self.set.from;
            self.offers
                .iter_mut()
                .filter(|(conn, offer)| from.has(**conn, offer))
                .for_each(|(_, offer)| offer.lates += 1);
            self.best().into_iter().for_each(|best| self.begin(now, best));
        }
        self.go_on(now);
    }

    /// What to do next.
    pub(super) fn poll(&mut self) -> Option<Fetch> {
        self.out.pop_front()
    }

    /// Does what follows: looks at a whole that is here, and asks for what is missing.
    fn go_on(&mut self, now: At) {
        while self.is_active && !self.is_known {
            self.choose(now);
            if !self.is_whole() {
                break;
            }
            self.look(now);
        }
        while self.is_active
            && let Some((conn, part)) = self.next_ask().or_else(|| self.next_untried())
        {
            let Some(offer) = self.offers.get_mut(&conn) else { break };
            offer.asks.push(Ask::new(now, part, offer.lates));
            offer.is_tried = true;
            self.out.push_back(Fetch::Ask(conn, part));
            self.out.push_back(Fetch::Told(offer.peer, MetadataStep::Asked { part }));
        }
        self.tell();
    }

    /// Tells how much is here, where that changed.
    fn tell(&mut self) {
        let bytes = self.set.from.bytes;
        let parts = Parts { got: self.set.parts.len() as u32, of: metadata_parts(bytes), bytes };
        if !self.is_known && parts != std::mem::replace(&mut self.told, parts) {
            self.out.push_back(Fetch::Parts(parts));
        }
    }

    fn is_whole(&self) -> bool {
        let Set { from, parts, .. } = &self.set;
        from.bytes > 0 && parts.len() as u64 == u64::from(metadata_parts(from.bytes))
    }

    /// All parts are here: hashes them.
    fn look(&mut self, now: At) {
        let mut hash = Sha1::new();
        self.set.parts.values().for_each(|(_, bytes)| hash.update(bytes));
        if InfoHash(hash.finalize().into()) == self.info_hash {
            return self.end();
        }
        let givers: BTreeSet<PeerKey> = self.set.parts.values().map(|(peer, _)| *peer).collect();
        match (givers.first(), givers.len()) {
            (Some(liar), 1) => {
                self.wrong(*liar, "the hash of what it gave is not that of the magnet".to_owned())
            }
            _ => {
                self.poisoned.insert(self.set.from.bytes);
                match self.best().filter(|best| *best != self.set.from) {
                    Some(best) => self.begin(now, best),
                    None => self.set.parts.clear(),
                }
            }
        }
    }

    /// It is right: those who gave something else are named.
    fn end(&mut self) {
        self.tell();
        self.is_known = true;
        let set = std::mem::take(&mut self.set);
        let bytes = set.from.bytes;
        let right: Vec<[u8; 20]> = set.parts.values().map(|(_, bytes)| Sha1::digest(bytes).into()).collect();
        let mut whole = BytesMut::with_capacity(bytes as usize);
        set.parts.into_values().for_each(|(_, bytes)| whole.extend_from_slice(&bytes));
        let lied = std::mem::take(&mut self.given).into_iter().filter(|((_, of, part), digest)| {
            *of == bytes && right.get(*part as usize).is_none_or(|right| right != digest)
        });
        let lied: BTreeMap<PeerKey, u32> = lied.map(|((peer, _, part), _)| (peer, part)).collect();
        for (peer, part) in lied {
            self.wrong(peer, gave_wrongly(part));
        }
        let claims: Vec<(PeerKey, u32)> =
            self.offers.values().map(|offer| (offer.peer, offer.bytes)).collect();
        for (peer, claimed) in claims.into_iter().filter(|(_, claimed)| *claimed != bytes) {
            self.wrong(peer, claims_wrongly(claimed, bytes));
        }
        if self.asks_all {
            self.right = (bytes, right);
        } else {
            self.offers.clear();
        }
        self.out.push_back(Fetch::Known(whole.freeze()));
    }

    /// They are known, and this peer gave a part all the same: whether that is right.
    fn compare(&mut self, peer: PeerKey, whole: u32, part: u32, bytes: &[u8]) {
        let (length, right) = &self.right;
        let digest: [u8; 20] = Sha1::digest(bytes).into();
        if whole != *length {
            self.wrong(peer, claims_wrongly(whole, *length));
        } else if right.get(part as usize).is_none_or(|right| *right != digest) {
            self.wrong(peer, gave_wrongly(part));
        }
    }

    /// The peer gave what is wrong: it is not asked again, and nothing of it is kept.
    fn wrong(&mut self, peer: PeerKey, reason: String) {
        let conn = self.offers.iter().find(|(_, offer)| offer.peer == peer).map(|(conn, _)| *conn);
        conn.into_iter().for_each(|conn| _ = self.offers.remove(&conn));
        self.liars.insert(peer);
        self.set.parts.retain(|_, (giver, _)| *giver != peer);
        self.given.retain(|(giver, ..), _| *giver != peer);
        self.out.push_back(Fetch::Wrong(peer, conn, reason));
    }

    /// Leaves it at those who are being asked, as long as one of them answers, or nobody else would.
    fn choose(&mut self, now: At) {
        let from = self.set.from;
        let standing = self.standing(from);
        let Some(best) = self.best() else { return };
        let stays = match standing {
            _ if from.only.is_none() && self.poisoned.contains(&from.bytes) => false,
            Some((is_silent, lates)) => !is_silent || self.standing(best) >= Some((true, lates)),
            None => false,
        };
        if !stays {
            self.begin(now, best);
        }
    }

    /// Collects parts of others from now on. What they gave before is kept.
    fn begin(&mut self, now: At, from: Givers) {
        let lates = self.standing(from).map_or(0, |(_, lates)| lates);
        self.set.turn_ends = now + TURN * (1 << lates.min(10));
        if from == self.set.from {
            return;
        }
        let only = from.only.and_then(|conn| self.offers.get(&conn)).map(|offer| offer.peer);
        let is_other = from.bytes != self.set.from.bytes;
        self.set.parts.retain(|_, (giver, _)| !is_other && only.is_none_or(|only| only == *giver));
        self.set.from = from;
    }

    /// Whether none of them answers in time, and how often the best of them did not before; `None`: nobody can be asked.
    fn standing(&self, from: Givers) -> Option<(bool, u32)> {
        let members =
            self.offers.iter().filter(|(conn, offer)| from.has(**conn, offer) && offer.may_be_asked());
        members.map(|(_, offer)| (offer.is_silent(), offer.lates)).min()
    }

    /// Everybody whose parts may make a whole.
    fn candidates(&self) -> impl Iterator<Item = Givers> {
        self.offers.iter().filter(|(_, offer)| offer.may_be_asked()).map(|(conn, offer)| Givers {
            bytes: offer.bytes,
            only: self.poisoned.contains(&offer.bytes).then_some(*conn),
        })
    }

    /// Whether others would have their turn.
    fn has_turns(&self) -> bool {
        !self.is_known && self.candidates().any(|from| from != self.set.from)
    }

    /// Those who are to be asked: those who answer, who were seldom late, who are many, and who gave most already.
    fn best(&self) -> Option<Givers> {
        let claims = |from: Givers| self.offers.values().filter(|offer| offer.bytes == from.bytes).count();
        let gave = |from: Givers| {
            let peer = from.only.and_then(|conn| self.offers.get(&conn)).map(|offer| offer.peer);
            self.set.parts.values().filter(|(giver, _)| Some(*giver) == peer).count()
        };
        self.candidates()
            .min_by_key(|from| (self.standing(*from), Reverse(claims(*from)), Reverse(gave(*from)), *from))
    }

    /// Where all are to be asked: one that was asked for nothing yet.
    fn next_untried(&self) -> Option<(ConnKey, u32)> {
        let is_untried = |offer: &Offer| self.asks_all && !offer.is_tried && offer.may_be_asked();
        self.offers.iter().find(|(_, offer)| is_untried(offer)).map(|(conn, _)| (*conn, 0))
    }

    /// Whom to ask for which part: those first that answer soon and have least to do.
    fn next_ask(&self) -> Option<(ConnKey, u32)> {
        if self.is_known {
            return None;
        }
        let Set { from, parts, .. } = &self.set;
        let mut members: Vec<(ConnKey, &Offer)> = self
            .offers
            .iter()
            .filter(|(conn, offer)| from.has(**conn, offer) && offer.may_be_asked())
            .map(|(conn, offer)| (*conn, offer))
            .collect();
        members.sort_by_key(|(conn, offer)| (offer.lates, offer.asks.len(), *conn));
        // Who was late before keeps nothing from those who were not.
        let mut asked = BTreeMap::<u32, Vec<u32>>::new();
        for (_, offer) in &members {
            for ask in offer.asks.iter().filter(|ask| !ask.is_late) {
                asked.entry(ask.part).or_default().push(offer.lates);
            }
        }
        let times_asked = |part: u32, offer: &Offer| {
            let lates = asked.get(&part).into_iter().flatten();
            lates.filter(|lates| **lates <= offer.lates).count()
        };
        let missing: Vec<u32> =
            (0..metadata_parts(from.bytes)).filter(|part| !parts.contains_key(part)).collect();
        let free = || members.iter().filter(|(_, offer)| offer.asks.len() < MOST_AT_ONE);
        (0..MOST_FOR_ONE).find_map(|times| {
            free().find_map(|(conn, offer)| {
                let is_new = |part: u32| offer.asks.iter().all(|ask| ask.part != part);
                let mut parts = missing.iter().filter(|part| times_asked(**part, offer) == times);
                parts.find(|part| is_new(**part)).map(|part| (*conn, *part))
            })
        })
    }
}

fn gave_wrongly(part: u32) -> String {
    format!("its part {part} is not that of the magnet")
}

fn claims_wrongly(claimed: u32, bytes: u32) -> String {
    format!("it claims {claimed} bytes, where there are {bytes}")
}
