//! From the bytes of a connection to messages and blocks, without a socket and without copying blocks.
//!
//! Peers answer requests in order, so the next bytes are mostly known: a piece header, the block it announces, the
//! next header, the next block. The reader is therefore handed slices laid out that way, blocks in buffers of their
//! own, and the headers are checked afterwards. Where a header is not the predicted one, the bytes from there on
//! are parsed the ordinary way, at the price of a copy.

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::sync::Arc;

use thiserror::Error;

use super::pool::{BlockBuf, BlockPool};
use crate::event::Cause;
use crate::metainfo::{BLOCK_LENGTH, BlockRef, Geometry};
use crate::peer::{Fault, Window};
use crate::wire::{Head, Message, MessageError, PIECE_HEADER_BYTES, PieceHeader};

/// Payload predicted for one read: at least, at first, at most.
const LEAST_AHEAD: usize = 32 * 1024;
const FIRST_AHEAD: usize = 128 * 1024;
const MOST_AHEAD: usize = 1 << 20;
/// Slices of one read: header and payload of each predicted block, the rest of what was begun, the tail.
const MOST_SLICES: usize = 2 * (MOST_AHEAD / BLOCK_LENGTH as usize) + 2;
/// Bytes for whatever follows the predicted blocks.
const TAIL_BYTES: usize = 16 * 1024;
/// How much further the buffer of a long message grows before its bytes have come.
const BODY_STEP: usize = 64 * 1024;

/// What came, in order.
#[derive(Debug)]
pub enum Incoming {
    /// Any message but `piece`.
    Message(Message),
    /// A whole block that is owed, or was and is late.
    Block(BlockRef, BlockBuf),
}

/// Why the stream cannot be read on.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ReceiveError {
    /// No message, or too long a one.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Data for a piece that does not exist.
    #[error("data of piece {piece}, where the torrent has {count}")]
    NoSuchPiece {
        /// That piece.
        piece: u32,
        /// How many there are.
        count: u32,
    },
    /// A block that is not owed.
    #[error("data of piece {piece} at byte {begin}, which was not asked for")]
    Unrequested {
        /// Its piece.
        piece: u32,
        /// Its first byte in the piece.
        begin: u32,
    },
    /// A block of a wrong length.
    #[error("{length} bytes of piece {piece} at byte {begin}, where {expected} were asked for")]
    WrongLength {
        /// Its piece.
        piece: u32,
        /// Its first byte in the piece.
        begin: u32,
        /// Bytes announced.
        length: u32,
        /// Bytes asked for.
        expected: u32,
    },
}

impl ReceiveError {
    /// The cause of a connection that ends by this.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Message(MessageError::TooLarge { .. }) => Cause::MessageTooLarge,
            Self::Message(MessageError::WrongLength { .. }) | Self::WrongLength { .. } => Cause::BadMessage,
            Self::NoSuchPiece { .. } => Cause::PieceOutOfRange,
            Self::Unrequested { .. } => Cause::UnrequestedBlock,
        }
    }
}

impl From<ReceiveError> for Fault {
    fn from(error: ReceiveError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

/// A predicted block and where it would go.
#[derive(Debug)]
struct Slot {
    header: [u8; PIECE_HEADER_BYTES],
    block: BlockRef,
    buffer: BlockBuf,
}

/// What was begun and not finished by the last read.
#[derive(Debug)]
enum Begun {
    /// Too few bytes to tell; often none.
    Head { bytes: [u8; PIECE_HEADER_BYTES], have: usize },
    /// A message that is no block; `frame` is longer than what of it is `filled`.
    Body { frame: Vec<u8>, filled: usize, length: usize },
    /// The data of a block.
    Block { block: BlockRef, buffer: BlockBuf, filled: usize },
}

impl Begun {
    const NOTHING: Self = Self::Head { bytes: [0; PIECE_HEADER_BYTES], have: 0 };
}

/// Reads one connection.
#[derive(Debug)]
pub struct Receiver {
    /// The torrent's lengths, once they are known. Before, no block can be owed.
    geometry: Option<Geometry>,
    pool: Arc<BlockPool>,
    begun: Begun,
    slots: Vec<Slot>,
    spare: Vec<BlockBuf>,
    tail: Box<[u8]>,
    spill: Vec<u8>,
    ahead_bytes: usize,
    offered_bytes: usize,
    ready: VecDeque<Incoming>,
    payload_bytes: u64,
}

impl Receiver {
    /// A reader of a connection that has just shaken hands.
    pub fn new(geometry: Option<Geometry>, pool: Arc<BlockPool>) -> Self {
        Self {
            geometry,
            pool,
            begun: Begun::NOTHING,
            slots: Vec::new(),
            spare: Vec::new(),
            tail: vec![0; TAIL_BYTES].into_boxed_slice(),
            spill: Vec::new(),
            ahead_bytes: FIRST_AHEAD,
            offered_bytes: 0,
            ready: VecDeque::new(),
            payload_bytes: 0,
        }
    }

    /// Hands `read` the slices the next bytes belong into, in order, predicting that the owed blocks come in the
    /// order they were asked for. When bytes were read, [`Self::advance`] must follow.
    pub fn read_with<R>(&mut self, window: &Window, read: impl FnOnce(&mut [IoSliceMut<'_>]) -> R) -> R {
        let whole = self.predict(window);
        let mut slices: [IoSliceMut<'_>; MOST_SLICES] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        let mut count = 0;
        let mut offered = 0;
        let mut offer = |slice| {
            let slice = IoSliceMut::new(slice);
            offered += slice.len();
            slices[count] = slice;
            count += 1;
        };
        let mut skip = 0;
        let mut follows = true;
        match &mut self.begun {
            Begun::Head { bytes, have } => {
                if let Some(slot) = self.slots.first_mut() {
                    slot.header[..*have].copy_from_slice(&bytes[..*have]);
                    skip = *have;
                }
            }
            Begun::Body { frame, filled, length } => {
                frame.resize((*filled + BODY_STEP).min(*length), 0);
                follows = frame.len() == *length;
                offer(&mut frame[*filled..]);
            }
            Begun::Block { buffer, filled, .. } => offer(&mut buffer[*filled..]),
        }
        if follows {
            for slot in &mut self.slots {
                offer(&mut slot.header[skip..]);
                offer(&mut slot.buffer[..]);
                skip = 0;
            }
            if whole {
                offer(&mut self.tail[..]);
            }
        }
        self.offered_bytes = offered;
        read(&mut slices[..count])
    }

    /// `n` bytes were read into the slices handed out last. What they complete can then be taken with
    /// [`Self::next`], also when this fails.
    ///
    /// # Errors
    ///
    /// When the peer breaks the protocol; nothing can be read from it any more.
    pub fn advance(&mut self, n: usize, window: &Window) -> Result<(), ReceiveError> {
        if n >= self.offered_bytes - self.offered_bytes / 8 {
            self.ahead_bytes = (self.ahead_bytes * 2).min(MOST_AHEAD);
        } else if n < self.ahead_bytes / 4 {
            self.ahead_bytes = (self.ahead_bytes / 2).max(LEAST_AHEAD);
        }
        let left = self.finish_begun(n)?;
        let result = self.take_slots(left, window);
        self.spare.extend(self.slots.drain(..).map(|slot| slot.buffer));
        result
    }

    /// The next message or block that is complete.
    #[expect(clippy::should_implement_trait, reason = "it yields more after the next read, iterators do not")]
    pub fn next(&mut self) -> Option<Incoming> {
        self.ready.pop_front()
    }

    /// The torrent's lengths are known.
    pub fn learn(&mut self, geometry: Geometry) {
        self.geometry = Some(geometry);
    }

    /// Bytes of block data received so far, those of unfinished blocks included.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Bytes that are here of the block under way.
    pub fn begun_bytes(&self) -> u32 {
        if let Begun::Block { filled, .. } = &self.begun { *filled as u32 } else { 0 }
    }

    /// Lays out slots for the blocks owed; false when more are owed than there is room for.
    fn predict(&mut self, window: &Window) -> bool {
        self.spare.extend(self.slots.drain(..).map(|slot| slot.buffer));
        let begun = match &self.begun {
            Begun::Block { block, .. } => Some(*block),
            _ => None,
        };
        let mut expected = window.expected().filter(|&block| Some(block) != begun);
        let mut bytes = 0;
        let mut whole = true;
        for block in &mut expected {
            let length = self.length_of(block);
            if bytes + length as usize > self.ahead_bytes || self.slots.len() * 2 + 2 >= MOST_SLICES {
                whole = false;
                break;
            }
            bytes += length as usize;
            let mut buffer = self.spare.pop().unwrap_or_else(|| self.pool.take(length));
            buffer.set_len(length);
            self.slots.push(Slot { header: [0; PIECE_HEADER_BYTES], block, buffer });
        }
        self.spare.clear();
        whole
    }

    fn length_of(&self, block: BlockRef) -> u32 {
        self.geometry.map_or(0, |geometry| geometry.block_length(block))
    }

    fn expected_header(&self, block: BlockRef) -> [u8; PIECE_HEADER_BYTES] {
        let length = self.length_of(block);
        PieceHeader { index: block.piece().number(), begin: block.begin(), length }.to_bytes()
    }

    /// Gives what was begun its share of `n` bytes; the rest is returned.
    fn finish_begun(&mut self, n: usize) -> Result<usize, ReceiveError> {
        match &mut self.begun {
            Begun::Head { .. } => Ok(n),
            Begun::Body { frame, filled, length } => {
                let taken = n.min(frame.len() - *filled);
                *filled += taken;
                if *filled == *length {
                    let message = Message::decode(frame)?;
                    self.begun = Begun::NOTHING;
                    self.ready.push_back(Incoming::Message(message));
                }
                Ok(n - taken)
            }
            Begun::Block { buffer, filled, .. } => {
                let taken = n.min(buffer.len() - *filled);
                *filled += taken;
                self.payload_bytes += taken as u64;
                if *filled == buffer.len() {
                    self.finish_block();
                }
                Ok(n - taken)
            }
        }
    }

    fn finish_block(&mut self) {
        if let Begun::Block { block, buffer, .. } = std::mem::replace(&mut self.begun, Begun::NOTHING) {
            self.ready.push_back(Incoming::Block(block, buffer));
        }
    }

    /// `left` bytes lie in the slots, then in the tail.
    fn take_slots(&mut self, mut left: usize, window: &Window) -> Result<(), ReceiveError> {
        let mut have = match self.begun {
            Begun::Head { have, .. } => have,
            _ => 0,
        };
        let mut slots = std::mem::take(&mut self.slots).into_iter();
        while left > 0 {
            let Some(slot) = slots.next() else {
                let tail = std::mem::take(&mut self.tail);
                let result = self.parse(&tail[..left], window);
                self.tail = tail;
                return result;
            };
            let read = left.min(PIECE_HEADER_BYTES - have);
            if have + read < PIECE_HEADER_BYTES || slot.header != self.expected_header(slot.block) {
                return self.spill(have, left, slot, slots, window);
            }
            left -= read;
            have = 0;
            let Slot { block, buffer, .. } = slot;
            let filled = left.min(buffer.len());
            left -= filled;
            self.payload_bytes += filled as u64;
            self.begun = Begun::NOTHING;
            if filled == buffer.len() {
                self.ready.push_back(Incoming::Block(block, buffer));
            } else {
                self.begun = Begun::Block { block, buffer, filled };
            }
        }
        self.spare.extend(slots.map(|slot| slot.buffer));
        Ok(())
    }

    /// The prediction failed at `slot`: gathers the `left` bytes from there on, less those known before, and parses
    /// them.
    fn spill(
        &mut self,
        have: usize,
        mut left: usize,
        slot: Slot,
        slots: impl Iterator<Item = Slot>,
        window: &Window,
    ) -> Result<(), ReceiveError> {
        let mut spill = std::mem::take(&mut self.spill);
        spill.clear();
        let mut skip = have;
        for slot in std::iter::once(slot).chain(slots) {
            for slice in [&slot.header[skip..], &slot.buffer[..]] {
                let taken = left.min(slice.len());
                spill.extend_from_slice(&slice[..taken]);
                left -= taken;
            }
            skip = 0;
            self.spare.push(slot.buffer);
        }
        spill.extend_from_slice(&self.tail[..left]);
        if spill.len() > BLOCK_LENGTH as usize {
            // A peer that answers in an order of its own is read in smaller bites: less is copied.
            self.ahead_bytes = LEAST_AHEAD;
        }
        let result = self.parse(&spill, window);
        spill.clear();
        spill.shrink_to(2 * LEAST_AHEAD);
        self.spill = spill;
        result
    }

    /// Reads bytes that follow what was begun, without any prediction.
    fn parse(&mut self, mut bytes: &[u8], window: &Window) -> Result<(), ReceiveError> {
        while !bytes.is_empty() {
            bytes = match &mut self.begun {
                Begun::Head { .. } => self.parse_head(bytes, window)?,
                Begun::Body { frame, filled, length } => {
                    let taken = bytes.len().min(*length - *filled);
                    frame.truncate(*filled);
                    frame.extend_from_slice(&bytes[..taken]);
                    *filled += taken;
                    if *filled == *length {
                        let message = Message::decode(frame)?;
                        self.begun = Begun::NOTHING;
                        self.ready.push_back(Incoming::Message(message));
                    }
                    &bytes[taken..]
                }
                Begun::Block { buffer, filled, .. } => {
                    let taken = bytes.len().min(buffer.len() - *filled);
                    buffer[*filled..*filled + taken].copy_from_slice(&bytes[..taken]);
                    *filled += taken;
                    self.payload_bytes += taken as u64;
                    if *filled == buffer.len() {
                        self.finish_block();
                    }
                    &bytes[taken..]
                }
            };
        }
        Ok(())
    }

    /// Reads the head of a message, and a whole message that is at hand; returns what is left of `bytes`.
    fn parse_head<'a>(&mut self, bytes: &'a [u8], window: &Window) -> Result<&'a [u8], ReceiveError> {
        let Begun::Head { bytes: mut head, have } = self.begun else { return Ok(bytes) };
        let taken = bytes.len().min(PIECE_HEADER_BYTES - have);
        head[have..have + taken].copy_from_slice(&bytes[..taken]);
        let known = &head[..have + taken];
        match Head::of(known)? {
            Head::Short => {
                self.begun = Begun::Head { bytes: head, have: known.len() };
                Ok(&bytes[taken..])
            }
            Head::Piece(header) => {
                let block = self.admit(header, window)?;
                let mut buffer = self.spare.pop().unwrap_or_else(|| self.pool.take(header.length));
                buffer.set_len(header.length);
                self.begun = Begun::Block { block, buffer, filled: 0 };
                Ok(&bytes[taken..])
            }
            Head::Frame(length) => {
                let end = 4 + length - have;
                if have <= 4 && bytes.len() >= end {
                    let message = Message::decode(&bytes[4 - have..end])?;
                    self.begun = Begun::NOTHING;
                    self.ready.push_back(Incoming::Message(message));
                    return Ok(&bytes[end..]);
                }
                let whole = &known[4..known.len().min(4 + length)];
                if whole.len() == length {
                    let message = Message::decode(whole)?;
                    self.begun = Begun::NOTHING;
                    self.ready.push_back(Incoming::Message(message));
                    Ok(&bytes[end..])
                } else {
                    self.begun = Begun::Body { frame: whole.to_vec(), filled: whole.len(), length };
                    Ok(&bytes[taken..])
                }
            }
        }
    }

    fn admit(&self, header: PieceHeader, window: &Window) -> Result<BlockRef, ReceiveError> {
        let PieceHeader { index: piece, begin, length } = header;
        let unrequested = ReceiveError::Unrequested { piece, begin };
        let Some(geometry) = self.geometry else { return Err(unrequested) };
        if geometry.piece(piece).is_none() {
            return Err(ReceiveError::NoSuchPiece { piece, count: geometry.piece_count() });
        }
        let owed = geometry.block_at(piece, begin).filter(|&block| window.may_come(block));
        let block = owed.ok_or(unrequested)?;
        let expected = geometry.block_length(block);
        if length != expected {
            return Err(ReceiveError::WrongLength { piece, begin, length, expected });
        }
        Ok(block)
    }
}

#[cfg(test)]
mod tests;
