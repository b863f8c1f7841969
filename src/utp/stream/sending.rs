//! What a stream says to the peer.

use super::super::receive_buffer::NO_MASK;
use super::super::seq::{Micros, NEVER, stamp};
use super::{Fin, State, Stream};
use crate::wire::utp::{HEADER_BYTES, Header, Kind};

/// Bytes of a bundle.
const MOST_BUNDLE_BYTES: usize = 65_000;
/// Packets that are under way at most, where the peer offers room for more: others keep this many that came out of order.
const MOST_PACKETS: u32 = 12_000;
/// Of the room that a peer offers it is asked to keep one packet for this many bytes, as libtorrent does.
const BYTES_OF_PLACE: u32 = 1_100;
const LEAST_PACKETS: u32 = 16;
/// A peer that is offered less than this waits for more.
pub(super) const SMALL_WINDOW: u32 = 3_000;
/// Bytes of a packet that ends a stream, with a reason.
const MOST_FIN_BYTES: usize = HEADER_BYTES + 16;
#[expect(clippy::cast_possible_truncation, reason = "it is 20")]
pub(super) const HEADER_BYTES_U16: u16 = HEADER_BYTES as u16;

/// What is to be sent next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// This packet once more.
    Again(usize),
    /// A new packet, with this many bytes.
    New(u16),
    /// The end.
    Fin,
    /// Nothing, though there is something: the window is full.
    Full,
    /// Nothing yet, so that not all leaves at once.
    Later,
    /// Nothing.
    Nothing,
}

/// A bundle that was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::utp) struct Bundle {
    /// Bytes of each packet but the last.
    pub(in crate::utp) segment: usize,
    /// It is longer than what passes whole.
    pub(in crate::utp) may_fragment: bool,
}

impl Stream {
    /// Whether it has something to send.
    pub(in crate::utp) fn wants_to_send(&mut self, now: Micros) -> bool {
        match self.state {
            State::Dialling => self.syn_due,
            State::Open | State::Closing => {
                let next = self.next();
                if next == Next::Full && self.congestion.window() <= self.peer_window {
                    self.congestion.was_full(now);
                }
                self.ack_due || self.ack_again || !matches!(next, Next::Full | Next::Later | Next::Nothing)
            }
            State::Ended | State::Resting => self.ack_due || self.ack_again,
            State::Resetting => true,
            State::Abandoned | State::Gone => false,
        }
    }

    /// Writes the next bundle to `out`, which is empty.
    pub(in crate::utp) fn transmit(
        &mut self,
        now: Micros,
        most_segments: usize,
        out: &mut Vec<u8>,
    ) -> Option<Bundle> {
        let bundle = match self.state {
            State::Dialling if self.syn_due => {
                self.syn_sent(now);
                let header = self.header(now, Kind::Syn);
                Header { id: self.recv_id, seq: self.syn_seq, ack: 0, ..header }.write(out, &[]);
                None
            }
            State::Resetting => {
                self.state = State::Gone;
                self.header(now, Kind::Reset).write_extended(out, None, self.our_reason);
                None
            }
            // What came beyond a gap is told at once; other acknowledgements go with what is sent anyway.
            State::Open | State::Closing if !(self.ack_due && self.receive.has_gap()) => {
                self.write_data(now, most_segments, out)
            }
            _ => None,
        };
        if out.is_empty() && (self.ack_due || self.ack_again) {
            let mut mask = NO_MASK;
            let mut header = self.header(now, Kind::State);
            // What follows our FIN has the number after it. libtorrent hears none beyond that of the FIN, libutp none that is
            // not: each is told in a packet of its own.
            let again = std::mem::replace(
                &mut self.ack_again,
                self.ack_due && matches!(self.fin, Fin::Sent | Fin::Acked),
            );
            if again && !self.ack_due {
                header.seq = header.seq.wrapping_sub(1);
            }
            header.write_extended(out, self.receive.selective_ack(&mut mask), None);
        }
        if out.is_empty() {
            return None;
        }
        self.ack_due = false;
        self.last_sent = now;
        Some(bundle.unwrap_or(Bundle { segment: out.len(), may_fragment: false }))
    }

    /// When more may leave, where nothing else keeps it.
    pub(super) fn paced_until(&mut self) -> Micros {
        if self.next() == Next::Later { self.pacer.opens() } else { NEVER }
    }

    fn write_data(&mut self, now: Micros, most_segments: usize, out: &mut Vec<u8>) -> Option<Bundle> {
        if self.write_probe(now, out) {
            return None;
        }
        let mut bundle: Option<Bundle> = None;
        for _ in 0..most_segments.max(1) {
            let next = self.next();
            let (length, is_fin) = match next {
                Next::Again(index) => self.send.get(index).map(|sent| (sent.length, sent.is_fin))?,
                Next::New(length) => (length, false),
                Next::Fin => (0, true),
                Next::Full | Next::Later | Next::Nothing => break,
            };
            let bytes = if is_fin { MOST_FIN_BYTES } else { HEADER_BYTES + usize::from(length) };
            // It was numbered when longer ones passed.
            let may_fragment = bytes > usize::from(self.mtu.size());
            let begun = *bundle.get_or_insert(Bundle { segment: bytes, may_fragment });
            let fits = bytes <= begun.segment && may_fragment == begun.may_fragment;
            if !fits || out.len() + bytes > MOST_BUNDLE_BYTES {
                break;
            }
            let before = out.len();
            self.write_packet(now, next, out);
            // What may be fragmented leaves alone, and only the last may be shorter.
            if may_fragment || out.len() - before < begun.segment {
                break;
            }
        }
        // That of a packet without a reason to close is shorter than was reckoned with.
        bundle.map(|bundle| Bundle { segment: bundle.segment.min(out.len()), ..bundle })
    }

    fn write_packet(&mut self, now: Micros, next: Next, out: &mut Vec<u8>) {
        let mut header = self.header(now, Kind::Data);
        let index = match next {
            Next::Again(index) => {
                let resent = if self.timeouts > 0 {
                    &mut self.counts.resent_timeout
                } else {
                    &mut self.counts.resent_fast
                };
                *resent += 1;
                self.may_exceed = false;
                self.send.send_again(now, index);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "numbers wrap, and there are never that many"
                )]
                let offset = index as u16;
                header.seq = self.send.first().wrapping_add(offset);
                index
            }
            Next::New(length) => {
                self.window_probe_due = false;
                self.send.number(now, length, false, false)
            }
            _ => {
                self.fin = Fin::Sent;
                self.send.number(now, 0, true, false)
            }
        };
        self.counts.sent += 1;
        self.pacer.left(self.send.get(index).map_or(0, |sent| u32::from(sent.length)));
        if self.send.get(index).is_some_and(|sent| sent.is_fin) {
            Header { kind: Kind::Fin, ..header }.write_extended(out, None, self.our_reason);
        } else {
            header.write(out, &self.send.payload(index));
        }
    }

    /// Writes a packet that is longer than any before, if it is time to try one.
    fn write_probe(&mut self, now: Micros, out: &mut Vec<u8>) -> bool {
        let full = self.mtu.size();
        let length = full - HEADER_BYTES_U16;
        if self.send.unsent() < usize::from(length) || self.next() != Next::New(length) {
            return false;
        }
        let Some(size) = self.mtu.wants_probe(now) else { return false };
        let header = self.header(now, Kind::Data);
        let index = self.send.number(now, length, false, true);
        header.write_padded(out, usize::from(size - full), &self.send.payload(index));
        self.mtu.probe_sent(size);
        self.pacer.left(u32::from(length));
        self.counts.sent += 1;
        true
    }

    /// What is to be sent next.
    fn next(&mut self) -> Next {
        let window = self.congestion.window();
        if let Some(index) = self.send.first_lost() {
            let length = self.send.get(index).map_or(0, |sent| u32::from(sent.length));
            let fits = self.may_exceed || !self.send.is_flying() || self.send.in_flight() + length <= window;
            return match fits {
                true if self.pacer.is_open() => Next::Again(index),
                true => Next::Later,
                false => Next::Full,
            };
        }
        let unsent = self.send.unsent();
        if unsent == 0 {
            return if self.fin == Fin::Wanted { Next::Fin } else { Next::Nothing };
        }
        let places = (self.most_peer_window / BYTES_OF_PLACE).clamp(LEAST_PACKETS, MOST_PACKETS);
        if self.send.packets() >= places as usize {
            return Next::Full;
        }
        let most = usize::from(self.mtu.size() - HEADER_BYTES_U16);
        let length = u16::try_from(unsent.min(most)).unwrap_or(u16::MAX);
        // What is lost needs its place at the peer, too: all that comes behind it waits for it there.
        let fits = self.send.in_flight() + u32::from(length) <= window;
        if fits && self.send.on_peer() + u32::from(length) <= self.peer_window {
            return if self.pacer.is_open() { Next::New(length) } else { Next::Later };
        }
        if self.send.packets() > 0 {
            return Next::Full;
        }
        match u16::try_from(self.peer_window).unwrap_or(u16::MAX) {
            // One byte asks whether there is room by now.
            0 if self.window_probe_due => Next::New(1),
            0 => Next::Full,
            room => Next::New(room.min(length)),
        }
    }

    fn header(&mut self, now: Micros, kind: Kind) -> Header {
        self.offered = self.receive.window();
        Header {
            kind,
            id: self.send_id,
            sent: stamp(now),
            delay: self.reply,
            window: self.offered,
            seq: self.send.next(),
            ack: self.receive.acked(),
        }
    }
}
