//! What was written: bytes, and the packets that they were numbered into.

use std::collections::VecDeque;

use super::seq::Micros;

/// A packet that was sent and is not acknowledged, or is, but one before it is not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// When it was sent last.
    pub(super) at: Micros,
    /// Its first byte, counted from the start of the stream; wraps.
    start: u32,
    /// The number of its last transmission, over all packets.
    pub(super) order: u32,
    /// Bytes of payload.
    pub(super) length: u16,
    /// How often it was sent.
    pub(super) times: u8,
    /// The last of the stream.
    pub(super) is_fin: bool,
    /// It was made longer, to find out how long a packet may be.
    pub(super) is_probe: bool,
    /// How it stands.
    pub(super) fate: Fate,
}

/// How a packet that was sent stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is under way.
    InFlight,
    /// It is thought not to have come, and is to be sent again.
    Lost,
    /// It came.
    Acked,
}

/// The sending half of a stream.
#[derive(Debug)]
pub(super) struct SendBuffer {
    bytes: VecDeque<u8>,
    /// The first of `bytes`, counted from the start of the stream; wraps.
    start: u32,
    /// How many of `bytes` are in packets.
    numbered: usize,
    packets: VecDeque<Sent>,
    /// The number of the first of `packets`, or of the next one.
    first: u16,
    /// Bytes of packets under way.
    in_flight: u32,
    /// Packets under way.
    flying: usize,
    lost: usize,
    /// Bytes of packets that are to be sent again.
    lost_bytes: u32,
    /// No packet before this one is lost.
    lost_from: usize,
    order: u32,
}

impl SendBuffer {
    /// For packets from `first` on.
    pub(super) fn new(first: u16) -> Self {
        Self {
            bytes: VecDeque::new(),
            start: 0,
            numbered: 0,
            packets: VecDeque::new(),
            first,
            in_flight: 0,
            flying: 0,
            lost: 0,
            lost_bytes: 0,
            lost_from: 0,
            order: 0,
        }
    }

    /// Takes bytes to send, up to `room` in all; says how many.
    pub(super) fn write(&mut self, bytes: &[u8], room: usize) -> usize {
        let taken = bytes.len().min(room.saturating_sub(self.bytes.len()));
        self.bytes.extend(&bytes[..taken]);
        taken
    }

    /// Bytes that are kept.
    pub(super) fn buffered(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that are in no packet yet.
    pub(super) fn unsent(&self) -> usize {
        self.bytes.len() - self.numbered
    }

    /// Throws away what is in no packet yet.
    pub(super) fn discard_unsent(&mut self) {
        self.bytes.truncate(self.numbered);
    }

    /// The number of the next packet.
    pub(super) fn next(&self) -> u16 {
        #[expect(clippy::cast_possible_truncation, reason = "numbers wrap, and there are never that many")]
        let packets = self.packets.len() as u16;
        self.first.wrapping_add(packets)
    }

    /// The number of the first packet that is not acknowledged.
    pub(super) fn first(&self) -> u16 {
        self.first
    }

    /// Packets that are kept: acknowledged ones behind a gap, too.
    pub(super) fn packets(&self) -> usize {
        self.packets.len()
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Bytes that the peer needs room for: those under way, and those that come once more.
    pub(super) fn on_peer(&self) -> u32 {
        self.in_flight + self.lost_bytes
    }

    /// Whether any packet is under way.
    pub(super) fn is_flying(&self) -> bool {
        self.flying > 0
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost > 0
    }

    /// Whether packets are kept that are acknowledged, and one before them is not.
    pub(super) fn has_acked(&self) -> bool {
        self.packets.len() > self.flying + self.lost
    }

    pub(super) fn get(&self, index: usize) -> Option<&Sent> {
        self.packets.get(index)
    }

    /// The first packet that is to be sent again.
    pub(super) fn first_lost(&mut self) -> Option<usize> {
        if self.lost == 0 {
            return None;
        }
        let found = self.packets.range(self.lost_from..).position(|sent| sent.fate == Fate::Lost)?;
        self.lost_from += found;
        Some(self.lost_from)
    }

    /// The newest packet that is under way.
    pub(super) fn last_flying(&self) -> Option<usize> {
        self.packets.iter().rposition(|sent| sent.fate == Fate::InFlight)
    }

    /// Makes a packet of the next `length` bytes, under way from now on; says which.
    pub(super) fn number(&mut self, now: Micros, length: u16, is_fin: bool, is_probe: bool) -> usize {
        self.order = self.order.wrapping_add(1);
        #[expect(clippy::cast_possible_truncation, reason = "places in the stream wrap")]
        let start = self.start.wrapping_add(self.numbered as u32);
        self.packets.push_back(Sent {
            at: now,
            start,
            order: self.order,
            length,
            times: 1,
            is_fin,
            is_probe,
            fate: Fate::InFlight,
        });
        self.numbered += usize::from(length);
        self.in_flight += u32::from(length);
        self.flying += 1;
        self.packets.len() - 1
    }

    /// A packet is sent again.
    pub(super) fn send_again(&mut self, now: Micros, index: usize) {
        self.order = self.order.wrapping_add(1);
        let order = self.order;
        self.set_fate(index, Fate::InFlight);
        let sent = &mut self.packets[index];
        (sent.at, sent.order, sent.is_probe) = (now, order, false);
        sent.times = sent.times.saturating_add(1);
    }

    pub(super) fn set_fate(&mut self, index: usize, fate: Fate) {
        let sent = &mut self.packets[index];
        let (before, length) = (sent.fate, u32::from(sent.length));
        if before == fate {
            return;
        }
        sent.fate = fate;
        match before {
            Fate::InFlight => (self.in_flight, self.flying) = (self.in_flight - length, self.flying - 1),
            Fate::Lost => (self.lost_bytes, self.lost) = (self.lost_bytes - length, self.lost - 1),
            Fate::Acked => {}
        }
        match fate {
            Fate::InFlight => (self.in_flight, self.flying) = (self.in_flight + length, self.flying + 1),
            Fate::Lost => {
                (self.lost_bytes, self.lost) = (self.lost_bytes + length, self.lost + 1);
                self.lost_from = self.lost_from.min(index);
            }
            Fate::Acked => {}
        }
    }

    /// Everything under way is taken for lost.
    pub(super) fn lose_all(&mut self) {
        for sent in self.packets.iter_mut().filter(|sent| sent.fate == Fate::InFlight) {
            sent.fate = Fate::Lost;
            (self.lost_bytes, self.lost) = (self.lost_bytes + u32::from(sent.length), self.lost + 1);
        }
        (self.in_flight, self.flying, self.lost_from) = (0, 0, 0);
    }

    /// Forgets the packets at the front that are acknowledged, and their bytes.
    pub(super) fn forget_acked(&mut self) {
        let mut bytes = 0;
        while let Some(sent) = self.packets.front().filter(|sent| sent.fate == Fate::Acked) {
            bytes += usize::from(sent.length);
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
            self.lost_from = self.lost_from.saturating_sub(1);
        }
        self.bytes.drain(..bytes);
        self.numbered -= bytes;
        #[expect(clippy::cast_possible_truncation, reason = "places in the stream wrap")]
        let bytes = bytes as u32;
        self.start = self.start.wrapping_add(bytes);
    }

    /// The payload of a packet, in up to two parts.
    pub(super) fn payload(&self, index: usize) -> [&[u8]; 2] {
        let sent = &self.packets[index];
        let from = sent.start.wrapping_sub(self.start) as usize;
        let to = from + usize::from(sent.length);
        let (first, second) = self.bytes.as_slices();
        let split = first.len();
        [&first[from.min(split)..to.min(split)], &second[from.max(split) - split..to.max(split) - split]]
    }

    /// Gives back memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.packets.shrink_to_fit();
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.packets.capacity() * size_of::<Sent>()
    }
}
