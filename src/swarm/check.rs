//! Tries every peer and sees how far each comes, without downloading anything.
//!
//! A check is a [`Swarm`](super::Swarm) that dials each peer once, and once more the other way where that may help, serves
//! nobody, and gives each connection one piece, which is thrown away. `Check` decides which piece, and knows who still has
//! time to show what it does. Of a magnet everybody is asked for the metadata instead. It is over when every tracker,
//! the DHT and every peer has had its chance, or when its time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::live::Connected;
use super::outbox::Outbox;
use super::peer_table::PeerTable;
use super::{Closed, ConnKey, DialPacer, Settings};
use crate::event::{At, Cause, Event, Family, LookupFact, PeerKey, Severity};
use crate::metainfo::{Bitfield, BlockRef, Geometry, PieceIndex};

/// Pieces up to this length are asked for whole, of longer ones a block, bytes.
pub const WHOLE_PIECE_BYTES: u32 = 4 * 1024 * 1024;
/// How long connections may take to close and to tell how they went: on a busy machine what ends in a moment takes long.
pub const CLOSE_WITHIN: Duration = Duration::from_millis(1200);
/// Dials that may begin in a second.
const DIALS_PER_SECOND: NonZeroU32 = NonZeroU32::new(1000).expect("1000 is not 0");
/// Dials made up for at once when the clock was looked at late.
const DIALS_AT_ONCE: u32 = 10;
/// A peer that shook hands has this long to send a block.
const PATIENCE: Duration = Duration::from_secs(10);
/// One that unchokes us late has at least this long to send a block: two seconds, as everything that ends a check.
const AFTER_UNCHOKE: Duration = Duration::from_secs(2);
/// One whose first block came has this long to send the rest of the piece.
const REST_OF_PIECE: Duration = Duration::from_secs(2);
/// A tracker that is silent for this long is not waited for.
const TRACKER_SILENT: Duration = Duration::from_secs(15);
/// Nodes of the DHT are not waited for any longer than this.
const DHT_SILENT: Duration = Duration::from_secs(15);

impl Settings {
    /// Those of a check that is over by `until`, with this many dials under way and connections at once.
    pub fn of_check(until: At, most_open: usize) -> Self {
        Self {
            max_peers: most_open,
            max_dials: most_open,
            dial_pacer: DialPacer::with_burst(DIALS_PER_SECOND, DIALS_AT_ONCE),
            check_until: Some(until),
            ..Self::default()
        }
    }
}

/// What each connection of a check is given, and until when it is waited for.
#[derive(Debug)]
pub(super) struct Check {
    until: At,
    /// Until when trackers that are silent are waited for; `None`: no more.
    trackers_until: Option<At>,
    /// Until when lookups in the DHT are waited for; `None`: no more, or there are none.
    lookups_until: Option<At>,
    /// The lookups under way.
    looking: BTreeSet<Family>,
    tries: BTreeMap<ConnKey, Try>,
    /// Those that still have time to show what they do, and until when.
    awaited: BTreeSet<(At, ConnKey)>,
    /// Those that gave their answer and were not looked at since.
    answered: Vec<ConnKey>,
    /// Those that we hang up on, their answer being known.
    hanging_up: BTreeSet<ConnKey>,
    /// Who called and says it listens where we dial.
    callers: BTreeMap<SocketAddr, PeerKey>,
    told_left_out: bool,
    told_no_room: bool,
    told_finished: bool,
    /// It is ending: until when connections may take to close.
    ending: Option<At>,
}

/// A connection.
#[derive(Debug)]
struct Try {
    /// Until when it has time to show what it does.
    until: At,
    /// A block came, or its time is over.
    answered: bool,
    /// It shook hands in another way before.
    again: bool,
    unchoked_before: bool,
    asked: Option<Asked>,
}

/// What it was asked for.
#[derive(Debug)]
struct Asked {
    piece: PieceIndex,
    missing: BTreeSet<BlockRef>,
    block_came: bool,
}

impl Check {
    /// `looks_up`: peers are looked for in the DHT, too.
    pub(super) fn new(now: At, until: At, looks_up: bool) -> Self {
        Self {
            until,
            trackers_until: Some(now + TRACKER_SILENT),
            lookups_until: looks_up.then_some(now + DHT_SILENT),
            looking: BTreeSet::new(),
            tries: BTreeMap::new(),
            awaited: BTreeSet::new(),
            answered: Vec::new(),
            hanging_up: BTreeSet::new(),
            callers: BTreeMap::new(),
            told_left_out: false,
            told_no_room: false,
            told_finished: false,
            ending: None,
        }
    }

    /// When something follows from time alone.
    pub(super) fn deadline(&self) -> At {
        let first = self.awaited.first().map(|(at, _)| *at);
        let waits = [first, self.trackers_until, self.lookups_until].into_iter().flatten();
        self.ending.unwrap_or_else(|| waits.fold(self.until, At::min))
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Every tracker has answered or failed.
    pub(super) fn heard_trackers(&mut self) {
        self.trackers_until = None;
    }

    /// A lookup came a step further: the DHT has done its part when all that began have ended, and a node answered.
    pub(super) fn looked_up(&mut self, fact: &LookupFact) {
        match fact {
            LookupFact::Began { family, .. } => {
                self.looking.insert(*family);
            }
            LookupFact::Ended { family, answered, .. } => {
                self.looking.remove(family);
                self.lookups_until =
                    self.lookups_until.filter(|_| !self.looking.is_empty() || *answered == 0);
            }
            LookupFact::Node { .. } | LookupFact::Announced { .. } => {}
        }
    }

    /// The peer listens there, and called.
    pub(super) fn called(&mut self, listens: SocketAddr, peer: PeerKey) {
        self.callers.entry(listens).or_insert(peer);
    }

    /// Who called and listens there.
    pub(super) fn caller_at(&mut self, addr: SocketAddr) -> Option<PeerKey> {
        self.callers.remove(&addr)
    }

    /// A peer shook hands then; `again`: it had done so before, in another way, and more is not asked of it.
    pub(super) fn joined(&mut self, conn: ConnKey, shaken_at: At, again: bool) {
        let until = shaken_at + PATIENCE;
        self.tries.insert(conn, Try { until, answered: again, again, unchoked_before: false, asked: None });
        if again {
            self.answered.push(conn);
        } else {
            self.awaited.insert((until, conn));
        }
    }

    /// The connection is over. Where that says nothing of the peer it is told what does: it was live to the end of the
    /// check, or to the moment at which it had given its answer.
    pub(super) fn left(&mut self, conn: ConnKey, peer: PeerKey, end: &Closed) -> Option<Event> {
        self.let_go(conn);
        self.tries.remove(&conn);
        let hung_up = self.hanging_up.remove(&conn);
        let Closed { bytes_in, bytes_out, .. } = *end;
        match end.cause {
            Cause::Shutdown if hung_up => Some(Event::HungUp { peer, bytes_in, bytes_out }),
            Cause::Shutdown if self.is_ending() => Some(Event::Traffic { peer, bytes_in, bytes_out }),
            _ => None,
        }
    }

    /// Whom to hang up on now: those that gave their answer, and can be tried another way, or were.
    pub(super) fn hang_up(&mut self, live: &Connected, table: &PeerTable, asks_all: bool) -> Vec<ConnKey> {
        // Of a magnet all give parts of the metadata: nobody goes before it is known what came of that.
        if asks_all && !self.awaited.is_empty() || self.is_ending() {
            return Vec::new();
        }
        let mut answered = std::mem::take(&mut self.answered);
        answered.retain(|conn| {
            let again = self.tries.get(conn).map(|tried| tried.again);
            let peer = live.get(*conn).filter(|live| !live.closing).map(|live| live.peer);
            again.zip(peer).is_some_and(|(again, peer)| again || table.can_probe_on(peer))
        });
        self.hanging_up.extend(&answered);
        answered
    }

    /// Asked for the metadata, it gave some, or refused.
    pub(super) fn answered(&mut self, conn: ConnKey) {
        self.let_go(conn);
        self.tries.get_mut(&conn).into_iter().for_each(|tried| tried.answered = true);
    }

    /// The connection is not waited for any more.
    pub(super) fn let_go(&mut self, conn: ConnKey) {
        self.await_until(conn, None);
    }

    /// Unchoked late, it has time to send a block; once: it buys no time with choking and unchoking in turns.
    pub(super) fn unchoked(&mut self, now: At, conn: ConnKey) {
        let Some(tried) = self.tries.get_mut(&conn) else { return };
        let until = tried.until.max(now + AFTER_UNCHOKE);
        if !std::mem::replace(&mut tried.unchoked_before, true) {
            self.await_until(conn, Some(until));
        }
    }

    fn await_until(&mut self, conn: ConnKey, until: Option<At>) {
        let Some(tried) = self.tries.get_mut(&conn) else { return };
        let was_awaited = self.awaited.remove(&(tried.until, conn));
        if was_awaited && until.is_none() {
            self.answered.push(conn);
        }
        if let Some(until) = until.filter(|_| was_awaited) {
            tried.until = until;
            self.awaited.insert((until, conn));
        }
    }

    /// The blocks to ask for now: those of a piece it has, or again those that a choke took back.
    pub(super) fn blocks_for(
        &mut self,
        conn: ConnKey,
        geometry: Geometry,
        has: Option<&Bitfield>,
        random: &mut fastrand::Rng,
    ) -> Vec<BlockRef> {
        let Some(tried) = self.tries.get_mut(&conn) else { return Vec::new() };
        if let Some(asked) = &tried.asked {
            return asked.missing.iter().copied().collect();
        }
        let Some(has) = has.filter(|has| !has.is_empty()) else { return Vec::new() };
        let from = random.u32(..geometry.piece_count());
        let pieces = (from..geometry.piece_count()).chain(0..from).filter_map(|n| geometry.piece(n));
        let Some(piece) = pieces.into_iter().find(|piece| has.has(*piece)) else { return Vec::new() };
        let whole = geometry.length_of(piece) <= WHOLE_PIECE_BYTES;
        let blocks: Vec<BlockRef> =
            geometry.blocks_of(piece).take(if whole { usize::MAX } else { 1 }).collect();
        tried.asked = Some(Asked { piece, missing: blocks.iter().copied().collect(), block_came: false });
        blocks
    }

    /// A block came. False when it was here already, or nobody asked for it.
    pub(super) fn arrived(&mut self, now: At, conn: ConnKey, block: BlockRef, geometry: Geometry) -> bool {
        let Some(tried) = self.tries.get_mut(&conn) else { return false };
        let Some(asked) = &mut tried.asked else { return false };
        if !asked.missing.remove(&block) {
            return false;
        }
        tried.answered = true;
        let first = !std::mem::replace(&mut asked.block_came, true);
        // Of a long piece the hash cannot be known.
        let done = asked.missing.is_empty() && geometry.length_of(asked.piece) > WHOLE_PIECE_BYTES;
        if first || done {
            self.await_until(conn, (!done).then_some(now + REST_OF_PIECE));
        }
        true
    }

    /// The hash of the connection's piece is known. Returns the piece.
    pub(super) fn hashed(&mut self, conn: ConnKey) -> Option<PieceIndex> {
        let piece = self.tries.get(&conn)?.asked.as_ref()?.piece;
        self.let_go(conn);
        Some(piece)
    }

    /// Those whose time is over have given their answer.
    pub(super) fn on_time(&mut self, now: At) {
        while let Some(&(at, conn)) = self.awaited.first()
            && at <= now
        {
            self.awaited.pop_first();
            self.answered.push(conn);
            if let Some(tried) = self.tries.get_mut(&conn) {
                tried.answered = true;
            }
        }
        for until in [&mut self.trackers_until, &mut self.lookups_until] {
            *until = until.filter(|at| now < *at);
        }
    }

    /// Whether it is over, told once: all that were to be dialled are, and nobody is waited for, or its time is up.
    pub(super) fn is_over(&mut self, now: At, all_dialled: bool) -> bool {
        let heard = self.trackers_until.is_none() && self.lookups_until.is_none();
        let all_heard = heard && self.awaited.is_empty() && self.hanging_up.is_empty();
        let over = !self.is_ending() && ((all_dialled && all_heard) || now >= self.until);
        over && !std::mem::replace(&mut self.told_finished, true)
    }

    /// It ends: everybody is told to close. False where that was done.
    pub(super) fn end(&mut self, now: At) -> bool {
        let begins = self.ending.is_none();
        self.ending.get_or_insert(now + CLOSE_WITHIN);
        begins
    }

    /// Whether connections that have not closed by now are not waited for any longer.
    pub(super) fn gives_up_closing(&self, now: At) -> bool {
        self.ending.is_some_and(|ending| now >= ending)
    }

    /// Somebody is to be dialled and all places are taken: which connection makes room, of those that gave their answer.
    /// Tells once that `most` are tried at once.
    pub(super) fn make_room(
        &mut self,
        now: At,
        live: &Connected,
        most: usize,
        out: &mut Outbox,
    ) -> Option<ConnKey> {
        if !std::mem::replace(&mut self.told_no_room, true) {
            let peers = if most == 1 { "1 peer is".to_owned() } else { format!("{most} peers are") };
            let text = format!(
                "Only {peers} tried at once: this process may open no more files. Raise the hard limit (ulimit -Hn) for \
                 a faster check."
            );
            out.emit(now, Event::Note { severity: Severity::Warn, text, answer: true });
        }
        let answered = live.iter().find(|(conn, live)| self.has_answered(**conn) && !live.closing);
        answered.map(|(conn, _)| *conn)
    }

    /// Tells once that an address found no place in the table, which holds `most`.
    pub(super) fn left_out(&mut self, now: At, most: usize, out: &mut Outbox) {
        if !std::mem::replace(&mut self.told_left_out, true) {
            let text = format!("More than {most} peers are known: the rest is left out.");
            out.emit(now, Event::Note { severity: Severity::Warn, text, answer: true });
        }
    }

    /// Why the connection is closed at the end: one that has not given its answer never will.
    pub(super) fn last_cause(&self, conn: ConnKey) -> Cause {
        if self.has_answered(conn) { Cause::Shutdown } else { Cause::NotAnswered }
    }

    fn has_answered(&self, conn: ConnKey) -> bool {
        self.tries.get(&conn).is_some_and(|tried| tried.answered)
    }
}

#[cfg(test)]
mod tests;
