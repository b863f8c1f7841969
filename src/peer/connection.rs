//! What is said on a connection after the handshake and what it means: messages in, messages out, news.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::asking::Asking;
use super::choke_flood::ChokeFlood;
use super::output::Output;
use super::pulse::Pulse;
use super::serving::Serving;
use super::theirs::Theirs;
use super::told::Told;
use super::upload::Upload;
use super::{Fault, News, Order, Ours, Window};
use crate::event::{At, Cause};
use crate::metainfo::{Bitfield, BlockRef, PieceIndex};
use crate::wire::{BlockSpec, ExtensionHandshake, Message, Reserved};

/// Answers that a peer makes us write and does not read.
const MOST_UNREAD_BYTES: usize = 1024 * 1024;
/// A peer may correct its extension handshake so often.
const MOST_EXTENSION_HANDSHAKES: u8 = 8;

/// One connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    ours: Arc<Ours>,
    fast: bool,
    /// What we asked for.
    asking: Asking,
    /// What it asked us for.
    serving: Serving,
    /// What is to be sent.
    output: Output,
    theirs: Theirs,
    told: Told,
    pulse: Pulse,
    peer_interested: bool,
    extension_handshakes: u8,
    choke_flood: ChokeFlood,
    said_anything: bool,
    news: Vec<News>,
}

impl Connection {
    /// Begins: what we have, then who we are.
    pub fn new(ours: Arc<Ours>, reserved: Reserved, now: At) -> Self {
        let mut output = Output::default();
        Self {
            fast: reserved.fast(),
            asking: Asking::new(),
            serving: Serving::new(reserved.fast()),
            theirs: Theirs::new(),
            told: Told::begin(&ours, reserved, &mut output),
            output,
            pulse: Pulse::new(now),
            peer_interested: false,
            extension_handshakes: 0,
            choke_flood: ChokeFlood::default(),
            said_anything: false,
            news: Vec::new(),
            ours,
        }
    }

    /// So many bytes of the output were written.
    pub fn sent(&mut self, n: usize) {
        let before = self.output.payload_bytes();
        self.output.advance(n);
        let payload = self.output.payload_bytes() - before;
        if payload > 0 {
            self.ours.sent_bytes.fetch_add(payload, Ordering::Relaxed);
        }
    }

    /// Whether any message came.
    pub fn said_anything(&self) -> bool {
        self.said_anything
    }

    /// What we asked for.
    pub fn window(&self) -> &Window {
        self.asking.window()
    }

    /// What is to be sent.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What it asked us for.
    pub fn upload(&self) -> &Upload {
        self.serving.upload()
    }

    /// What it asked us for, and where the blocks go: reading them is for others.
    pub fn serve(&mut self) -> (&mut Upload, &mut Output) {
        (self.serving.upload_mut(), &mut self.output)
    }

    /// Bytes of blocks came; of the block that is under way `begun_bytes` are here now.
    pub fn progressed(&mut self, now: At, bytes: u64, begun_bytes: u32) {
        self.pulse.hears(now, bytes);
        self.asking.progressed(now, bytes, begun_bytes);
    }

    /// Does what the swarm wants; a wish to close is returned.
    pub fn order(&mut self, now: At, order: Order) -> Option<Cause> {
        let (geometry, output) = (self.ours.geometry, &mut self.output);
        match order {
            Order::Grant(blocks) => self.asking.grant(blocks),
            Order::Revoke(blocks) => self.asking.revoke(now, &blocks, geometry, output),
            Order::Choke(choking) => self.serving.choke(choking, geometry, output),
            Order::AllowFast(pieces) => self.serving.allow_fast(&pieces, geometry, output),
            Order::Interested(interested) => {
                if self.asking.interested(interested, output) {
                    self.serving.upload_mut().set_whole(interested);
                }
            }
            Order::Hold(held) => {
                self.asking.hold(held);
                self.serving.upload_mut().set_held(held);
            }
            Order::Close(cause) => return Some(cause),
        }
        None
    }

    /// A whole block came; whether it is of use.
    ///
    /// # Errors
    ///
    /// When the peer sends too much that nobody asked for.
    pub fn block(&mut self, now: At, block: BlockRef) -> Result<bool, Fault> {
        self.said_anything = true;
        self.pulse.hears(now, 0);
        self.asking.block(now, block)
    }

    /// Takes a message.
    ///
    /// # Errors
    ///
    /// When the peer breaks the protocol.
    pub fn message(&mut self, now: At, message: Message) -> Result<(), Fault> {
        self.said_anything = true;
        self.pulse.hears(now, 0);
        let says_what_it_has = matches!(message, Message::Bitfield(_) | Message::HaveAll | Message::HaveNone);
        // Some clients introduce themselves before they say what they have.
        if !says_what_it_has
            && !matches!(message, Message::KeepAlive | Message::Extended { .. } | Message::Port(_))
        {
            self.has_nothing_unless_said();
        }
        if matches!(message, Message::Choke | Message::Unchoke | Message::Interested | Message::NotInterested)
        {
            self.choke_flood.changed()?;
        }
        match message {
            Message::KeepAlive | Message::Port(_) | Message::Suggest(_) => {}
            Message::AllowedFast(piece) => {
                let piece = self.piece(piece)?;
                if self.fast && self.asking.allowed_fast(piece) {
                    self.news.push(News::AllowedFast(piece));
                }
            }
            Message::Unknown { .. } | Message::Piece(_) => {}
            Message::Choke => self.asking.choked(now, &mut self.news),
            Message::Unchoke => {
                if self.asking.unchoked() {
                    self.news.push(News::Unchoked);
                }
            }
            Message::Interested => self.interested(true),
            Message::NotInterested => self.interested(false),
            Message::Have(piece) => self.theirs.gains(self.piece(piece)?),
            Message::Bitfield(bytes) => {
                let count = self.ours.geometry.piece_count();
                let Some(pieces) = Bitfield::from_bytes(&bytes, count) else {
                    let detail = format!("{} bytes for {count} pieces, or spare bits set", bytes.len());
                    return Err(Fault::new(Cause::BadBitfield, detail));
                };
                self.has(pieces);
            }
            Message::HaveAll => self.has(Bitfield::full(self.ours.geometry.piece_count())),
            Message::HaveNone => self.has(Bitfield::empty(self.ours.geometry.piece_count())),
            Message::Request(spec) => {
                let piece = self.piece(spec.index)?;
                self.serving.request(piece, spec, &self.ours, &mut self.output)?;
            }
            Message::Cancel(spec) => self.serving.cancel(spec, &mut self.output),
            Message::Reject(spec) => self.reject(now, spec)?,
            Message::Extended { id: 0, payload } => self.extension_handshake(&payload)?,
            Message::Extended { .. } => {}
        }
        if self.output.small_bytes() > MOST_UNREAD_BYTES {
            return Err(Fault::new(Cause::RequestFlood, "it makes us answer and does not read the answers"));
        }
        Ok(())
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> At {
        self.pulse.deadline()
    }

    /// A second went by.
    ///
    /// # Errors
    ///
    /// When the peer has said nothing for too long.
    pub fn tick(&mut self, now: At) -> Result<(), Fault> {
        self.has_nothing_unless_said();
        self.serving.upload_mut().tick();
        self.choke_flood.tick();
        let window = self.asking.tick(now);
        self.sample(now);
        self.tell_haves();
        if self.pulse.keeps_alive(now, &self.output) {
            self.output.push(&Message::KeepAlive);
        }
        self.news.extend(window);
        if self.pulse.silence(now) >= self.ours.idle_after {
            return Err(Fault { cause: Cause::IdleTimeout, detail: None });
        }
        Ok(())
    }

    /// Writes down the requests that are due, and what else goes with the same write.
    pub fn refill(&mut self, now: At) {
        self.asking.refill(now, self.ours.geometry, &mut self.output);
        if !self.output.is_empty() {
            self.tell_haves();
        }
    }

    /// What the swarm is to hear, in order. Blocks come first, with the window as it stands.
    pub fn news(&mut self, now: At) -> std::vec::Drain<'_, News> {
        self.news.extend(self.asking.blocks(now));
        self.news.extend(self.theirs.news());
        self.news.extend(self.asking.rejected());
        self.news.drain(..)
    }

    fn interested(&mut self, interested: bool) {
        if interested != self.peer_interested {
            self.peer_interested = interested;
            self.news.push(News::Interested(interested));
        }
    }

    fn has_nothing_unless_said(&mut self) {
        self.news.extend(self.theirs.nothing_unless_said(self.ours.geometry));
    }

    fn has(&mut self, pieces: Bitfield) {
        self.news.extend(self.theirs.says(self.ours.geometry, pieces));
    }

    fn reject(&mut self, now: At, spec: BlockSpec) -> Result<(), Fault> {
        let piece = self.piece(spec.index)?;
        let block = self.ours.geometry.block_at(piece.number(), spec.begin);
        block.into_iter().for_each(|block| self.asking.reject(now, block));
        Ok(())
    }

    fn extension_handshake(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let theirs = ExtensionHandshake::decode(payload)
            .map_err(|error| Fault::new(Cause::BadExtensionMessage, error.to_string()))?;
        self.extension_handshakes += 1;
        if self.extension_handshakes > MOST_EXTENSION_HANDSHAKES {
            return Err(Fault::new(Cause::BadExtensionMessage, "it introduces itself again and again"));
        }
        if let Some(reqq) = theirs.reqq {
            self.asking.queues(reqq);
        }
        self.news.push(News::Introduced(theirs.into()));
        Ok(())
    }

    fn tell_haves(&mut self) {
        self.told.go_on(&self.ours, &self.theirs, &mut self.output);
    }

    /// Counts what went over the line since the last sample, if anything did: no second follows any more.
    pub fn sample_rest(&mut self, now: At) {
        if self.pulse.is_uncounted(&self.output) {
            self.sample(now);
        }
    }

    /// Tells the bytes that went over the connection so far.
    pub fn tell_traffic(&mut self, bytes_in: u64, bytes_out: u64) {
        self.news.push(News::Traffic { bytes_in, bytes_out });
    }

    fn sample(&mut self, now: At) {
        self.news.push(self.pulse.sample(now, &self.output, self.asking.window().state(now)));
    }

    fn piece(&self, number: u32) -> Result<PieceIndex, Fault> {
        let geometry = self.ours.geometry;
        geometry.piece(number).ok_or_else(|| {
            let detail = format!("piece {number}, where the torrent has {}", geometry.piece_count());
            Fault::new(Cause::PieceOutOfRange, detail)
        })
    }
}
