//! One stream: what it sent, what it received, and what it waits for.
//!
//! What comes is taken in `hearing`, what is sent is written in `sending`, what time brings stands in `timeouts`.

mod hearing;
mod sending;
mod timeouts;

use std::io::IoSliceMut;
use std::net::SocketAddr;

pub(super) use hearing::Moved;
use timeouts::Due;

use super::congestion::{Congestion, Governor};
use super::delay::DelayHistory;
use super::drift::Drift;
use super::mtu::Mtu;
use super::pacer::{Pace, Pacer};
use super::receive_buffer::ReceiveBuffer;
use super::rtt::Rtt;
use super::send_buffer::SendBuffer;
use super::seq::{Micros, NEVER, SECOND};
use super::{End, Event, Settings};
use crate::event::{LimitedBy, StreamFigures};
use crate::wire::utp::{CloseReason, HEADER_BYTES};

/// A stream that sends slowly takes no more than this from its writer.
const LEAST_SEND_BUFFER: usize = 128 << 10;
/// Who closes waits this long for what is under way to be acknowledged.
const LINGER: Micros = 10 * SECOND;
/// A dial that was given up is answered for this long.
const ABANDONED: Micros = 3 * SECOND;

/// Where a stream stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// We called.
    Dialling,
    /// We called, and want no answer any more.
    Abandoned,
    /// Both sides know of it.
    Open,
    /// It is over, for us to be told.
    Ended,
    /// We are done with it, and see to it that the peer hears so.
    Closing,
    /// Both sides are done: only packets that come twice are answered.
    Resting,
    /// The peer is to hear that there is nobody.
    Resetting,
    /// Nothing is left to do.
    Gone,
}

/// How far our end of the stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fin {
    /// More may be written.
    None,
    /// To be sent behind what was written.
    Wanted,
    /// Sent.
    Sent,
    /// Acknowledged.
    Acked,
}

/// What is to be told of a stream.
#[derive(Debug, Default)]
struct News {
    accepted: bool,
    connected: bool,
    ended: bool,
    /// The reader had all there was.
    reader_waits: bool,
    /// The writer had more than there was room for.
    writer_waits: bool,
    /// The reader was told of the end.
    told_end: bool,
}

/// How many packets went and came.
#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    resent_fast: u64,
    resent_timeout: u64,
    duplicates: u64,
}

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Where its packets go and come from.
    pub(super) to: SocketAddr,
    /// What packets that come bear.
    pub(super) recv_id: u16,
    /// What packets that go bear.
    pub(super) send_id: u16,
    /// Whether it stands among those that have something to send.
    pub(super) queued: bool,
    /// Whether it stands among those that something happened to.
    pub(super) touched: bool,
    /// When it is to be looked at, as the timers have it.
    pub(super) timer: Micros,

    state: State,
    end: Option<End>,
    released: bool,
    news: News,
    fin: Fin,
    our_reason: Option<CloseReason>,
    peer_reason: Option<CloseReason>,

    receive: ReceiveBuffer,
    send: SendBuffer,
    send_limit: usize,
    congestion: Congestion,
    pacer: Pacer,
    rtt: Rtt,
    our_delay: DelayHistory,
    their_delay: DelayHistory,
    drift: Drift,
    mtu: Mtu,

    /// What our packets say of the delay of the peer's.
    reply: u32,
    peer_window: u32,
    most_peer_window: u32,
    /// When the packet was sent that tells of it, as the peer says it.
    newest_heard: Option<u32>,
    /// The room that we offered last.
    offered: u32,
    ack_due: bool,
    /// The last acknowledgement is due under the number of our FIN as well.
    ack_again: bool,
    duplicate_acks: u8,
    /// Where the peer said that packets are missing: the number of the first that it said nothing of.
    missing_until: Option<u16>,
    /// Of the packets that came, the newest by transmission, and when it was sent.
    newest_acked: (u32, Micros),
    /// Packets by which later ones may overtake one that is not lost.
    reordering: u32,

    syn_seq: u16,
    syns: u8,
    syn_due: bool,
    due: Due,
    timeouts: u32,
    unheard: u32,
    window_probes: u32,
    window_probe_due: bool,
    tail_probes: u8,
    /// The next packet that is sent again may be more than fits the window.
    may_exceed: bool,
    last_sent: Micros,
    last_heard: Micros,
    /// When something was acknowledged last.
    last_progress: Micros,
    /// What comes twice is answered no longer than this, once both sides are done.
    rests_until: Micros,
    /// Whether its buffers hold memory.
    holds_memory: bool,
    counts: Counts,
}

impl Stream {
    /// We call `to`; its packets will bear `id`, and ours are numbered from `seq`.
    pub(super) fn dial(settings: &Settings, now: Micros, to: SocketAddr, id: u16, seq: u16) -> Self {
        let mut stream = Self::new(settings, now, to, (id, id.wrapping_add(1)), seq.wrapping_add(1), 0);
        (stream.state, stream.syn_seq, stream.syn_due) = (State::Dialling, seq, true);
        stream
    }

    /// Who called from `from`, and says that it is there by packets that bear `id`, the first of them `seq`; ours are numbered
    /// from `our_seq`.
    pub(super) fn accept(
        settings: &Settings,
        now: Micros,
        from: SocketAddr,
        id: u16,
        seq: u16,
        our_seq: u16,
    ) -> Self {
        let mut stream = Self::new(settings, now, from, (id, id.wrapping_sub(1)), our_seq, seq);
        stream.news.accepted = true;
        stream
    }

    fn new(
        settings: &Settings,
        now: Micros,
        to: SocketAddr,
        ids: (u16, u16),
        our_seq: u16,
        their_seq: u16,
    ) -> Self {
        let v4 = to.is_ipv4();
        let mtu = Mtu::new(v4, if v4 { settings.most_bytes_v4 } else { settings.most_bytes_v6 });
        let congestion = Congestion::new(payload_of(mtu.size()), settings.send_buffer);
        Self {
            to,
            recv_id: ids.0,
            send_id: ids.1,
            queued: false,
            touched: false,
            timer: NEVER,
            state: State::Open,
            end: None,
            released: false,
            news: News { reader_waits: true, ..News::default() },
            fin: Fin::None,
            our_reason: None,
            peer_reason: None,
            receive: ReceiveBuffer::new(their_seq, settings.receive_window),
            send: SendBuffer::new(our_seq),
            send_limit: settings.send_buffer,
            congestion,
            pacer: Pacer::default(),
            rtt: Rtt::new(),
            our_delay: DelayHistory::new(),
            their_delay: DelayHistory::new(),
            drift: Drift::new(),
            mtu,
            reply: 0,
            peer_window: u32::from(u16::MAX),
            most_peer_window: 0,
            newest_heard: None,
            offered: settings.receive_window,
            ack_due: false,
            ack_again: false,
            duplicate_acks: 0,
            missing_until: None,
            newest_acked: (0, 0),
            reordering: hearing::LEAST_REORDERING,
            syn_seq: 0,
            syns: 0,
            syn_due: false,
            due: Due::default(),
            timeouts: 0,
            unheard: 0,
            window_probes: 0,
            window_probe_due: false,
            tail_probes: 0,
            may_exceed: false,
            last_sent: now,
            last_heard: now,
            last_progress: now,
            rests_until: NEVER,
            holds_memory: false,
            counts: Counts::default(),
        }
    }

    pub(super) fn is_released(&self) -> bool {
        self.released
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Bytes of memory that it takes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.receive.capacity() + self.send.capacity()
    }

    /// The number of its next packet, and up to where everything came.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> (u16, u16) {
        (self.send.next(), self.receive.acked())
    }

    pub(super) fn end_of(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub(super) fn peer_reason(&self) -> Option<CloseReason> {
        self.peer_reason
    }

    pub(super) fn readable(&self) -> usize {
        self.receive.readable()
    }

    /// Bytes that came and that nobody read, those beyond a gap too.
    #[cfg(test)]
    pub(super) fn unread(&self) -> usize {
        self.receive.unread()
    }

    pub(super) fn at_end(&self) -> bool {
        self.receive.readable() == 0 && (self.receive.ended() || self.end.is_some())
    }

    pub(super) fn read(&mut self, slices: &mut [IoSliceMut<'_>]) -> usize {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let copied = self.receive.read(slices);
        // Who read all that there was hears of what comes next, also where it had asked for no more.
        self.news.reader_waits |= copied < wanted || self.receive.readable() == 0;
        self.news.told_end |= self.at_end() && copied < wanted;
        let (window, limit) = (self.receive.window(), self.receive.limit());
        let opened = self.offered < sending::SMALL_WINDOW && window >= sending::SMALL_WINDOW;
        if self.state == State::Open && (opened || window.saturating_sub(self.offered) >= limit / 4) {
            self.ack_due = true;
        }
        copied
    }

    pub(super) fn write(&mut self, now: Micros, bytes: &[u8]) -> usize {
        if !matches!(self.state, State::Dialling | State::Open) || self.fin != Fin::None {
            return 0;
        }
        if self.send.buffered() == 0 {
            self.congestion.rested(now.saturating_sub(self.last_progress), self.rtt.timeout());
            self.last_progress = now;
        }
        let taken = self.send.write(bytes, self.write_limit());
        self.holds_memory |= taken > 0;
        self.news.writer_waits |= taken < bytes.len();
        taken
    }

    /// Bytes that are taken from the writer before some are acknowledged: what two windows hold.
    fn write_limit(&self) -> usize {
        let windows = 2 * self.congestion.window() as usize;
        windows.max(LEAST_SEND_BUFFER).min(self.send_limit)
    }

    pub(super) fn finish(&mut self) {
        if self.fin == Fin::None && matches!(self.state, State::Dialling | State::Open) {
            self.fin = Fin::Wanted;
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.send.buffered() == 0 && matches!(self.fin, Fin::None | Fin::Acked)
    }

    /// Nobody outside wants anything of it any more.
    pub(super) fn close(&mut self, now: Micros, reason: CloseReason) {
        self.released = true;
        self.receive.discard();
        match self.state {
            State::Dialling => {
                self.state = State::Abandoned;
                self.due = Due { linger: now + ABANDONED, ..Due::default() };
                (self.syn_due, self.our_reason) = (false, Some(reason));
            }
            State::Open => {
                // Who said that nothing follows has all before that sent.
                if self.fin == Fin::None {
                    self.send.discard_unsent();
                    self.our_reason = Some(reason).filter(|reason| *reason != CloseReason::NONE);
                    self.fin = Fin::Wanted;
                }
                self.state = State::Closing;
                self.due.linger = now + LINGER;
                self.rest_if_done(now);
            }
            State::Ended if self.end == Some(End::Finished) => self.rest(now),
            _ => self.state = State::Gone,
        }
    }

    /// After [`Self::close`]: whether the peer has heard all there is.
    fn rest_if_done(&mut self, now: Micros) {
        if self.state == State::Closing && self.all_acked() {
            self.rest(now);
        }
    }

    /// It is over.
    pub(super) fn finish_with(&mut self, end: End) {
        if self.released {
            self.state = State::Gone;
            return;
        }
        if self.end.is_none() {
            self.end = Some(if self.all_arrived() { End::Finished } else { end });
            self.news.ended = true;
        }
        self.state = State::Ended;
        self.due = Due::default();
        (self.ack_due, self.syn_due) = (false, false);
    }

    /// Whether our end of the stream came, and all before it: a selective acknowledgement may tell of the end alone.
    fn all_acked(&self) -> bool {
        self.fin == Fin::Acked && self.send.packets() == 0
    }

    /// Whether nothing is left but to hear that our end of the stream came: all bytes of both did, whatever becomes of the peer.
    fn all_arrived(&self) -> bool {
        let only_fin = self.send.packets() == 1 && self.send.get(0).is_some_and(|sent| sent.is_fin);
        self.receive.ended() && (only_fin || self.all_acked())
    }

    fn finish_if_done(&mut self) {
        if self.state == State::Open && self.all_acked() && self.receive.ended() {
            // The peer's last packet is still to be acknowledged.
            let ack_due = self.ack_due;
            self.finish_with(End::Finished);
            self.ack_due = ack_due;
        }
    }

    /// Tells what happened since it was asked last.
    pub(super) fn take_events(&mut self, mut tell: impl FnMut(Event)) {
        if self.released {
            return;
        }
        if std::mem::take(&mut self.news.accepted) {
            tell(Event::Accepted { from: self.to });
        }
        if std::mem::take(&mut self.news.connected) {
            tell(Event::Connected);
        }
        let end = self.at_end() && !self.news.told_end;
        if self.news.reader_waits && (self.receive.readable() > 0 || end) {
            self.news.reader_waits = false;
            self.news.told_end |= end;
            tell(Event::Readable);
        }
        let room = self.write_limit().saturating_sub(self.send.buffered());
        if self.news.writer_waits && self.end.is_none() && room >= self.write_limit() / 4 {
            self.news.writer_waits = false;
            tell(Event::Writable);
        }
        if std::mem::take(&mut self.news.ended) {
            tell(Event::Ended);
        }
    }

    /// The system says that nothing longer than `most` passes.
    pub(super) fn too_big(&mut self, now: Micros, most: Option<u16>) {
        if self.mtu.too_big(now, most) {
            self.congestion.set_packet(payload_of(self.mtu.size()));
        }
    }

    /// The system says that nobody is there. `port`: it is the port that nobody listens at, which is for good.
    pub(super) fn refused(&mut self, code: i32, port: bool) {
        match self.state {
            State::Dialling => self.finish_with(End::Refused(Some(code))),
            State::Open if port => self.finish_with(End::Reset(None)),
            State::Abandoned | State::Closing | State::Resting if port => self.state = State::Gone,
            _ => {}
        }
    }

    pub(super) fn figures(&self) -> StreamFigures {
        StreamFigures {
            rtt_us: self.rtt.mean().and_then(|mean| u32::try_from(mean).ok()),
            our_delay_us: self.our_delay.over_base(),
            their_delay_us: self.their_delay.over_base(),
            window_bytes: self.congestion.window(),
            peer_window_bytes: self.peer_window,
            in_flight_bytes: self.send.in_flight(),
            sent: self.counts.sent,
            received: self.counts.received,
            resent_fast: self.counts.resent_fast,
            resent_timeout: self.counts.resent_timeout,
            duplicates: self.counts.duplicates,
            mtu_bytes: self.mtu.size(),
            limited_by: self.limited_by(),
        }
    }

    fn pace(&self) -> Pace {
        Pace {
            window: self.congestion.window().min(self.peer_window),
            is_slow_start: self.congestion.is_slow_start(),
            packet: payload_of(self.mtu.size()),
            round_trip: self.rtt.mean().unwrap_or(0),
            least_round_trip: self.rtt.least().unwrap_or(0),
        }
    }

    fn limited_by(&self) -> LimitedBy {
        if self.send.unsent() == 0 && !self.send.has_lost() {
            LimitedBy::NothingToSend
        } else if self.peer_window < self.congestion.window() {
            LimitedBy::OtherSide
        } else if self.congestion.governor() == Governor::Delay {
            LimitedBy::DelayTarget
        } else {
            LimitedBy::Window
        }
    }
}

/// Bytes of payload of a packet of this length.
fn payload_of(length: u16) -> u32 {
    u32::from(length).saturating_sub(u32::try_from(HEADER_BYTES).unwrap_or(0))
}
