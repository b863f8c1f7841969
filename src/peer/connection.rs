//! What is said on a connection after the handshake and what it means: messages in, messages out, news.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::choke_flood::ChokeFlood;
use super::exchange::{Exchange, PEX_MESSAGE};
use super::haves::HaveLog;
use super::output::Output;
use super::upload::{OFFERED_REQQ, Upload};
use super::{Arrival, Fault, News, Order, Window};
use crate::event::{At, Cause, PeerSample};
use crate::metainfo::{Bitfield, BlockRef, Geometry, PieceIndex};
use crate::wire::{BlockSpec, ExtensionHandshake, MAX_REQUEST, Message, OUR_NAME, PEX_NAME, Reserved};

/// A peer that says nothing for this long is let go: clients send keep-alives every two minutes.
pub const IDLE_AFTER: At = At::from_secs(150);
/// A connection looks this often at what went by.
const TICK: At = At::from_secs(1);
/// We say something at least this often.
const KEEP_ALIVE_AFTER: At = At::from_secs(100);
/// Answers that a peer makes us write and does not read.
const MOST_UNREAD_BYTES: usize = 1024 * 1024;
/// Pieces remembered that the peer sends while it chokes us; far more than anybody names.
const MOST_FAST: usize = 64;
/// A peer may correct its extension handshake so often.
const MOST_EXTENSION_HANDSHAKES: u8 = 8;

/// What all connections of a torrent say of us.
#[derive(Debug)]
pub struct Ours {
    /// The torrent's lengths.
    pub geometry: Geometry,
    /// What we have.
    pub haves: HaveLog,
    /// What the extension handshake says of us; that we want nothing any more is added where it is so.
    pub introduction: ExtensionHandshake,
    /// Payload sent over all connections, bytes: to the byte and to the moment, as trackers are told it.
    pub sent_bytes: AtomicU64,
    /// A peer that says nothing for this long is let go.
    pub idle_after: Duration,
}

impl Ours {
    /// Where nothing was sent yet, and every peer has the usual time.
    pub fn new(geometry: Geometry, have: Bitfield, introduction: ExtensionHandshake) -> Self {
        let (haves, sent_bytes) = (HaveLog::new(have), AtomicU64::new(0));
        Self { geometry, haves, introduction, sent_bytes, idle_after: IDLE_AFTER }
    }
}

/// What we say of ourselves where we are called on this port, and take it that peers name others or not.
pub fn introduction(listen_port: Option<u16>, pex: bool) -> ExtensionHandshake {
    ExtensionHandshake {
        messages: pex.then(|| (PEX_NAME.to_owned(), PEX_MESSAGE)).into_iter().collect(),
        client: Some(OUR_NAME.to_owned()),
        listen_port,
        reqq: Some(OFFERED_REQQ),
        ..ExtensionHandshake::default()
    }
}

/// What it has, as far as it said.
#[derive(Debug)]
enum Theirs {
    /// Nothing was said yet.
    Unsaid,
    Some(Bitfield),
    /// Everything; kept apart because of what a bitfield takes.
    All,
}

/// One connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    ours: Arc<Ours>,
    fast: bool,
    extended: bool,
    /// What we asked for.
    window: Window,
    /// What is to be sent.
    output: Output,
    /// What it asked us for.
    upload: Upload,
    am_choking: bool,
    am_interested: bool,
    peer_choking: bool,
    peer_interested: bool,
    theirs: Theirs,
    /// Pieces it may ask for while we choke it, and how many bytes of each it may have yet (BEP 6).
    allowed: Vec<(PieceIndex, u64)>,
    /// Pieces that it sends while it chokes us.
    fast_pieces: BTreeSet<PieceIndex>,
    /// It was told that we want nothing any more.
    told_upload_only: bool,
    extension_handshakes: u8,
    exchange: Exchange,
    choke_flood: ChokeFlood,
    /// How far it was told what we have.
    told: usize,
    said_anything: bool,
    /// When a whole message came, or more of a block: the bytes of a message that never ends are as good as silence.
    heard: At,
    spoke: At,
    spoken_bytes: u64,
    /// Bytes of blocks that came, those of a block under way as well.
    down_bytes: u64,
    /// Blocks that came and were not told of.
    blocks: usize,
    haves: Vec<PieceIndex>,
    rejected: Vec<BlockRef>,
    requests: Vec<BlockRef>,
    news: Vec<News>,
    sampled: Sampled,
}

/// Where the counters stood at the last sample.
#[derive(Debug, Default)]
struct Sampled {
    at: At,
    down_bytes: u64,
    up_bytes: u64,
}

impl Connection {
    /// Begins: what we have, then who we are.
    pub fn new(ours: Arc<Ours>, reserved: Reserved, now: At) -> Self {
        let (have, told) = ours.haves.snapshot();
        let mut connection = Self {
            fast: reserved.fast(),
            extended: reserved.extension_protocol(),
            window: Window::new(),
            output: Output::default(),
            upload: Upload::default(),
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            theirs: Theirs::Unsaid,
            allowed: Vec::new(),
            fast_pieces: BTreeSet::new(),
            told_upload_only: false,
            extension_handshakes: 0,
            exchange: Exchange::default(),
            choke_flood: ChokeFlood::default(),
            told,
            said_anything: false,
            heard: now,
            spoke: now,
            spoken_bytes: 0,
            down_bytes: 0,
            blocks: 0,
            haves: Vec::new(),
            rejected: Vec::new(),
            requests: Vec::new(),
            news: Vec::new(),
            sampled: Sampled { at: now, ..Sampled::default() },
            ours,
        };
        if connection.fast && have.is_full() {
            connection.output.push(&Message::HaveAll);
        } else if connection.fast && have.is_empty() {
            connection.output.push(&Message::HaveNone);
        } else if !have.is_empty() {
            connection.output.push(&Message::Bitfield(have.to_bytes().into()));
        }
        connection.introduce(have.is_full());
        connection
    }

    /// Says who we are, and whether we want nothing any more (BEP 21).
    fn introduce(&mut self, upload_only: bool) {
        if self.extended {
            let upload_only = upload_only.then_some(true);
            let ours = ExtensionHandshake { upload_only, ..self.ours.introduction.clone() };
            self.output.push(&Message::Extended { id: 0, payload: ours.encode().into() });
        }
        self.told_upload_only = upload_only;
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
        &self.window
    }

    /// What is to be sent.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What it asked us for.
    pub fn upload(&self) -> &Upload {
        &self.upload
    }

    /// What it asked us for, and where the blocks go: reading them is for others.
    pub fn serve(&mut self) -> (&mut Upload, &mut Output) {
        (&mut self.upload, &mut self.output)
    }

    /// Bytes of blocks came; of the block that is under way `begun_bytes` are here now.
    pub fn progressed(&mut self, now: At, bytes: u64, begun_bytes: u32) {
        self.heard = now;
        self.down_bytes += bytes;
        self.window.progressed(now, bytes, begun_bytes);
    }

    /// Does what the swarm wants; a wish to close is returned.
    pub fn order(&mut self, now: At, order: Order) -> Option<Cause> {
        match order {
            // A grant that crosses a choke is void: the swarm hears of the choke and counts it as back. But some pieces
            // it sends all the same.
            Order::Grant(blocks) if !self.peer_choking => self.window.grant(blocks),
            Order::Grant(blocks) => {
                let fast = |block: &BlockRef| self.fast_pieces.contains(&block.piece());
                self.window.grant(blocks.into_iter().filter(fast));
            }
            Order::Revoke(blocks) => {
                for block in self.window.revoke(now, &blocks) {
                    self.output.push(&Message::Cancel(self.spec_of(block)));
                }
            }
            Order::Choke(choking) => self.choke(choking),
            Order::AllowFast(pieces) => self.allow_fast(&pieces),
            Order::Interested(interested) => {
                if interested != self.am_interested {
                    self.am_interested = interested;
                    self.upload.set_whole(interested);
                    self.output.push(if interested { &Message::Interested } else { &Message::NotInterested });
                }
            }
            Order::Name(pex) => {
                self.exchange.message(&pex).into_iter().for_each(|message| self.output.push(&message))
            }
            Order::Hold(held) => {
                self.window.set_held(held);
                self.upload.set_held(held);
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
        (self.said_anything, self.heard) = (true, now);
        match self.window.received(now, block) {
            Arrival::Requested | Arrival::Late => {
                self.blocks += 1;
                Ok(true)
            }
            Arrival::Again | Arrival::Stray => Ok(false),
            Arrival::Unrequested => {
                let detail = "it sends again and again what it has sent";
                Err(Fault::new(Cause::UnrequestedBlock, detail))
            }
        }
    }

    /// Takes a message.
    ///
    /// # Errors
    ///
    /// When the peer breaks the protocol.
    pub fn message(&mut self, now: At, message: Message) -> Result<(), Fault> {
        (self.said_anything, self.heard) = (true, now);
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
                if self.fast && self.fast_pieces.len() < MOST_FAST && self.fast_pieces.insert(piece) {
                    self.news.push(News::AllowedFast(piece));
                }
            }
            Message::Unknown { .. } | Message::Piece(_) => {}
            Message::Choke => self.choked(now),
            Message::Unchoke => {
                if std::mem::replace(&mut self.peer_choking, false) {
                    self.news.push(News::Unchoked);
                }
            }
            Message::Interested => self.interested(true),
            Message::NotInterested => self.interested(false),
            Message::Have(piece) => self.have(piece)?,
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
            Message::Request(spec) => self.request(spec)?,
            Message::Cancel(spec) => {
                if self.upload.cancel(spec, &mut self.output) && self.fast {
                    self.output.push(&Message::Reject(spec));
                }
            }
            Message::Reject(spec) => self.reject(now, spec)?,
            Message::Extended { id: 0, payload } => self.extension_handshake(&payload)?,
            Message::Extended { id, payload } => {
                if self.ours.introduction.id_of(PEX_NAME) == Some(id) {
                    let fault =
                        |error| Fault::new(Cause::BadExtensionMessage, format!("peer exchange: {error}"));
                    self.news.extend(self.exchange.hear(now, &payload).map_err(fault)?.map(News::Named));
                }
            }
        }
        if self.output.small_bytes() > MOST_UNREAD_BYTES {
            return Err(Fault::new(Cause::RequestFlood, "it makes us answer and does not read the answers"));
        }
        Ok(())
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> At {
        self.sampled.at + TICK
    }

    /// A second went by.
    ///
    /// # Errors
    ///
    /// When the peer has said nothing for too long.
    pub fn tick(&mut self, now: At) -> Result<(), Fault> {
        self.has_nothing_unless_said();
        self.upload.tick();
        self.choke_flood.tick();
        self.window.tick(now);
        self.sample(now);
        self.tell_haves();
        if std::mem::replace(&mut self.spoken_bytes, self.output.bytes()) != self.output.bytes() {
            self.spoke = now;
        }
        if self.output.is_empty() && now.saturating_sub(self.spoke) >= KEEP_ALIVE_AFTER {
            self.output.push(&Message::KeepAlive);
        }
        if self.am_interested && (!self.window.is_idle() || (!self.peer_choking && self.window.is_short())) {
            self.report_window(now);
        }
        if now.saturating_sub(self.heard) >= self.ours.idle_after {
            return Err(Fault { cause: Cause::IdleTimeout, detail: None });
        }
        Ok(())
    }

    /// Writes down the requests that are due, and what else goes with the same write.
    pub fn refill(&mut self, now: At) {
        if !self.peer_choking || !self.fast_pieces.is_empty() {
            self.window.refill(now, &mut self.requests);
            for block in std::mem::take(&mut self.requests) {
                self.output.push(&Message::Request(self.spec_of(block)));
            }
        }
        if !self.output.is_empty() {
            self.tell_haves();
        }
    }

    /// What the swarm is to hear, in order. Blocks come first, with the window as it stands.
    pub fn news(&mut self, now: At) -> std::vec::Drain<'_, News> {
        self.flush_blocks(now);
        if !self.haves.is_empty() {
            self.news.push(News::Have(std::mem::take(&mut self.haves)));
        }
        if !self.rejected.is_empty() {
            self.news.push(News::Rejected(std::mem::take(&mut self.rejected)));
        }
        self.news.drain(..)
    }

    fn flush_blocks(&mut self, now: At) {
        if self.blocks > 0 {
            self.report_window(now);
        }
    }

    fn report_window(&mut self, now: At) {
        let blocks = std::mem::take(&mut self.blocks);
        self.news.push(News::Window { blocks, window: self.window.state(now) });
    }

    fn choke(&mut self, choking: bool) {
        if choking == self.am_choking {
            return;
        }
        self.am_choking = choking;
        if !choking {
            self.output.push(&Message::Unchoke);
            return;
        }
        self.output.push(&Message::Choke);
        self.forget_requests(Self::is_allowed);
    }

    /// Refuses what it asked for and did not begin to get, less what it `may` have all the same.
    fn forget_requests(&mut self, may: impl Fn(&mut Self, PieceIndex, u32) -> bool) {
        for spec in self.upload.forget(&mut self.output) {
            let piece = self.ours.geometry.piece(spec.index).filter(|&piece| may(self, piece, spec.length));
            let kept = piece.is_some_and(|piece| self.upload.request(piece, spec).is_ok());
            if self.fast && !kept {
                self.output.push(&Message::Reject(spec));
            }
        }
    }

    /// It may ask for these pieces while we choke it, for each once, and for no others.
    fn allow_fast(&mut self, pieces: &[PieceIndex]) {
        let geometry = self.ours.geometry;
        for (piece, left_bytes) in &mut self.allowed {
            if !pieces.contains(piece) {
                *left_bytes = 0;
            }
        }
        for &piece in pieces.iter().filter(|_| self.fast) {
            if !self.allowed.iter().any(|(known, _)| *known == piece) {
                self.output.push(&Message::AllowedFast(piece.number()));
                self.allowed.push((piece, u64::from(geometry.length_of(piece))));
            }
        }
        if self.am_choking && self.allowed.iter().any(|(known, _)| !pieces.contains(known)) {
            self.forget_requests(|_, piece, _| pieces.contains(&piece));
        }
    }

    /// Whether so much of the piece may be asked for in spite of our choke. It is counted.
    fn is_allowed(&mut self, piece: PieceIndex, length: u32) -> bool {
        let left_bytes = self.allowed.iter_mut().find(|(known, _)| *known == piece).map(|(_, left)| left);
        let after = left_bytes.as_ref().and_then(|left| left.checked_sub(u64::from(length)));
        left_bytes.zip(after).map(|(left, after)| *left = after).is_some()
    }

    fn choked(&mut self, now: At) {
        if std::mem::replace(&mut self.peer_choking, true) {
            return;
        }
        self.flush_blocks(now);
        self.window.choke(now);
        // They are among what the choke gives back.
        self.rejected.clear();
        self.news.push(News::Choked);
    }

    fn interested(&mut self, interested: bool) {
        if interested != self.peer_interested {
            self.peer_interested = interested;
            self.news.push(News::Interested(interested));
        }
    }

    fn has_nothing_unless_said(&mut self) {
        if matches!(self.theirs, Theirs::Unsaid) {
            let nothing = Bitfield::empty(self.ours.geometry.piece_count());
            self.theirs = Theirs::Some(nothing.clone());
            self.news.push(News::Has(nothing));
        }
    }

    fn has(&mut self, pieces: Bitfield) {
        let geometry = self.ours.geometry;
        match &mut self.theirs {
            Theirs::Unsaid => {
                self.theirs = if pieces.is_full() { Theirs::All } else { Theirs::Some(pieces.clone()) };
                self.news.push(News::Has(pieces));
            }
            // Late or again, as aria2 does in place of many HAVEs: what it adds counts.
            Theirs::Some(known) => {
                let fresh = pieces.numbers().filter_map(|number| geometry.piece(number));
                self.haves.extend(fresh.filter(|&piece| known.set(piece)));
            }
            Theirs::All => {}
        }
    }

    fn have(&mut self, piece: u32) -> Result<(), Fault> {
        let piece = self.piece(piece)?;
        if let Theirs::Some(known) = &mut self.theirs {
            if known.set(piece) {
                self.haves.push(piece);
            }
            if known.is_full() {
                self.theirs = Theirs::All;
            }
        }
        Ok(())
    }

    fn request(&mut self, spec: BlockSpec) -> Result<(), Fault> {
        let piece = self.piece(spec.index)?;
        let end = u64::from(spec.begin) + u64::from(spec.length);
        let piece_bytes = self.ours.geometry.length_of(piece);
        if spec.length == 0 || spec.length > MAX_REQUEST || end > u64::from(piece_bytes) {
            let detail =
                format!("a request for {} bytes at {} of piece {}", spec.length, spec.begin, spec.index);
            return Err(Fault::new(Cause::BadMessage, detail));
        }
        if !self.ours.haves.has(piece) || (self.am_choking && !self.is_allowed(piece, spec.length)) {
            self.upload.refuse()?;
            if self.fast {
                self.output.push(&Message::Reject(spec));
            }
            return Ok(());
        }
        Ok(self.upload.request(piece, spec)?)
    }

    fn reject(&mut self, now: At, spec: BlockSpec) -> Result<(), Fault> {
        let piece = self.piece(spec.index)?;
        let block = self.ours.geometry.block_at(piece.number(), spec.begin);
        // Of blocks that were cancelled or voided meanwhile nobody waits for news.
        if let Some(block) = block.filter(|&block| self.window.reject(now, block)) {
            self.rejected.push(block);
        }
        Ok(())
    }

    fn extension_handshake(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let theirs = ExtensionHandshake::decode(payload).map_err(|error| {
            Fault::new(Cause::BadExtensionMessage, format!("extension handshake: {error}"))
        })?;
        self.extension_handshakes += 1;
        if self.extension_handshakes > MOST_EXTENSION_HANDSHAKES {
            return Err(Fault::new(Cause::BadExtensionMessage, "it introduces itself again and again"));
        }
        if let Some(reqq) = theirs.reqq {
            self.window.set_reqq(reqq);
        }
        self.exchange.introduced(&theirs);
        self.news.push(News::Introduced(theirs.into()));
        Ok(())
    }

    fn tell_haves(&mut self) {
        if !self.ours.haves.has_news(self.told) {
            return;
        }
        let Self { ours, told, theirs, output, .. } = self;
        ours.haves.tell(told, |piece| {
            let knows = match theirs {
                Theirs::Unsaid => false,
                Theirs::Some(pieces) => pieces.has(piece),
                Theirs::All => true,
            };
            if !knows {
                output.push(&Message::Have(piece.number()));
            }
        });
        if !self.told_upload_only && self.ours.haves.is_full() {
            self.introduce(true);
        }
    }

    /// Counts what went over the line since the last sample, if anything did: no second follows any more.
    pub fn sample_rest(&mut self, now: At) {
        let counted = (self.sampled.down_bytes, self.sampled.up_bytes);
        if counted != (self.down_bytes, self.output.payload_bytes()) {
            self.sample(now);
        }
    }

    /// Tells the bytes that went over the connection so far.
    pub fn tell_traffic(&mut self, bytes_in: u64, bytes_out: u64) {
        self.news.push(News::Traffic { bytes_in, bytes_out });
    }

    fn sample(&mut self, now: At) {
        let (down_bytes, up_bytes) = (self.down_bytes, self.output.payload_bytes());
        let passed_ms = now.saturating_sub(self.sampled.at).as_millis().max(1) as u64;
        let bps = |bytes: u64| bytes.saturating_mul(1000) / passed_ms;
        let window = self.window.state(now);
        self.news.push(News::Sample(PeerSample {
            down_bps: bps(down_bytes - self.sampled.down_bytes),
            up_bps: bps(up_bytes - self.sampled.up_bytes),
            down_bytes,
            up_bytes,
            requests_out: window.outstanding,
            request_target: window.target,
            oldest_request_ms: window.oldest_request_ms,
            latency_ms: window.round_trip_ms,
        }));
        self.sampled = Sampled { at: now, down_bytes, up_bytes };
    }

    fn piece(&self, number: u32) -> Result<PieceIndex, Fault> {
        let geometry = self.ours.geometry;
        geometry.piece(number).ok_or_else(|| {
            let detail = format!("piece {number}, where the torrent has {}", geometry.piece_count());
            Fault::new(Cause::PieceOutOfRange, detail)
        })
    }

    fn spec_of(&self, block: BlockRef) -> BlockSpec {
        let length = self.ours.geometry.block_length(block);
        BlockSpec { index: block.piece().number(), begin: block.begin(), length }
    }
}
