//! What came: in order for the reader, and beyond a gap until that is filled.

use std::collections::VecDeque;
use std::io::IoSliceMut;

use super::seq::distance;

/// Of what is kept beyond a gap this much may be unused before it is moved together, bytes.
const MOST_UNUSED: usize = 64 << 10;
/// Bytes of selective acknowledgement that are sent at most.
const MOST_MASK_BYTES: usize = 252;
/// A packet may be at least this far ahead.
const LEAST_AHEAD: i32 = 1_024;

/// A packet beyond the gap, or a place for one.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    start: u32,
    length: u16,
    here: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// It is the next: bytes of it, or the end, can be read.
    InOrder,
    /// It is kept until what comes before it is here.
    Kept,
    /// It was here before.
    Duplicate,
    /// Its number is further ahead than what was offered allows, or behind the end.
    OutOfReach,
    /// There is no room.
    NoRoom,
}

/// The receiving half of a stream.
#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    ready: VecDeque<u8>,
    /// The number of the packet that is waited for.
    next: u16,
    /// The first is that of `next`, the others those after it.
    slots: VecDeque<Slot>,
    /// What slots hold.
    store: Vec<u8>,
    /// Bytes of `store` that slots hold.
    kept: usize,
    limit: usize,
    /// The number of the last packet, once that is known.
    last: Option<u16>,
    ended: bool,
}

impl ReceiveBuffer {
    /// For packets from `next` on, and at most `limit` bytes that nobody read, and one packet.
    pub(super) fn new(next: u16, limit: u32) -> Self {
        Self {
            ready: VecDeque::new(),
            next,
            slots: VecDeque::new(),
            store: Vec::new(),
            kept: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            last: None,
            ended: false,
        }
    }

    /// Begins at `next`; nothing came yet.
    pub(super) fn begin(&mut self, next: u16) {
        self.next = next;
    }

    /// Up to here everything came.
    pub(super) fn acked(&self) -> u16 {
        self.next.wrapping_sub(1)
    }

    /// Bytes that there is room for.
    pub(super) fn window(&self) -> u32 {
        u32::try_from(self.room()).unwrap_or(u32::MAX)
    }

    /// Bytes that there is room for when all is read.
    pub(super) fn limit(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX)
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.ready.len() + self.kept)
    }

    /// How far ahead of what is waited for a packet may be.
    pub(super) fn most_ahead(&self) -> i32 {
        i32::try_from(self.limit / 1_024).unwrap_or(i32::MAX).clamp(LEAST_AHEAD, i32::from(i16::MAX) / 2)
    }

    /// Whether anything beyond a gap is here.
    pub(super) fn has_gap(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Takes a packet; `is_last`: it is the last of the stream.
    pub(super) fn take(&mut self, seq: u16, payload: &[u8], is_last: bool) -> Taken {
        let ahead = distance(self.next, seq);
        if ahead < 0 {
            return Taken::Duplicate;
        }
        if ahead > self.most_ahead() || self.ended || self.last.is_some_and(|last| distance(last, seq) > 0) {
            return Taken::OutOfReach;
        }
        let index = usize::try_from(ahead).unwrap_or(0);
        if self.slots.get(index).is_some_and(|slot| slot.here) {
            return Taken::Duplicate;
        }
        let unread = self.ready.len() + self.kept;
        // What others wait for may be one packet too much: no room comes before it does.
        let fits =
            unread + payload.len() <= self.limit || (ahead == 0 && self.kept > 0 && unread <= self.limit);
        if !fits {
            return Taken::NoRoom;
        }
        if is_last {
            self.last.get_or_insert(seq);
        }
        if index > 0 {
            self.keep(index, payload);
            return Taken::Kept;
        }
        self.ready.extend(payload);
        self.advance();
        while let Some(slot) = self.slots.front().copied().filter(|slot| slot.here && !self.ended) {
            let start = slot.start as usize;
            self.ready.extend(&self.store[start..start + usize::from(slot.length)]);
            self.kept -= usize::from(slot.length);
            self.advance();
        }
        if self.slots.iter().all(|slot| !slot.here) {
            self.kept = 0;
            self.slots.clear();
            self.store.clear();
        }
        Taken::InOrder
    }

    fn advance(&mut self) {
        self.ended |= self.last == Some(self.next);
        self.next = self.next.wrapping_add(1);
        self.slots.pop_front();
        if self.ended {
            // What the peer sent behind its end is nothing.
            self.slots.clear();
        }
    }

    fn keep(&mut self, index: usize, payload: &[u8]) {
        if self.store.len() > 2 * self.kept + MOST_UNUSED {
            self.compact();
        }
        let start = self.store.len();
        self.store.extend_from_slice(payload);
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Slot::default());
        }
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        self.slots[index] = Slot { start: u32::try_from(start).unwrap_or(u32::MAX), length, here: true };
        self.kept += payload.len();
    }

    fn compact(&mut self) {
        let mut store = Vec::with_capacity(2 * self.kept);
        for slot in self.slots.iter_mut().filter(|slot| slot.here) {
            let start = slot.start as usize;
            slot.start = u32::try_from(store.len()).unwrap_or(u32::MAX);
            store.extend_from_slice(&self.store[start..start + usize::from(slot.length)]);
        }
        self.store = store;
    }

    /// Which packets beyond the gap are here, as a packet says it: written to `mask`, a multiple of four bytes. `None`: there
    /// is no gap.
    pub(super) fn selective_ack<'a>(&self, mask: &'a mut [u8; MOST_MASK_BYTES]) -> Option<&'a [u8]> {
        // The first slot is that of the missing packet, of which nothing needs to be said.
        let bits = self.slots.len().checked_sub(1)?;
        let bytes = bits.div_ceil(8).next_multiple_of(4).min(MOST_MASK_BYTES);
        mask[..bytes].fill(0);
        for (bit, _) in self.slots.iter().skip(1).take(bytes * 8).enumerate().filter(|(_, slot)| slot.here) {
            mask[bit / 8] |= 1 << (bit % 8);
        }
        Some(&mask[..bytes])
    }

    /// Bytes that nobody read, those beyond a gap too.
    #[cfg(test)]
    pub(super) fn unread(&self) -> usize {
        self.ready.len() + self.kept
    }

    /// Bytes that can be read.
    pub(super) fn readable(&self) -> usize {
        self.ready.len()
    }

    /// Whether the last packet came, and all before it.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Copies what can be read.
    pub(super) fn read(&mut self, slices: &mut [IoSliceMut<'_>]) -> usize {
        let (first, second) = self.ready.as_slices();
        let mut parts = [first, second];
        let mut copied = 0;
        for slice in slices {
            let mut room = &mut slice[..];
            for part in &mut parts {
                let length = part.len().min(room.len());
                let (now, later) = part.split_at(length);
                let (filled, left) = std::mem::take(&mut room).split_at_mut(length);
                filled.copy_from_slice(now);
                (*part, room) = (later, left);
                copied += length;
            }
        }
        self.ready.drain(..copied);
        copied
    }

    /// Throws away what nobody will read.
    pub(super) fn discard(&mut self) {
        self.ready = VecDeque::new();
    }

    /// Gives back memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.ready.shrink_to_fit();
        self.slots.shrink_to_fit();
        if self.kept == 0 {
            self.store = Vec::new();
        }
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.ready.capacity() + self.store.capacity() + self.slots.capacity() * size_of::<Slot>()
    }
}

/// A buffer for [`ReceiveBuffer::selective_ack`].
pub(super) const NO_MASK: [u8; MOST_MASK_BYTES] = [0; MOST_MASK_BYTES];
