//! All streams, and which packet belongs to which.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::StreamId;
use super::seq::{Micros, SECOND};
use super::stream::Stream;

/// Of a stream that is gone it is known this long that it was there: whoever did not hear of its end goes on sending.
const REMEMBERED_FOR: Micros = 120 * SECOND;
/// Streams that are gone and remembered.
const MOST_REMEMBERED: usize = 256;

/// Where a stream is sent from, and the id that its packets bear.
type Key = (SocketAddr, u16);

/// The streams of an endpoint, by number and by what their packets bear.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Each with the rest of its id: places are used again, ids are not.
    slots: Vec<(u32, Option<Box<Stream>>)>,
    free: Vec<u32>,
    by_key: HashMap<Key, u32>,
    /// That of the packet before: the next is mostly of the same.
    last: Option<(Key, u32)>,
    /// What packets of streams bear that are gone, and since when they are; the newest last.
    gone: VecDeque<(Micros, Key)>,
    serial: u32,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The place of the stream whose packets come from there and bear this id.
    pub(super) fn find(&mut self, from: SocketAddr, id: u16) -> Option<u32> {
        let key = (from, id);
        if let Some((last, slot)) = self.last
            && last == key
        {
            return Some(slot);
        }
        let slot = *self.by_key.get(&key)?;
        self.last = Some((key, slot));
        Some(slot)
    }

    /// The place of a stream that somebody outside knows.
    pub(super) fn slot(&self, id: StreamId) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of an id")]
        let (serial, slot) = ((id.0 >> 32) as u32, id.0 as u32);
        let (found, stream) = self.slots.get(slot as usize)?;
        (*found == serial && stream.as_ref().is_some_and(|stream| !stream.is_released())).then_some(slot)
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Stream> {
        let slot = self.slot(id)?;
        self.slots[slot as usize].1.as_deref()
    }

    /// The id of the stream at a place.
    pub(super) fn id(&self, slot: u32) -> StreamId {
        StreamId(u64::from(self.slots[slot as usize].0) << 32 | u64::from(slot))
    }

    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Stream> {
        self.slots.get_mut(slot as usize)?.1.as_deref_mut()
    }

    /// Places of all streams that fit.
    pub(super) fn find_all(&self, fits: impl Fn(&Stream) -> bool) -> Vec<u32> {
        let found =
            self.slots.iter().zip(0..).filter(|((_, stream), _)| stream.as_deref().is_some_and(&fits));
        found.map(|(_, slot)| slot).collect()
    }

    /// Takes a stream whose packets come from `stream.to` and bear `stream.recv_id`, which no other has.
    pub(super) fn insert(&mut self, stream: Stream) -> u32 {
        let key = (stream.to, stream.recv_id);
        self.serial = self.serial.wrapping_add(1);
        let entry = (self.serial, Some(Box::new(stream)));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = entry;
                slot
            }
            None => {
                self.slots.push(entry);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_key.insert(key, slot);
        slot
    }

    /// Its packets come from another port from now on.
    pub(super) fn move_to(&mut self, slot: u32, to: SocketAddr) {
        let Some(stream) = self.at(slot) else { return };
        let before = (stream.to, stream.recv_id);
        stream.to = to;
        self.last = None;
        self.by_key.remove(&before);
        self.by_key.insert((to, before.1), slot);
    }

    /// Whether a stream was there lately whose packets bore that, and nobody called by that since.
    pub(super) fn was_there(&self, now: Micros, from: SocketAddr, id: u16) -> bool {
        let lately =
            |(since, key): &(Micros, Key)| *key == (from, id) && now.saturating_sub(*since) < REMEMBERED_FOR;
        self.gone.iter().any(lately)
    }

    /// Somebody calls whose packets will bear that.
    pub(super) fn called_again(&mut self, from: SocketAddr, id: u16) {
        self.gone.retain(|(_, key)| *key != (from, id));
    }

    pub(super) fn remove(&mut self, now: Micros, slot: u32) {
        let Some(stream) = self.slots[slot as usize].1.take() else { return };
        let key = (stream.to, stream.recv_id);
        if self.gone.len() >= MOST_REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back((now, key));
        self.by_key.remove(&key);
        self.last = None;
        self.free.push(slot);
    }
}
