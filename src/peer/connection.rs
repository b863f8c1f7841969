//! What is said on a connection after the handshake and what it means: messages in, messages out, news.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::asking::Asking;
use super::choke_flood::ChokeFlood;
use super::exchange::Exchange;
use super::holepunch::Punching;
use super::metadata::Metadata;
use super::output::Output;
use super::pulse::Pulse;
use super::raw::Raw;
use super::serving::Serving;
use super::theirs::Theirs;
use super::told::Told;
use super::upload::Upload;
use super::{Fault, Holdings, News, Order, Ours, Window};
use crate::event::{At, Cause, StreamFigures};
use crate::metainfo::{Bitfield, BlockRef, Geometry, PieceIndex};
use crate::wire::{ExtensionHandshake, HOLEPUNCH_NAME, METADATA_NAME, Message, PEX_NAME, Reserved};

/// Answers that a peer makes us write and does not read.
const MOST_UNREAD_BYTES: usize = 1024 * 1024;
/// A peer may correct its extension handshake so often.
const MOST_EXTENSION_HANDSHAKES: u8 = 8;

/// One connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    ours: Arc<Ours>,
    /// What is known of the torrent with its geometry, if that is known.
    holdings: Option<Arc<Holdings>>,
    /// What the peer said of pieces before.
    raw: Raw,
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
    exchange: Exchange,
    punching: Punching,
    metadata: Metadata,
    choke_flood: ChokeFlood,
    said_anything: bool,
    /// It said where its DHT node is.
    said_port: bool,
    news: Vec<News>,
}

impl Connection {
    /// Begins: what we have, then who we are. Where the torrent's geometry is not known yet, we have nothing and ask for
    /// nothing until [`Order::Learn`].
    pub fn new(ours: Arc<Ours>, reserved: Reserved, now: At) -> Self {
        let (mut output, holdings) = (Output::default(), ours.holdings.get().cloned());
        Self {
            fast: reserved.fast(),
            asking: Asking::new(),
            serving: Serving::new(reserved.fast()),
            theirs: Theirs::new(),
            told: Told::begin(&ours, holdings.as_deref(), reserved, &mut output),
            output,
            pulse: Pulse::new(now),
            peer_interested: false,
            extension_handshakes: 0,
            exchange: Exchange::default(),
            punching: Punching::default(),
            metadata: Metadata::default(),
            choke_flood: ChokeFlood::default(),
            said_anything: false,
            said_port: false,
            news: Vec::new(),
            raw: Raw::default(),
            ours,
            holdings,
        }
    }

    /// The torrent's geometry is known from now on. What the peer said of pieces is checked and counts as if it came now.
    fn learn(&mut self, now: At) -> Result<(), Fault> {
        let Some(holdings) = self.ours.holdings.get().filter(|_| self.holdings.is_none()) else {
            return Ok(());
        };
        self.told.catch_up(&self.ours, holdings, &mut self.output);
        self.holdings = Some(Arc::clone(holdings));
        self.raw.take().into_iter().try_for_each(|message| self.take(now, message))
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

    /// Does what the swarm wants.
    ///
    /// # Errors
    ///
    /// Where the connection is to be closed: by its wish, or because what the peer said before does not fit the torrent.
    pub fn order(&mut self, now: At, order: Order) -> Result<(), Fault> {
        let (geometry, output) = (self.geometry(), &mut self.output);
        match (order, geometry) {
            (Order::Grant(blocks), Some(_)) => self.asking.grant(blocks),
            (Order::Revoke(blocks), Some(geometry)) => self.asking.revoke(now, &blocks, geometry, output),
            (Order::AllowFast(pieces), Some(geometry)) => self.serving.allow_fast(&pieces, geometry, output),
            // There are no pieces yet that they could be of.
            (Order::Grant(_) | Order::Revoke(_) | Order::AllowFast(_), None) => {}
            (Order::Choke(choking), geometry) => self.serving.choke(choking, geometry, output),
            (Order::Interested(interested), _) => {
                if self.asking.interested(interested, output) {
                    self.serving.upload_mut().set_whole(interested);
                }
            }
            (Order::Name(pex), _) => {
                self.exchange.message(&pex).into_iter().for_each(|message| output.push(&message));
            }
            (Order::Punch(said), _) => {
                self.punching.message(&said).into_iter().for_each(|message| output.push(&message));
            }
            (Order::AskMetadata { part }, _) => {
                self.news.extend(self.metadata.ask(part, output).map(News::Metadata));
            }
            (Order::Hold(held), _) => {
                self.asking.hold(held);
                self.metadata.hold(held);
                self.serving.upload_mut().set_held(held);
            }
            (Order::Learn, _) => return self.learn(now),
            (Order::Close(cause), _) => return Err(Fault { cause, detail: None }),
        }
        Ok(())
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
        if matches!(message, Message::Choke | Message::Unchoke | Message::Interested | Message::NotInterested)
        {
            self.choke_flood.changed()?;
        }
        self.take(now, message)?;
        if self.output.small_bytes() > MOST_UNREAD_BYTES {
            return Err(Fault::new(Cause::RequestFlood, "it makes us answer and does not read the answers"));
        }
        Ok(())
    }

    fn take(&mut self, now: At, message: Message) -> Result<(), Fault> {
        // Some clients introduce themselves before they say what they have.
        if !matches!(
            message,
            Message::Bitfield(_)
                | Message::HaveAll
                | Message::HaveNone
                | Message::KeepAlive
                | Message::Extended { .. }
                | Message::Port(_)
        ) {
            self.has_nothing_unless_said();
        }
        match message {
            Message::KeepAlive | Message::Suggest(_) | Message::Unknown { .. } => Ok(()),
            Message::Port(port) => {
                // It has one, whatever it says later.
                if self.ours.dht_port.is_some() && !std::mem::replace(&mut self.said_port, true) {
                    self.news.push(News::Node { port });
                }
                Ok(())
            }
            Message::Choke => {
                self.asking.choked(now, &mut self.news);
                Ok(())
            }
            Message::Unchoke => {
                if self.asking.unchoked() {
                    self.news.push(News::Unchoked);
                }
                Ok(())
            }
            Message::Interested | Message::NotInterested => {
                let interested = message == Message::Interested;
                if interested != std::mem::replace(&mut self.peer_interested, interested) {
                    self.news.push(News::Interested(interested));
                }
                Ok(())
            }
            Message::Extended { id: 0, payload } => self.extension_handshake(&payload),
            Message::Extended { id, payload } => self.extended(now, id, &payload),
            message => match self.geometry() {
                Some(geometry) => self.of_pieces(now, geometry, message),
                None => self.of_unknown_pieces(message),
            },
        }
    }

    /// Takes a message that names pieces.
    fn of_pieces(&mut self, now: At, geometry: Geometry, message: Message) -> Result<(), Fault> {
        let (count, output) = (geometry.piece_count(), &mut self.output);
        let news = match message {
            Message::Have(number) => {
                self.theirs.gains(piece(geometry, number)?);
                None
            }
            Message::Bitfield(bytes) => {
                let Some(pieces) = Bitfield::from_bytes(&bytes, count) else {
                    let detail = format!("{} bytes for {count} pieces, or spare bits set", bytes.len());
                    return Err(Fault::new(Cause::BadBitfield, detail));
                };
                self.theirs.says(geometry, pieces)
            }
            Message::HaveAll => self.theirs.says(geometry, Bitfield::full(count)),
            Message::HaveNone => self.theirs.says(geometry, Bitfield::empty(count)),
            Message::AllowedFast(number) => {
                let piece = piece(geometry, number)?;
                (self.fast && self.asking.allowed_fast(piece)).then_some(News::AllowedFast(piece))
            }
            Message::Request(spec) => {
                let piece = piece(geometry, spec.index)?;
                if let Some(holdings) = &self.holdings {
                    self.serving.request(piece, spec, holdings, output)?;
                }
                None
            }
            Message::Cancel(spec) => {
                self.serving.cancel(spec, output);
                None
            }
            Message::Reject(spec) => {
                let piece = piece(geometry, spec.index)?;
                let block = geometry.block_at(piece.number(), spec.begin);
                block.into_iter().for_each(|block| self.asking.reject(now, block));
                None
            }
            _ => None,
        };
        self.news.extend(news);
        Ok(())
    }

    /// The same where we do not know what pieces there are: we have none, and asked for none.
    fn of_unknown_pieces(&mut self, message: Message) -> Result<(), Fault> {
        match message {
            Message::Request(spec) => self.serving.refuse(spec, &mut self.output),
            Message::Cancel(_) | Message::Reject(_) => Ok(()),
            Message::Piece(_) => {
                Err(Fault::new(Cause::UnrequestedBlock, "nothing was asked for: no piece is known yet"))
            }
            message => self.raw.keep(message),
        }
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
        if let Some(geometry) = self.geometry() {
            self.asking.refill(now, geometry, &mut self.output);
        }
        if self.metadata.owes() {
            self.metadata.go_on(self.info().as_ref(), &mut self.output);
        }
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

    fn geometry(&self) -> Option<Geometry> {
        self.holdings.as_ref().map(|holdings| holdings.geometry)
    }

    fn has_nothing_unless_said(&mut self) {
        let nothing = self.geometry().and_then(|geometry| self.theirs.nothing_unless_said(geometry));
        self.news.extend(nothing);
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
            self.asking.queues(reqq);
        }
        self.exchange.introduced(&theirs);
        self.punching.introduced(&theirs);
        self.metadata.introduced(&theirs);
        let seen_at = theirs.your_ip.zip(self.ours.listen_port()).map(SocketAddr::from);
        self.news.extend(seen_at.map(News::SeenAt));
        self.news.push(News::Introduced(theirs.into()));
        Ok(())
    }

    /// A message of an extension, by the number that we gave it.
    fn extended(&mut self, now: At, id: u8, payload: &[u8]) -> Result<(), Fault> {
        let is = |name| self.ours.introduction.id_of(name) == Some(id);
        let news = if is(PEX_NAME) {
            let fault = |error| Fault::new(Cause::BadExtensionMessage, format!("peer exchange: {error}"));
            self.exchange.hear(now, payload).map_err(fault)?.map(News::Named)
        } else if is(HOLEPUNCH_NAME) {
            let fault = |error| Fault::new(Cause::BadExtensionMessage, format!("holepunch: {error}"));
            Punching::hear(payload).map_err(fault)?.map(News::Punch)
        } else if is(METADATA_NAME) {
            let info = self.info();
            self.metadata.hear(payload, info.as_ref(), &mut self.output)?.map(News::Metadata)
        } else {
            None
        };
        self.news.extend(news);
        Ok(())
    }

    /// The bytes of `info`, where peers may have them.
    fn info(&self) -> Option<Bytes> {
        self.holdings.as_ref()?.info.as_ref()?.here()
    }

    fn tell_haves(&mut self) {
        if let Some(holdings) = &self.holdings {
            self.told.go_on(&self.ours, holdings, &self.theirs, &mut self.output);
        }
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

    /// Tells how the uTP stream below it goes.
    pub fn tell_stream(&mut self, figures: StreamFigures) {
        self.news.push(News::Stream(figures));
    }

    fn sample(&mut self, now: At) {
        self.news.push(self.pulse.sample(now, &self.output, self.asking.window().state(now)));
    }
}

fn piece(geometry: Geometry, number: u32) -> Result<PieceIndex, Fault> {
    geometry.piece(number).ok_or_else(|| {
        let detail = format!("piece {number}, where the torrent has {}", geometry.piece_count());
        Fault::new(Cause::PieceOutOfRange, detail)
    })
}

#[cfg(test)]
mod tests;
