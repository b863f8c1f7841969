//! The handshake of a connection (BEP 3), plain or under message stream encryption, and the one cause of every way it
//! can fail.
//!
//! Which cause wins: the first byte that is none of a handshake's decides `not_bittorrent`, however few came; a right
//! beginning that stops, by whatever, is `handshake_truncated`; all 48 bytes up to the info-hash with another hash
//! are a mismatch; nothing at all is closed, reset or silent. Under encryption, somebody else's service is named as
//! such, and all else that keeps the two sides from agreeing is `encryption_failed`, with the reason that the
//! negotiation gives, or `no_sync` where it just stopped.

mod ending;
mod ours;
mod step;

use std::collections::VecDeque;
use std::time::Duration;

use self::ending::{Stop, judge_end, speaks_in_words};
pub use self::ours::Called;
use self::ours::Us;
pub use self::step::Step;
use super::{Broken, Closed};
use crate::event::{At, Cause, OsError};
use crate::metainfo::{InfoHash, PeerId};
use crate::wire::mse::{
    Agreed, Ciphers, Exchange, Exchanged, Incoming, KEY_BYTES, MseError, Negotiation, Offer, Outgoing,
    Step as MseStep,
};
use crate::wire::{HANDSHAKE_BYTES, Handshake, Judged, LooksLike, PROTOCOL, Reserved, looks_like};

/// How long a handshake may take, ours written and theirs read.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Steps of one handshake: connected, sent, agreed, received, and what it looks like.
pub const MOST_STEPS: usize = 5;
/// How much longer is read when the end is decided, to tell who is there.
const NAMING_TIME: Duration = Duration::from_millis(200);
const NAMING_BYTES: usize = 512;
/// With these the torrent is known.
const UP_TO_INFO_HASH: usize = 48;

/// What a handshake wants done next.
#[derive(Debug)]
pub enum Next {
    /// Write all of these bytes; answer with [`Input::Wrote`].
    Write(Vec<u8>),
    /// Read some bytes, this many at most; answer with [`Input::Read`].
    Read(usize),
    /// Calculate, where it delays nobody; answer with [`Input::Exchanged`].
    Exchange(Exchange),
    /// It is over. After a valid handshake: who is there, and under what all that follows travels, if under anything.
    Done(Result<(Handshaken, Option<Ciphers>), Box<Closed>>),
}

/// What came of what a handshake wanted.
#[derive(Debug)]
pub enum Input<'a> {
    /// The bytes are written.
    Wrote,
    /// These bytes came; none: the other side closed.
    Read(&'a [u8]),
    /// The result of the calculation.
    Exchanged(Exchanged),
    /// [`Handshaking::until`] passed before that.
    TimedOut,
    /// The connection broke.
    Failed(Broken, OsError),
}

/// What a valid handshake told of the other end.
#[derive(Clone, Copy, Debug)]
pub struct Handshaken {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Its peer id.
    pub peer_id: PeerId,
    /// Its reserved bytes.
    pub reserved: Reserved,
    /// What passed besides the two handshakes.
    pub overhead: Overhead,
}

/// Bytes of a key exchange, which belong to no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overhead {
    /// Received.
    pub bytes_in: u64,
    /// Sent.
    pub bytes_out: u64,
}

#[derive(Debug)]
enum State {
    /// It called: plain or encrypted is for it to say.
    First,
    Negotiating(Box<dyn Negotiation + Send>),
    /// Ours is to be written.
    Ours,
    /// Theirs is to be read.
    Theirs,
    /// The end is decided; a little more, up to so many bytes, tells who it was.
    Naming(usize, Stop),
}

/// The handshake of one connection, ours and theirs.
#[derive(Debug)]
pub struct Handshaking {
    us: Us,
    /// The peer opened the connection.
    called: bool,
    /// Whether it may be plain.
    plain: bool,
    /// What an encrypted one may go on with, if it may be encrypted.
    encrypted: Option<(Offer, fastrand::Rng)>,
    until: At,
    state: State,
    ciphers: Option<Ciphers>,
    /// What came where a handshake belongs.
    received: Vec<u8>,
    /// Bytes that are being written, and that were.
    writing_bytes: u64,
    sent_bytes: u64,
    /// Our handshake is written.
    wrote: bool,
    /// It could not be written.
    unwritten: Option<Stop>,
    stopped: Option<Stop>,
    /// What passed before.
    overhead: Overhead,
    steps: VecDeque<(At, Step)>,
}

impl Handshaking {
    /// Shakes hands over a connection that we opened: encrypted, where there is something to offer, else plain.
    pub fn out(now: At, ours: Handshake, encrypted: Option<(Offer, fastrand::Rng)>) -> Self {
        let mut shake = Self::new(now, Us::Known(ours), false, encrypted.is_none(), None);
        if let Some((offer, random)) = encrypted {
            let side = Outgoing::new(ours.info_hash, offer, &ours.to_bytes(), random);
            shake.state = State::Negotiating(Box::new(side));
        }
        shake
    }

    /// Shakes hands over a connection that the peer opened, plain or encrypted as it likes and we allow.
    pub fn inward(now: At, called: Called, plain: bool, encrypted: Option<(Offer, fastrand::Rng)>) -> Self {
        Self::new(now, Us::Called(called), true, plain, encrypted)
    }

    fn new(now: At, us: Us, called: bool, plain: bool, encrypted: Option<(Offer, fastrand::Rng)>) -> Self {
        Self {
            us,
            called,
            plain,
            encrypted,
            until: now + TIMEOUT,
            state: if called { State::First } else { State::Ours },
            ciphers: None,
            received: Vec::with_capacity(HANDSHAKE_BYTES),
            writing_bytes: 0,
            sent_bytes: 0,
            wrote: false,
            unwritten: None,
            stopped: None,
            overhead: Overhead::default(),
            steps: VecDeque::new(),
        }
    }

    /// What is to be done next. Do it, hand in what came of it, and ask again, until it is over.
    pub fn next(&mut self, now: At) -> Next {
        loop {
            if let Some(stop) = self.stopped.take() {
                return Next::Done(Err(self.end(now, &stop)));
            }
            let next = match &mut self.state {
                State::First => self.first(),
                State::Negotiating(side) => match side.next() {
                    Ok(step) => self.negotiate(now, step),
                    Err(error) => Err(Stop::Mse(error)),
                },
                State::Ours => Ok(Some(self.write_ours())),
                State::Theirs => self.theirs(now),
                State::Naming(most, _) if self.received.len() < *most => {
                    Ok(Some(Next::Read(*most - self.received.len())))
                }
                State::Naming(..) => Err(Stop::Closed),
            };
            match next {
                Ok(Some(next)) => {
                    self.writing_bytes = if let Next::Write(bytes) = &next { bytes.len() as u64 } else { 0 };
                    return next;
                }
                Ok(None) => {}
                Err(stop) => self.stop(stop),
            }
        }
    }

    /// Until when what it wants may take.
    pub fn until(&self) -> At {
        self.until
    }

    /// The next step it has come, with its time.
    pub fn step(&mut self) -> Option<(At, Step)> {
        self.steps.pop_front()
    }

    /// Takes what came of what it wanted.
    pub fn handle(&mut self, now: At, input: Input<'_>) {
        match input {
            Input::Wrote => self.wrote(now),
            Input::Read([]) => self.stop(Stop::Closed),
            Input::Read(bytes) => self.read(bytes),
            Input::Exchanged(exchanged) => {
                if let State::Negotiating(side) = &mut self.state {
                    side.exchanged(exchanged);
                }
            }
            Input::TimedOut => self.stop(Stop::Timeout),
            Input::Failed(broken, error) => self.stop(Stop::Broken(broken, error)),
        }
    }

    fn wrote(&mut self, now: At) {
        self.sent_bytes += self.writing_bytes;
        let inside = if let State::Negotiating(side) = &self.state { Some(side.wrote_first()) } else { None };
        if inside.is_none() {
            self.state = State::Theirs;
        }
        if inside.unwrap_or(true) && !std::mem::replace(&mut self.wrote, true) {
            self.tell(now, Step::Sent(self.us.to_bytes()));
        }
    }

    /// Keeps the first bytes, which tell who is there, and counts the others.
    fn read(&mut self, bytes: &[u8]) {
        if let State::Negotiating(side) = &mut self.state {
            side.received(bytes);
        }
        let kept = bytes.len().min(NAMING_BYTES.saturating_sub(self.received.len()));
        self.overhead.bytes_in += (bytes.len() - kept) as u64;
        let from = self.received.len();
        self.received.extend_from_slice(&bytes[..kept]);
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.incoming.apply(&mut self.received[from..]);
        }
    }

    fn stop(&mut self, stop: Stop) {
        self.stopped = Some(match std::mem::replace(&mut self.state, State::Theirs) {
            State::Naming(_, decided) => decided,
            // What the other side said before it closed outweighs that our bytes could not be written.
            State::Ours if !self.called => {
                self.unwritten = Some(stop);
                return;
            }
            State::Negotiating(_) => self.of_negotiation(stop),
            _ => stop,
        });
    }

    /// Waits until it is clear whether a peer that called begins a plain handshake.
    fn first(&mut self) -> Result<Option<Next>, Stop> {
        let plain = match Handshake::judge(&self.received) {
            Judged::NotBittorrent { .. } => false,
            _ if self.received.len() >= PROTOCOL.len() => true,
            _ => return Ok(Some(Next::Read(PROTOCOL.len() - self.received.len()))),
        };
        if plain && !self.plain {
            let detail = "it called without encryption, which --encryption require forbids".to_owned();
            return Err(Stop::Decided(Cause::EncryptionMismatch, detail));
        }
        self.state = match (self.encrypted.take().filter(|_| !plain), &self.us) {
            (Some((offer, random)), Us::Called(called)) => {
                let mut side = Incoming::new(called.torrents.clone(), offer, random);
                side.received(&self.received);
                State::Negotiating(Box::new(side))
            }
            _ => State::Theirs,
        };
        Ok(None)
    }

    fn negotiate(&mut self, now: At, step: MseStep) -> Result<Option<Next>, Stop> {
        Ok(Some(match step {
            MseStep::Write(bytes) => Next::Write(bytes),
            MseStep::Exchange(exchange) => Next::Exchange(exchange),
            MseStep::Read(most) => {
                if self.is_somebody_else(now)? {
                    return Ok(None);
                }
                Next::Read(most)
            }
            MseStep::Agreed(agreed) => {
                self.agreed(now, agreed);
                return Ok(None);
            }
        }))
    }

    /// A peer that speaks in words speaks no encryption: there is no need to wait for more, nor to calculate.
    fn is_somebody_else(&mut self, now: At) -> Result<bool, Stop> {
        if self.received.len() > KEY_BYTES {
            return Ok(false);
        }
        if !self.called && self.received.starts_with(PROTOCOL) {
            let detail = "it answered without encryption".to_owned();
            return Err(Stop::Decided(Cause::EncryptionMismatch, detail));
        }
        let words = speaks_in_words(looks_like(&self.received));
        if words {
            self.name(now, NAMING_BYTES, self.not_bittorrent());
        }
        Ok(words)
    }

    /// Goes on where a negotiation ended.
    fn agreed(&mut self, now: At, agreed: Agreed) {
        self.tell(now, Step::Agreed(agreed.payload));
        // From here on no other will do.
        agreed.torrent.into_iter().for_each(|torrent| _ = self.us.is_for(torrent));
        let handshake_out = if self.wrote { HANDSHAKE_BYTES as u64 } else { 0 };
        self.overhead.bytes_in += (self.received.len() - agreed.initial.len()) as u64;
        self.overhead.bytes_out = self.sent_bytes - handshake_out;
        self.sent_bytes = handshake_out;
        self.received = agreed.initial;
        self.ciphers = agreed.ciphers;
        self.state = State::Theirs;
    }

    fn write_ours(&mut self) -> Next {
        let mut bytes = self.us.to_bytes();
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.outgoing.apply(&mut bytes);
        }
        Next::Write(bytes)
    }

    /// Never reads more than a handshake: what follows is for the reader of messages.
    fn theirs(&mut self, now: At) -> Result<Option<Next>, Stop> {
        let want = if self.wrote { HANDSHAKE_BYTES } else { UP_TO_INFO_HASH };
        match Handshake::judge(&self.received) {
            Judged::NotBittorrent { .. } => self.name(now, NAMING_BYTES, self.not_bittorrent()),
            Judged::Torrent { info_hash, .. } | Judged::Whole(Handshake { info_hash, .. })
                if !self.us.is_for(info_hash) =>
            {
                let cause = if self.called { Cause::UnknownInfoHash } else { Cause::InfoHashMismatch };
                self.name(now, HANDSHAKE_BYTES, Stop::Decided(cause, format!("it said {info_hash}")));
            }
            Judged::Whole(theirs) if self.wrote => return self.whole(now, theirs).map(Some),
            _ if self.received.len() < want => return Ok(Some(Next::Read(want - self.received.len()))),
            _ => match self.unwritten.take() {
                Some(stop) => return Err(stop),
                None => self.state = State::Ours,
            },
        }
        Ok(None)
    }

    fn whole(&mut self, now: At, theirs: Handshake) -> Result<Next, Stop> {
        let Handshake { peer_id, reserved, info_hash } = theirs;
        if peer_id == self.us.peer_id() {
            return Err(Stop::Decided(Cause::SelfConnection, "it has our own peer id".to_owned()));
        }
        self.tell_received(now);
        Ok(Next::Done(Ok((
            Handshaken { info_hash, peer_id, reserved, overhead: self.overhead },
            self.ciphers.take(),
        ))))
    }

    /// The end is decided; a little more tells who it was.
    fn name(&mut self, now: At, most: usize, stop: Stop) {
        self.until = self.until.min(now + NAMING_TIME);
        self.state = State::Naming(most, stop);
    }

    fn not_bittorrent(&self) -> Stop {
        let at = match Handshake::judge(&self.received) {
            Judged::NotBittorrent { at } => at,
            _ => self.received.len(),
        };
        Stop::Decided(Cause::NotBittorrent, format!("byte {at} is none of a handshake's"))
    }

    /// What it means that a negotiation stopped.
    fn of_negotiation(&self, stop: Stop) -> Stop {
        let like = looks_like(&self.received);
        let service = speaks_in_words(like) || like == LooksLike::Tls;
        // Fewer bytes than a key are no beginning of anything, whoever called.
        let short = self.called && self.received.len() < KEY_BYTES;
        match stop {
            Stop::Mse(MseError::NoSync) if service => self.not_bittorrent(),
            Stop::Closed | Stop::Timeout | Stop::Broken(..) if !self.received.is_empty() => {
                if short || service { self.not_bittorrent() } else { Stop::Mse(MseError::NoSync) }
            }
            stop => stop,
        }
    }

    /// The attempt's end.
    fn end(&mut self, now: At, stop: &Stop) -> Box<Closed> {
        // What a negotiation says is no handshake, not even the beginning of one.
        if !matches!(stop, Stop::Mse(_)) {
            self.tell_received(now);
        }
        let (cause, detail) = judge_end(stop, &self.received);
        if cause == Cause::NotBittorrent {
            self.tell(now, Step::LooksLike(looks_like(&self.received)));
        }
        Box::new(Closed {
            cause,
            error: if let Stop::Broken(_, error) = stop { Some(error.clone()) } else { None },
            detail,
            bytes_in: self.received.len() as u64 + self.overhead.bytes_in,
            bytes_out: self.sent_bytes + self.overhead.bytes_out,
        })
    }

    fn tell(&mut self, now: At, step: Step) {
        self.steps.push_back((now, step));
    }

    fn tell_received(&mut self, now: At) {
        let shown = &self.received[..self.received.len().min(HANDSHAKE_BYTES)];
        if !shown.is_empty() {
            self.tell(now, Step::Received(shown.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests;
