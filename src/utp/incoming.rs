//! What an endpoint hears: which stream a packet belongs to, who calls, and what is answered to packets of nobody.

use std::net::SocketAddr;

use super::Endpoint;
use super::endpoint::plain;
use super::seq::{Micros, SECOND, micros, stamp};
use super::stream::{Moved, Stream};
use super::syn_cookie::Claim;
use crate::event::At;
use crate::wire::utp::{Header, Kind, Packet};

/// Packets from unknown addresses that are compared with all streams in a second.
const COMPARED_A_SECOND: u32 = 200;

impl Endpoint {
    /// Takes one packet, the payload of a UDP datagram from `from`. What it leads to shows after [`Self::flush`].
    pub fn hear(&mut self, now: At, from: SocketAddr, packet: &[u8]) {
        let Ok(packet) = Packet::read(packet) else {
            self.counters.malformed += 1;
            return;
        };
        let (now, from) = (micros(now), plain(from));
        match packet.header.kind {
            Kind::Syn => self.called(now, from, &packet.header),
            Kind::Reset => self.reset(from, &packet),
            _ => self.hear_stream(now, from, &packet),
        }
    }

    /// All that had come was heard: streams acknowledge it, each at most once, and events tell of it. Called after each batch.
    pub fn flush(&mut self, now: At) {
        let now = micros(now);
        for index in 0..self.touched.len() {
            self.settle(now, self.touched[index]);
        }
        self.touched.clear();
    }

    fn hear_stream(&mut self, now: Micros, from: SocketAddr, packet: &Packet<'_>) {
        let slot = self.streams.find(from, packet.header.id).or_else(|| self.adopt(now, from, packet));
        let Some(slot) = slot else { return };
        let Some(stream) = self.streams.at(slot) else { return };
        stream.hear(now, packet, &mut self.counters);
        self.touch(slot);
    }

    fn touch(&mut self, slot: u32) {
        if let Some(stream) = self.streams.at(slot)
            && !stream.touched
        {
            stream.touched = true;
            self.touched.push(slot);
        }
    }

    /// Somebody calls: gets an answer that nothing is kept of.
    fn called(&mut self, now: Micros, from: SocketAddr, syn: &Header) {
        self.counters.syns += 1;
        if self.streams.find(from, syn.id.wrapping_add(1)).is_some() {
            // It came twice, the second time after its stream was made.
            self.counters.duplicates += 1;
            return;
        }
        self.streams.called_again(from, syn.id.wrapping_add(1));
        let header = Header {
            kind: Kind::State,
            id: syn.id,
            sent: stamp(now),
            delay: stamp(now).wrapping_sub(syn.sent).max(1),
            window: self.settings.receive_window,
            seq: self.cookies.first_seq(now, from, syn.id, syn.seq),
            ack: syn.seq,
        };
        if self.takes_calls() {
            self.counters.syns_dropped += u64::from(!self.replies.push(from, header));
            return;
        }
        self.counters.syns_refused += 1;
        self.reply_reset(now, from, Header { kind: Kind::Reset, ..header });
    }

    fn takes_calls(&self) -> bool {
        self.settings.accepts && self.streams.len() < self.settings.most_streams
    }

    fn reply_reset(&mut self, now: Micros, to: SocketAddr, header: Header) {
        self.counters.resets_sent += u64::from(self.replies.push_reset(now, to, header));
    }

    /// A packet that belongs to no stream: makes one where it is the second of a call, finds the one whose peer has another
    /// port now, or says that there is nobody.
    fn adopt(&mut self, now: Micros, from: SocketAddr, packet: &Packet<'_>) -> Option<u32> {
        let header = &packet.header;
        let claim = match self.streams.was_there(now, from, header.id) {
            // A late packet may seem to be the second of a call by chance: it would begin a stream in its middle.
            true => Claim::None,
            false => self.cookies.claim(now, from, header.id.wrapping_sub(1), header.seq, header.ack),
        };
        match claim {
            Claim::Call if self.takes_calls() => {
                let our_seq = header.ack.wrapping_add(1);
                let stream = Stream::accept(&self.settings, now, from, header.id, header.seq, our_seq);
                return Some(self.streams.insert(stream));
            }
            // The packet that it overtook comes, if need be again.
            Claim::LaterOfCall => return None,
            Claim::Call | Claim::None => {}
        }
        match self.moved(now, from, packet) {
            Some((slot, Moved::Yes)) => {
                self.counters.moved += 1;
                self.streams.move_to(slot, from);
                return Some(slot);
            }
            Some(_) => return None,
            None => {}
        }
        self.counters.of_nobody += 1;
        let reset = Header {
            kind: Kind::Reset,
            id: header.id,
            sent: stamp(now),
            delay: 0,
            window: 0,
            seq: self.rng.u16(..),
            ack: header.seq,
        };
        self.reply_reset(now, from, reset);
        None
    }

    /// The only stream with a peer of that address whose next packet this may be.
    fn moved(&mut self, now: Micros, from: SocketAddr, packet: &Packet<'_>) -> Option<(u32, Moved)> {
        let (second, compared) = self.compared;
        self.compared = if second == now / SECOND { (second, compared + 1) } else { (now / SECOND, 1) };
        if self.compared.1 > COMPARED_A_SECOND {
            return None;
        }
        let fits = |stream: &Stream| stream.to.ip() == from.ip() && stream.fits(now, packet) != Moved::No;
        let [slot] = self.streams.find_all(fits)[..] else { return None };
        let moved = self.streams.at(slot).map_or(Moved::No, |stream| stream.fits(now, packet));
        Some((slot, moved))
    }

    /// A reset: of a stream by the id that its packets bear, or by that of those that we send.
    fn reset(&mut self, from: SocketAddr, packet: &Packet<'_>) {
        let id = packet.header.id;
        for (candidate, by_send_id) in [(id, false), (id.wrapping_add(1), true), (id.wrapping_sub(1), true)] {
            let Some(slot) = self.streams.find(from, candidate) else { continue };
            let Some(stream) = self.streams.at(slot) else { continue };
            if by_send_id && stream.send_id != id {
                continue;
            }
            if stream.reset(packet) {
                self.touch(slot);
                return;
            }
        }
        self.counters.resets_ignored += 1;
    }
}
