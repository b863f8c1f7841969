//! What the peer says to a stream.

use super::super::End;
use super::super::congestion::{Acked, Lost};
use super::super::counters::Counters;
use super::super::receive_buffer::Taken;
use super::super::send_buffer::{Fate, Sent};
use super::super::seq::{MILLISECOND, Micros, NEVER, distance, stamp};
use super::sending::HEADER_BYTES_U16;
use super::{Fin, State, Stream, payload_of};
use crate::wire::utp::{CloseReason, Header, Kind, Packet};

/// Packets that may overtake one before that is thought to be lost.
pub(super) const LEAST_REORDERING: u32 = 3;
/// It is never thought possible that more do.
const MOST_REORDERING: u32 = 300;
/// Acknowledgements in a row of the same packet after which the next is thought to be lost.
const DUPLICATE_ACKS: u8 = 3;
/// An acknowledgement may come this many packets late.
const MOST_ACKS_BEHIND: i32 = 2_048;
/// Some clients say this in place of nothing.
const NO_DELAY: u32 = i32::MAX.cast_unsigned();

/// What one packet acknowledges.
#[derive(Debug, Default)]
struct News {
    /// Bytes that nothing acknowledged before.
    bytes: u32,
    packets: u32,
    /// The newest of the packets.
    newest: Option<Sent>,
    /// The shortest round trip of those sent once.
    round_trip: Option<Micros>,
    /// Packets that were thought to be lost and had come.
    late: u32,
}

impl Stream {
    /// Takes a packet that bears its id, and is no SYN and no reset.
    pub(in crate::utp) fn hear(&mut self, now: Micros, packet: &Packet<'_>, counters: &mut Counters) {
        match self.state {
            State::Dialling => self.answered(now, packet, counters),
            State::Abandoned if packet.header.kind == Kind::State && packet.header.ack == self.syn_seq => {
                self.receive.begin(packet.header.seq);
                self.state = State::Resetting;
            }
            State::Open | State::Closing => self.hear_open(now, packet, counters),
            State::Resting | State::Ended => self.hear_late(now, packet),
            State::Abandoned | State::Resetting | State::Gone => {}
        }
    }

    /// The answer to our SYN.
    fn answered(&mut self, now: Micros, packet: &Packet<'_>, counters: &mut Counters) {
        let header = &packet.header;
        if header.kind != Kind::State || header.ack != self.syn_seq {
            counters.bad_acks += u64::from(header.ack != self.syn_seq);
            return;
        }
        if self.syns == 1 {
            self.rtt.sample(now.saturating_sub(self.last_sent));
        }
        self.state = State::Open;
        self.news.connected = true;
        self.due.syn = NEVER;
        self.syn_due = false;
        self.receive.begin(header.seq);
        self.last_heard = now;
        self.peer_window = header.window;
        self.most_peer_window = header.window;
        self.newest_heard = Some(header.sent);
        self.measure(now, header);
        // The peer keeps nothing of us before it hears this.
        self.ack_due = true;
    }

    fn hear_open(&mut self, now: Micros, packet: &Packet<'_>, counters: &mut Counters) {
        let header = &packet.header;
        let acked = distance(self.send.first().wrapping_sub(1), header.ack);
        if acked > i32::try_from(self.send.packets()).unwrap_or(i32::MAX) || acked < -MOST_ACKS_BEHIND {
            counters.bad_acks += 1;
            return;
        }
        if matches!(header.kind, Kind::Data | Kind::Fin) {
            let ahead = distance(self.receive.acked(), header.seq) - 1;
            if ahead > self.receive.most_ahead() {
                counters.out_of_reach += 1;
                return;
            }
        }
        self.last_heard = now;
        self.unheard = 0;
        self.measure(now, header);
        self.hear_ack(now, packet, acked);
        if let Some(reason) = packet.close_reason.filter(|reason| *reason != CloseReason::NONE) {
            self.peer_reason = Some(reason);
        }
        if matches!(header.kind, Kind::Data | Kind::Fin) {
            self.hear_payload(packet, counters);
        }
        self.finish_if_done();
        self.rest_if_done(now);
    }

    /// Both sides are done, but the peer may not know it.
    fn hear_late(&mut self, now: Micros, packet: &Packet<'_>) {
        let is_old = distance(self.receive.acked(), packet.header.seq) <= 0;
        match packet.header.kind {
            Kind::Data | Kind::Fin if is_old => self.ack_due = true,
            Kind::Fin if self.state == State::Resting => {
                self.receive.take(packet.header.seq, &[], true);
                self.ack_due = true;
            }
            // It goes on sending to somebody who is gone.
            Kind::Data if self.state == State::Resting => self.state = State::Resetting,
            _ => {}
        }
        if self.ack_due && self.state == State::Resting {
            self.rest(now);
        }
    }

    /// Takes the delays that a packet tells.
    fn measure(&mut self, now: Micros, header: &Header) {
        if header.sent != 0 {
            // 0 would say that nothing was measured.
            self.reply = stamp(now).wrapping_sub(header.sent).max(1);
            if let Some(fell) = self.their_delay.sample(now, self.reply) {
                // A clock drifts: the other direction has as much more.
                self.our_delay.raise_base(fell);
            }
        }
        if header.delay != 0 && header.delay != NO_DELAY {
            self.our_delay.sample(now, header.delay);
            self.drift.sample(now, header.delay);
            // What the two clocks differ by is in both, once more and once less.
            self.rtt.guess(self.reply.wrapping_add(header.delay).into());
        }
    }

    fn hear_ack(&mut self, now: Micros, packet: &Packet<'_>, acked: i32) {
        let header = &packet.header;
        if acked >= 0 {
            // Its first bit is of the packet after the one that is missing.
            self.missing_until = packet.selective_ack.map(|mask| {
                let bits = u16::try_from(mask.len() * 8).unwrap_or(u16::MAX);
                header.ack.wrapping_add(2).wrapping_add(bits)
            });
        }
        let in_flight = self.send.in_flight();
        let mut news = News::default();
        for index in 0..usize::try_from(acked).unwrap_or(0) {
            self.ack_one(now, index, &mut news);
        }
        for (byte, bits) in packet.selective_ack.unwrap_or_default().iter().zip(0_i32..) {
            for bit in (0..8).filter(|bit| bits_has(*byte, *bit)) {
                // The first bit is of the packet after the one that is missing.
                if let Ok(index) = usize::try_from(acked + 1 + bits * 8 + bit)
                    && index > 0
                {
                    self.ack_one(now, index, &mut news);
                }
            }
        }
        // One that was overtaken offers room that what came before it has taken since. Where it says more than any before it
        // does not matter when it was sent.
        let is_newest =
            self.newest_heard.is_none_or(|newest| header.sent.wrapping_sub(newest).cast_signed() >= 0);
        if news.packets > 0 || is_newest {
            self.newest_heard = Some(header.sent);
            self.offers(header.window);
        }
        let is_duplicate = acked == 0
            && news.packets == 0
            && header.kind == Kind::State
            && packet.selective_ack.is_none()
            && self.send.is_flying();
        self.duplicate_acks = if is_duplicate { self.duplicate_acks.saturating_add(1) } else { 0 };
        if news.packets > 0 {
            self.progressed(now, &news, in_flight, header);
        }
        self.lose_missing(now);
        if is_duplicate && self.duplicate_acks >= DUPLICATE_ACKS {
            // They may be about packets that came twice: the one that is waited for must be overdue, too.
            let most = self.rtt.most().unwrap_or(0);
            self.lose_where(now, |index, sent| index == 0 && now.saturating_sub(sent.at) > most);
        }
    }

    /// The peer has room for this many bytes.
    fn offers(&mut self, window: u32) {
        self.peer_window = window;
        self.most_peer_window = self.most_peer_window.max(window);
        if window > 0 {
            self.window_probes = 0;
        }
    }

    /// A packet of ours came, by its place among those that are kept.
    fn ack_one(&mut self, now: Micros, index: usize, news: &mut News) {
        let Some(sent) = self.send.get(index).copied().filter(|sent| sent.fate != Fate::Acked) else {
            return;
        };
        let took = now.saturating_sub(sent.at);
        let least = self.rtt.least().unwrap_or(0);
        news.bytes += u32::from(sent.length);
        news.packets += 1;
        let mut is_newest = sent.times > 1 && took >= least / 4 * 3;
        if sent.times == 1 {
            news.round_trip = Some(news.round_trip.map_or(took, |round_trip| round_trip.min(took)));
            is_newest = true;
            self.mtu.acked(sent.length.saturating_add(HEADER_BYTES_U16));
            if sent.is_probe {
                self.mtu.probe_acked(now);
                self.congestion.set_packet(payload_of(self.mtu.size()));
            }
        }
        // What was sent again just now came before that.
        news.late += u32::from((sent.fate == Fate::Lost && sent.times == 1) || !is_newest);
        let newer = |newest: Sent| newest.order.wrapping_sub(sent.order).cast_signed() < 0;
        if is_newest && news.newest.is_none_or(newer) {
            news.newest = Some(sent);
        }
        if sent.is_fin {
            self.fin = Fin::Acked;
        }
        self.send.set_fate(index, Fate::Acked);
    }

    /// Something new is acknowledged.
    fn progressed(&mut self, now: Micros, news: &News, in_flight: u32, header: &Header) {
        self.send.forget_acked();
        // An acknowledgement of what was sent again may be the second of its kind, and the first is lost.
        let is_first = news.newest.is_none_or(|newest| newest.times == 1);
        if let Some(round_trip) = news.round_trip.filter(|_| is_first) {
            // What comes after it was waited for may have come in time, and word of it was lost.
            if news.late > 0 || self.timeouts > 0 {
                self.rtt.sample_late(round_trip);
            } else {
                self.rtt.sample(round_trip);
            }
        }
        if news.late > 0 {
            self.reordering = (self.reordering * 2).min(MOST_REORDERING);
            self.congestion.were_only_late(news.late);
        } else {
            self.congestion.recovered();
        }
        self.last_progress = now;
        self.timeouts = 0;
        let was_probed = std::mem::take(&mut self.tail_probes) > 0;
        self.due.resend = NEVER;
        if self.send.packets() > 0 {
            self.wait_for_acks(now);
        }
        if header.delay != 0 && header.delay != NO_DELAY && news.bytes > 0 {
            let over_base = self.our_delay.over_base().unwrap_or(0);
            // A packet cannot take longer one way than both ways.
            let round_trip = news.round_trip.and_then(|took| u32::try_from(took).ok()).unwrap_or(over_base);
            if over_base > round_trip {
                self.our_delay.raise_base(over_base - round_trip);
            }
            let delay = over_base.min(round_trip).saturating_add(self.drift.penalty());
            let least_round_trip = self.rtt.least().unwrap_or(0);
            self.congestion.acked(now, Acked { bytes: news.bytes, in_flight, delay, least_round_trip });
        }
        if let Some(newest) = news.newest {
            if newest.order.wrapping_sub(self.newest_acked.0).cast_signed() > 0 {
                self.newest_acked = (newest.order, newest.at);
            }
            if self.send.has_acked() {
                let ((newest, sent_at), reordering) = (self.newest_acked, self.reordering);
                // What was sent before a probe, and is still missing when that came, had all the time there is.
                let most = if was_probed { 0 } else { self.rtt.most().unwrap_or(NEVER) };
                self.lose_where(now, |_, sent| {
                    let behind = newest.wrapping_sub(sent.order).cast_signed();
                    // Where packets overtake each other by many, time tells: one that was sent a round trip later came.
                    i64::from(behind) >= i64::from(reordering)
                        || behind > 0 && sent_at.saturating_sub(sent.at) > most
                });
            }
        }
    }

    /// Takes for lost what the peer says is missing, where it had all the time there is. libtorrent names as many packets as
    /// it keeps out of order, not those packets: where more are missing than it keeps it names none of these, and what
    /// came behind tells nothing.
    pub(super) fn lose_missing(&mut self, now: Micros) {
        let (Some(until), Some(patience)) = (self.missing_until, self.rtt.patience()) else { return };
        let named = usize::try_from(distance(self.send.first(), until)).unwrap_or(0);
        let is_overdue = |index, sent: &Sent| index < named && now.saturating_sub(sent.at) >= patience;
        if self.lose_where(now, is_overdue) {
            // It counts once: what is sent again now is missed for a while yet.
            self.missing_until = None;
            self.wait_for_tail(now);
        }
    }

    /// Takes those packets under way for lost that fit; says whether there were any.
    fn lose_where(&mut self, now: Micros, fits: impl Fn(usize, &Sent) -> bool) -> bool {
        let (mut newest_lost, mut lost, mut any) = (None, 0, false);
        for index in 0..self.send.packets() {
            let Some(sent) = self.send.get(index).copied() else { break };
            if sent.fate != Fate::InFlight || !fits(index, &sent) {
                continue;
            }
            self.send.set_fate(index, Fate::Lost);
            any = true;
            if sent.is_probe {
                // Its size may be why.
                self.mtu.probe_lost(now);
            } else {
                (newest_lost, lost) = (newest_lost.max(Some(sent.at)), lost + 1);
            }
        }
        if let Some(sent_at) = newest_lost {
            let (round_trip, least_round_trip) =
                (self.rtt.mean().unwrap_or(0), self.rtt.least().unwrap_or(0));
            self.congestion.lost(now, Lost { packets: lost, sent_at, round_trip, least_round_trip });
        }
        any
    }

    fn hear_payload(&mut self, packet: &Packet<'_>, counters: &mut Counters) {
        self.ack_due = true;
        self.counts.received += 1;
        let is_fin = packet.header.kind == Kind::Fin;
        // Nobody reads it any more: room is not what it lacks.
        let payload = if self.state == State::Closing { &[] } else { packet.payload };
        match self.receive.take(packet.header.seq, payload, is_fin) {
            Taken::InOrder | Taken::Kept => self.holds_memory |= !payload.is_empty(),
            Taken::Duplicate => {
                self.counts.duplicates += 1;
                counters.duplicates += 1;
            }
            Taken::OutOfReach => counters.out_of_reach += 1,
            // One byte asks whether there is room.
            Taken::NoRoom => counters.no_room += u64::from(payload.len() > 1),
        }
    }

    /// Takes a reset that bears one of its ids; says whether it counts: anybody can send one, but only who hears us knows the
    /// numbers of what we sent.
    pub(in crate::utp) fn reset(&mut self, packet: &Packet<'_>) -> bool {
        let ack = packet.header.ack;
        let counts = match self.state {
            State::Dialling | State::Abandoned => ack == self.syn_seq,
            State::Open | State::Closing | State::Resting => {
                let behind = distance(ack, self.send.next());
                let kept = i32::try_from(self.send.packets()).unwrap_or(i32::MAX);
                (0..=kept + i32::from(DUPLICATE_ACKS) + 1).contains(&behind)
            }
            State::Ended | State::Resetting | State::Gone => false,
        };
        if !counts {
            return false;
        }
        if let Some(reason) = packet.close_reason.filter(|reason| *reason != CloseReason::NONE) {
            self.peer_reason = Some(reason);
        }
        let end = match self.state {
            State::Dialling | State::Abandoned => End::Refused(None),
            _ => End::Reset(self.peer_reason),
        };
        self.finish_with(end);
        true
    }

    /// Whether a packet from an address that is not known may be of this stream, whose peer then has another port: it bears
    /// its id, and its numbers are near those that come next.
    pub(in crate::utp) fn fits(&self, now: Micros, packet: &Packet<'_>) -> Moved {
        let header = &packet.header;
        if self.state != State::Open || header.id != self.recv_id {
            return Moved::No;
        }
        let acked = distance(self.send.first().wrapping_sub(1), header.ack);
        let ahead = distance(self.receive.acked(), header.seq) - 1;
        let kept = i32::try_from(self.send.packets()).unwrap_or(i32::MAX);
        if !(0..=kept).contains(&acked) || !(-MOST_BEHIND_OF_MOVED..=MOST_AHEAD_OF_MOVED).contains(&ahead) {
            return Moved::No;
        }
        if now.saturating_sub(self.last_heard) < QUIET_BEFORE_MOVE { Moved::TooSoon } else { Moved::Yes }
    }
}

/// A peer is believed to have another port when nothing came from the old one for this long.
const QUIET_BEFORE_MOVE: Micros = 300 * MILLISECOND;
/// And when its packet is no further ahead than this,
const MOST_AHEAD_OF_MOVED: i32 = 256;
/// or as far behind: it sends once more what came, since the acknowledgements went to where it was.
const MOST_BEHIND_OF_MOVED: i32 = 4_096;

/// Whether a packet from an unknown address is of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::utp) enum Moved {
    /// It is not.
    No,
    /// It may be, but the old address was heard of only just now.
    TooSoon,
    /// It is.
    Yes,
}

fn bits_has(byte: u8, bit: i32) -> bool {
    byte >> bit & 1 == 1
}
