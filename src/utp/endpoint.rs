//! What the owner of the streams asks of them.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::replies::Replies;
use super::seq::{Micros, NEVER, micros};
use super::stream::Stream;
use super::streams::Streams;
use super::syn_cookie::SynCookies;
use super::timers::Timers;
use super::{Counters, End, Event, Settings, StreamId};
use crate::event::{At, StreamFigures};
use crate::wire::utp::CloseReason;

/// Ids that are tried for a stream that is dialled.
const ID_ATTEMPTS: usize = 64;

/// All streams of one UDP socket.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) settings: Settings,
    pub(super) rng: fastrand::Rng,
    pub(super) cookies: SynCookies,
    pub(super) streams: Streams,
    pub(super) timers: Timers,
    /// Streams that have something to send.
    pub(super) ready: VecDeque<u32>,
    /// Streams that something happened to since the last [`Self::flush`].
    pub(super) touched: Vec<u32>,
    pub(super) events: VecDeque<(StreamId, Event)>,
    pub(super) replies: Replies,
    pub(super) counters: Counters,
    /// The second in which packets from unknown addresses were last compared with all streams, and how many were.
    pub(super) compared: (Micros, u32),
}

impl Endpoint {
    /// Without streams. The same seed gives the same numbers.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            settings,
            cookies: SynCookies::new(&mut rng),
            rng,
            streams: Streams::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            touched: Vec::new(),
            events: VecDeque::new(),
            replies: Replies::default(),
            counters: Counters::default(),
            compared: (0, 0),
        }
    }

    /// Whether others may call from now on. Their calls are refused where not.
    pub fn set_accepts(&mut self, accepts: bool) {
        self.settings.accepts = accepts;
    }

    /// Dials. `None`: there are as many streams as there may be.
    pub fn connect(&mut self, now: At, to: SocketAddr) -> Option<StreamId> {
        if self.streams.len() >= self.settings.most_streams {
            return None;
        }
        let (now, to) = (micros(now), plain(to));
        let ids = std::array::from_fn::<u16, ID_ATTEMPTS, _>(|_| self.rng.u16(..));
        let id = ids.into_iter().find(|id| self.is_free(to, *id))?;
        let stream = Stream::dial(&self.settings, now, to, id, self.rng.u16(..));
        let slot = self.streams.insert(stream);
        self.settle(now, slot);
        Some(self.streams.id(slot))
    }

    /// Whether neither end has a stream whose packets bear what those of a stream dialled with `id` would.
    fn is_free(&mut self, to: SocketAddr, id: u16) -> bool {
        // One that the peer dialled sends with what is one less than what it receives by.
        [id, id.wrapping_add(2)].into_iter().all(|taken| self.streams.find(to, taken).is_none())
    }

    /// The system says that nobody is at `to`; `code` is the error's number (`errno`).
    pub fn refused(&mut self, now: At, to: SocketAddr, code: i32) {
        let (now, to) = (micros(now), plain(to));
        let port = Error::from_raw_os_error(code).kind() == ErrorKind::ConnectionRefused;
        for slot in self.streams.find_all(|stream| stream.to == to) {
            if let Some(stream) = self.streams.at(slot) {
                stream.refused(code, port);
            }
            self.settle(now, slot);
        }
    }

    /// The system says that packets to `to` may have no more than `most` bytes of UDP payload; `None`: fewer than what was
    /// sent. Of what it does not let leave at all it knows no port, and says 0.
    pub fn too_big(&mut self, now: At, to: SocketAddr, most: Option<u16>) {
        let (now, to) = (micros(now), plain(to));
        let fits = |stream: &Stream| match to.port() {
            0 => stream.to.ip() == to.ip(),
            _ => stream.to == to,
        };
        for slot in self.streams.find_all(fits) {
            if let Some(stream) = self.streams.at(slot) {
                stream.too_big(now, most);
            }
            self.settle(now, slot);
        }
    }

    /// When [`Self::expire`] is to be called next. It may be early, never late.
    pub fn deadline(&self) -> Option<At> {
        self.timers.next().map(Duration::from_micros)
    }

    /// Does what time brings: resends, probes, lingering.
    pub fn expire(&mut self, now: At) {
        let now = micros(now);
        while let Some(slot) = self.timers.due(now) {
            let Some(stream) = self.streams.at(slot) else { continue };
            stream.timer = NEVER;
            stream.expire(now);
            self.settle(now, slot);
        }
    }

    /// The next thing that happened.
    pub fn event(&mut self) -> Option<(StreamId, Event)> {
        self.events.pop_front()
    }

    /// Copies what came in order into `slices`, in their order; says how many bytes. 0 where [`Self::at_end`]: no more comes.
    pub fn read(&mut self, now: At, id: StreamId, slices: &mut [IoSliceMut<'_>]) -> usize {
        self.with(now, id, |_, stream| stream.read(slices)).unwrap_or(0)
    }

    /// Bytes that a read would bring now.
    pub fn readable(&self, id: StreamId) -> usize {
        self.streams.get(id).map_or(0, Stream::readable)
    }

    /// Bytes that came and that nobody read, those beyond a gap too.
    #[cfg(test)]
    pub(super) fn unread(&self, id: StreamId) -> usize {
        self.streams.get(id).map_or(0, Stream::unread)
    }

    /// Whether everything was read that ever comes.
    pub fn at_end(&self, id: StreamId) -> bool {
        self.streams.get(id).is_none_or(Stream::at_end)
    }

    /// Takes bytes to send; says how many.
    pub fn write(&mut self, now: At, id: StreamId, bytes: &[u8]) -> usize {
        self.with(now, id, |now, stream| stream.write(now, bytes)).unwrap_or(0)
    }

    /// No more is written: our end of the stream comes behind what there is.
    pub fn finish(&mut self, now: At, id: StreamId) {
        self.with(now, id, |_, stream| stream.finish());
    }

    /// Whether everything that was written is acknowledged, and our end of the stream, where there is one.
    pub fn is_flushed(&self, id: StreamId) -> bool {
        self.streams.get(id).is_none_or(Stream::is_flushed)
    }

    /// Done with it, whatever was not acknowledged: what is in no packet yet is thrown away, the peer is told why, and the
    /// endpoint forgets the stream when it heard. The id means nothing from now on. A dial that is not open yet is given
    /// up. [`CloseReason::NONE`] is not told.
    pub fn close(&mut self, now: At, id: StreamId, reason: CloseReason) {
        self.with(now, id, |now, stream| stream.close(now, reason));
    }

    /// Where its packets go.
    pub fn peer(&self, id: StreamId) -> Option<SocketAddr> {
        self.streams.get(id).map(|stream| stream.to)
    }

    /// Why it is over, once it is.
    pub fn end_of(&self, id: StreamId) -> Option<&End> {
        self.streams.get(id)?.end_of()
    }

    /// Why the peer closes, once it said so.
    pub fn close_reason(&self, id: StreamId) -> Option<CloseReason> {
        self.streams.get(id)?.peer_reason()
    }

    /// How it goes.
    pub fn figures(&self, _now: At, id: StreamId) -> Option<StreamFigures> {
        self.streams.get(id).map(Stream::figures)
    }

    /// What came and was not as it should be.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Streams, and those that are closed and not forgotten yet.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    fn with<T>(&mut self, now: At, id: StreamId, act: impl FnOnce(Micros, &mut Stream) -> T) -> Option<T> {
        let now = micros(now);
        let slot = self.streams.slot(id)?;
        let outcome = act(now, self.streams.at(slot)?);
        self.settle(now, slot);
        Some(outcome)
    }

    /// Draws the conclusions from what happened to a stream: tells of it, sets its timer, has it send or forgets it.
    pub(super) fn settle(&mut self, now: Micros, slot: u32) {
        let Some(stream) = self.streams.at(slot) else { return };
        stream.touched = false;
        if stream.is_gone() {
            self.timers.clear(slot, stream.timer);
            self.streams.remove(now, slot);
            return;
        }
        stream.set_timers(now);
        stream.timer = self.timers.set(slot, stream.timer, stream.deadline());
        if !stream.queued && stream.wants_to_send(now) {
            stream.queued = true;
            self.ready.push_back(slot);
        }
        let events = &mut self.events;
        let first = events.len();
        stream.take_events(|event| events.push_back((StreamId(0), event)));
        if events.len() > first {
            let id = self.streams.id(slot);
            for event in self.events.range_mut(first..) {
                event.0 = id;
            }
        }
    }
}

/// What of an address tells peers apart: packets of one may bear several flow labels.
pub(super) fn plain(addr: SocketAddr) -> SocketAddr {
    match (addr.ip(), addr) {
        (IpAddr::V6(ip), SocketAddr::V6(addr)) => {
            SocketAddrV6::new(ip, addr.port(), 0, addr.scope_id()).into()
        }
        _ => addr,
    }
}
