//! What a peer does that shook hands: it is told that we are interested, and asked for one piece.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    AFTER_UNCHOKE, Check, PATIENCE, REST_OF_PIECE, Standing, WHOLE_PIECE_BYTES, ended, not_answered,
};
use crate::event::{At, Cause, Event, PeerKey, Side};
use crate::metainfo::{Bitfield, BlockRef, PeerId, PieceIndex};
use crate::peer::{Closed, ConnKey, News, Order};

/// A peer that shook hands.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) peer: PeerKey,
    pub(super) peer_id: PeerId,
    pub(super) outgoing: bool,
    /// Until when it has time to show what it does.
    until: At,
    /// A block came, or its time is over.
    pub(super) answered: bool,
    /// It was told to close.
    pub(super) closing: bool,
    unchoked: bool,
    unchoked_before: bool,
    first_block: bool,
    has: Option<Bitfield>,
    asked: Option<Asked>,
}

/// What it was asked for.
#[derive(Debug)]
struct Asked {
    piece: PieceIndex,
    missing: BTreeSet<BlockRef>,
}

impl Check {
    /// A connection goes on with messages.
    pub(super) fn go_live(
        &mut self,
        now: At,
        conn: ConnKey,
        peer: PeerKey,
        peer_id: PeerId,
        outgoing: bool,
        shaken_at: At,
    ) {
        self.emit(shaken_at, Event::Handshaken { peer });
        let until = shaken_at + PATIENCE;
        let live = Live {
            peer,
            peer_id,
            outgoing,
            until,
            answered: false,
            closing: false,
            unchoked: false,
            unchoked_before: false,
            first_block: false,
            has: None,
            asked: None,
        };
        self.live.insert(conn, live);
        self.awaited.insert((until, conn));
        if let Some(row) = self.rows.get_mut(&peer) {
            row.standing = Standing::Live(conn);
        }
        self.order(conn, Order::Interested(true));
        self.emit(now, Event::Interested { peer, by: Side::Us, interested: true });
    }

    pub(super) fn order(&mut self, conn: ConnKey, order: Order) {
        self.actions.push_back(super::Action::Order(conn, order));
    }

    pub(super) fn close(&mut self, conn: ConnKey, cause: Cause) {
        if let Some(live) = self.live.get_mut(&conn)
            && !std::mem::replace(&mut live.closing, true)
        {
            self.awaited.remove(&(live.until, conn));
            self.order(conn, Order::Close(cause));
        }
    }

    pub(super) fn news(&mut self, now: At, conn: ConnKey, news: News) {
        let Some(live) = self.live.get(&conn) else { return };
        let peer = live.peer;
        match news {
            News::Choked => self.choked(now, conn, true),
            News::Unchoked => self.choked(now, conn, false),
            News::Interested(interested) => {
                self.emit(now, Event::Interested { peer, by: Side::Them, interested });
            }
            News::Has(pieces) => self.has(now, conn, pieces),
            News::Have(pieces) => self.has_more(now, conn, &pieces),
            News::Introduced(info) => {
                let listen_port = info.listen_port;
                self.emit(now, Event::Introduced { peer, info });
                self.listens(now, conn, listen_port);
            }
            News::Sample(sample) => self.emit(now, Event::PeerSample { peer, sample }),
            News::Window { .. } | News::AllowedFast(_) | News::Rejected(_) | News::Traffic { .. } => {}
        }
    }

    fn choked(&mut self, now: At, conn: ConnKey, choking: bool) {
        let Some(live) = self.live.get_mut(&conn) else { return };
        live.unchoked = !choking;
        let (peer, until) = (live.peer, live.until.max(now + AFTER_UNCHOKE));
        // Once: who chokes and unchokes in turns buys no time with it.
        if !choking && !std::mem::replace(&mut live.unchoked_before, true) {
            self.await_until(conn, Some(until));
        }
        self.emit(now, Event::Choking { peer, by: Side::Them, choking });
        self.ask(conn);
    }

    fn has(&mut self, now: At, conn: ConnKey, pieces: Bitfield) {
        let Some(live) = self.live.get_mut(&conn) else { return };
        live.has = Some(pieces.clone());
        let peer = live.peer;
        self.emit(now, Event::Has { peer, pieces: Arc::new(pieces) });
        self.ask(conn);
    }

    fn has_more(&mut self, now: At, conn: ConnKey, pieces: &[PieceIndex]) {
        let count = self.geometry.piece_count();
        let Some(live) = self.live.get_mut(&conn) else { return };
        let has = live.has.get_or_insert_with(|| Bitfield::empty(count));
        let peer = live.peer;
        for &piece in pieces {
            has.set(piece);
        }
        for &piece in pieces {
            self.emit(now, Event::Have { peer, piece });
        }
        self.ask(conn);
    }

    /// Asks for a piece that it has, or again for what a choke took back.
    fn ask(&mut self, conn: ConnKey) {
        let geometry = self.geometry;
        let Some(live) = self.live.get_mut(&conn) else { return };
        if !live.unchoked || live.closing {
            return;
        }
        let asked = match &live.asked {
            Some(asked) => asked.missing.iter().copied().collect(),
            None => {
                let Some(has) = live.has.as_ref().filter(|has| !has.is_empty()) else { return };
                let from = self.random.u32(..geometry.piece_count());
                let pieces = (from..geometry.piece_count()).chain(0..from);
                let Some(piece) = pieces.filter_map(|n| geometry.piece(n)).find(|piece| has.has(*piece))
                else {
                    return;
                };
                let whole = geometry.length_of(piece) <= WHOLE_PIECE_BYTES;
                let blocks = geometry.blocks_of(piece).take(if whole { usize::MAX } else { 1 });
                let blocks: Vec<BlockRef> = blocks.collect();
                live.asked = Some(Asked { piece, missing: blocks.iter().copied().collect() });
                blocks
            }
        };
        if !asked.is_empty() {
            self.order(conn, Order::Grant(asked));
        }
    }

    /// A block came. False when it was here already, or nobody wanted it.
    pub fn block_arrived(&mut self, now: At, conn: ConnKey, block: BlockRef) -> bool {
        let Some(live) = self.live.get_mut(&conn) else { return false };
        let Some(asked) = &mut live.asked else { return false };
        if !asked.missing.remove(&block) {
            return false;
        }
        let done = asked.missing.is_empty() && self.geometry.length_of(asked.piece) > WHOLE_PIECE_BYTES;
        let (peer, first) = (live.peer, !std::mem::replace(&mut live.first_block, true));
        live.answered = true;
        if first {
            self.await_until(conn, Some(now + REST_OF_PIECE));
            self.emit(now, Event::FirstBlock { peer });
        }
        if done {
            self.await_until(conn, None);
        }
        true
    }

    fn await_until(&mut self, conn: ConnKey, until: Option<At>) {
        let Some(live) = self.live.get_mut(&conn) else { return };
        let was_awaited = self.awaited.remove(&(live.until, conn));
        if let Some(until) = until.filter(|_| was_awaited) {
            live.until = until;
            self.awaited.insert((until, conn));
        }
    }

    pub(super) fn hashed(&mut self, now: At, conn: ConnKey, good: bool) {
        let Some(Live { asked: Some(asked), peer, .. }) = self.live.get(&conn) else { return };
        let (piece, peer) = (asked.piece, *peer);
        self.await_until(conn, None);
        if !good {
            self.emit(now, Event::PieceFailed { piece, from: vec![peer] });
            self.close(conn, Cause::HashFailures);
        }
    }

    pub(super) fn closed(&mut self, now: At, conn: ConnKey, end: Closed) {
        let Some(live) = self.live.remove(&conn) else { return };
        self.awaited.remove(&(live.until, conn));
        if self.ending.is_some() && end.cause == Cause::Shutdown {
            // It was live to the end; only what went over its connection is news.
            let Closed { bytes_in, bytes_out, .. } = end;
            return self.emit(now, Event::Traffic { peer: live.peer, bytes_in, bytes_out });
        }
        if let Some(row) = self.rows.get_mut(&live.peer) {
            row.standing = Standing::Over;
        }
        self.emit(now, ended(live.peer, end));
    }

    /// The end waits no longer for connections that do not close.
    pub(super) fn give_up(&mut self, now: At) {
        for live in std::mem::take(&mut self.live).into_values().filter(|live| !live.answered) {
            self.emit(now, ended(live.peer, not_answered(0)));
        }
    }
}
