//! Dialling and shaking hands, and the one cause of every way it can fail (BEP 3).
//!
//! Which cause wins: the first byte that is none of a handshake's decides `not_bittorrent`, however few came; a right
//! beginning that stops, by whatever, is `handshake_truncated`; all 48 bytes up to the info-hash with another hash
//! are a mismatch; nothing at all is closed, reset or silent.

mod encrypted;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub use self::encrypted::{accept, shake_out_encrypted};
use super::clock::Clock;
use super::errno::{Broken, dial_cause};
use super::link::{Overhead, Shaken};
use super::mse::{Carrier, Mse};
use super::transport::Transport;
use crate::event::{At, Cause, Encryption, OsError};
use crate::swarm::{Closed, ConnKey};
use crate::text;
use crate::wire::mse::{MseError, Payload};
use crate::wire::{HANDSHAKE_BYTES, Handshake, Judged, LooksLike, looks_like};

/// How long a connection may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a handshake may take, ours written and theirs read.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Steps of one handshake: connected, sent, agreed, received, and what it looks like.
pub const MOST_STEPS: usize = 5;
/// Bytes of a stranger that are shown.
const SHOWN_BYTES: usize = 60;
/// How much longer is read when the end is decided, to tell who is there.
const NAMING_TIME: Duration = Duration::from_millis(200);
const NAMING_BYTES: usize = 512;
/// With these the torrent is known.
const UP_TO_INFO_HASH: usize = 48;

/// How far an attempt has come. Its end is what [`dial`] or [`accept`] return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HandshakeStep {
    /// The connection is open.
    Connected,
    /// These bytes, our handshake, are written.
    Sent(Bytes),
    /// These bytes came where its handshake belongs: all 68, or as many as came before it ended. Said once, and
    /// not when none came.
    Received(Bytes),
    /// What came is no handshake; it looks like this.
    LooksLike(LooksLike),
    /// Under encryption, both sides agreed on what follows.
    Agreed(Payload),
}

/// Where the steps of one connection are told, with the time of each. Nobody need listen.
#[derive(Clone, Debug)]
pub struct Steps {
    conn: ConnKey,
    clock: Clock,
    to: mpsc::Sender<(ConnKey, At, HandshakeStep)>,
}

impl Steps {
    /// Tells `to` the steps of `conn`. There are [`MOST_STEPS`] at most.
    pub fn new(conn: ConnKey, clock: Clock, to: mpsc::Sender<(ConnKey, At, HandshakeStep)>) -> Self {
        Self { conn, clock, to }
    }

    /// For those who want only the end.
    pub fn untold() -> Self {
        Self::new(ConnKey(u32::MAX), Clock::start(), mpsc::channel(1).0)
    }

    pub(super) async fn tell(&self, step: HandshakeStep) {
        // Whoever stopped listening has no use for it.
        let _ = self.to.send((self.conn, self.clock.now(), step)).await;
    }
}

/// Connects to `addr` and shakes hands, encrypted or not.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn dial(
    addr: SocketAddr,
    ours: &Handshake,
    encryption: Encryption,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier, Shaken), Box<Closed>> {
    let stream = connect(addr, steps).await?;
    shake_out_as(stream, ours, encryption, mse, steps).await
}

/// Connects to `addr`.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub(super) async fn connect(addr: SocketAddr, steps: &Steps) -> Result<TcpStream, Box<Closed>> {
    let until = steps.clock.now() + CONNECT_TIMEOUT;
    let stream = match steps.clock.within(until, TcpStream::connect(addr)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return Err(ended(dial_cause(&error), Some(&error))),
        None => return Err(ended(Cause::ConnectTimeout, None)),
    };
    // A refused option costs speed, not the connection.
    let _ = stream.set_nodelay(true);
    steps.tell(HandshakeStep::Connected).await;
    Ok(stream)
}

/// Shakes hands over a connection we opened, encrypted or not.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub(super) async fn shake_out_as<T: Transport>(
    mut transport: T,
    ours: &Handshake,
    encryption: Encryption,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Shaken), Box<Closed>> {
    match encryption {
        Encryption::Plain => {
            let shaken = shake_out(&mut transport, ours, steps).await?;
            Ok((Carrier::Bare(transport), shaken))
        }
        Encryption::Mse => shake_out_encrypted(transport, ours, mse, steps).await,
    }
}

/// Shakes hands over a connection we opened: ours first.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn shake_out<T: Transport>(
    transport: &mut T,
    ours: &Handshake,
    steps: &Steps,
) -> Result<Shaken, Box<Closed>> {
    let mut shake = Shake::new(transport, ours, Cause::InfoHashMismatch, steps.clock);
    let result = shake.out(steps).await;
    shake.conclude(result, steps).await
}

/// Why no more is read.
enum Stop {
    /// The other side closed, or had closed when we wrote.
    Closed,
    /// Too late.
    Timeout,
    /// The connection broke.
    Error(io::Error),
    /// What came decides.
    Decided(Cause, String),
    /// The negotiation of an encryption failed.
    Mse(MseError),
}

struct Shake<'a, T> {
    transport: &'a mut T,
    ours: &'a Handshake,
    /// The cause when it means another torrent.
    other_torrent: Cause,
    clock: Clock,
    deadline: At,
    /// What came where a handshake belongs.
    received: Vec<u8>,
    /// Bytes of ours that were written.
    sent_bytes: u64,
    /// What passed before.
    overhead: Overhead,
}

impl<'a, T: Transport> Shake<'a, T> {
    fn new(transport: &'a mut T, ours: &'a Handshake, other_torrent: Cause, clock: Clock) -> Self {
        let deadline = clock.now() + HANDSHAKE_TIMEOUT;
        let received = Vec::with_capacity(HANDSHAKE_BYTES);
        Self {
            transport,
            ours,
            other_torrent,
            clock,
            deadline,
            received,
            sent_bytes: 0,
            overhead: Overhead::default(),
        }
    }

    async fn out(&mut self, steps: &Steps) -> Result<Handshake, Stop> {
        // What the other side said before it closed outweighs that our bytes could not be written.
        let written = self.write(steps).await;
        self.read_up_to(UP_TO_INFO_HASH).await?;
        written?;
        self.rest().await
    }

    /// All of theirs, ours being written.
    async fn rest(&mut self) -> Result<Handshake, Stop> {
        self.read_up_to(HANDSHAKE_BYTES).await?;
        self.whole()
    }

    async fn inward(&mut self, steps: &Steps) -> Result<Handshake, Stop> {
        self.read_up_to(UP_TO_INFO_HASH).await?;
        self.write(steps).await?;
        self.rest().await
    }

    async fn write(&mut self, steps: &Steps) -> Result<(), Stop> {
        let bytes = self.ours.to_bytes();
        let written = async {
            self.transport.write_all(&bytes).await?;
            self.transport.flush().await
        };
        self.clock.within(self.deadline, written).await.ok_or(Stop::Timeout)?.map_err(Stop::Error)?;
        self.sent_bytes = bytes.len() as u64;
        steps.tell(HandshakeStep::Sent(Bytes::copy_from_slice(&bytes))).await;
        Ok(())
    }

    /// Reads until that many bytes are here, never more: what follows a handshake belongs to whoever reads messages.
    async fn read_up_to(&mut self, want: usize) -> Result<(), Stop> {
        loop {
            match Handshake::judge(&self.received) {
                Judged::NotBittorrent { at } => {
                    self.read_on(NAMING_BYTES).await;
                    let detail = format!("byte {at} is none of a handshake's");
                    return Err(Stop::Decided(Cause::NotBittorrent, detail));
                }
                Judged::Torrent { info_hash, .. } if info_hash != self.ours.info_hash => {
                    self.read_on(HANDSHAKE_BYTES).await;
                    return Err(Stop::Decided(self.other_torrent, format!("it said {info_hash}")));
                }
                _ if self.received.len() >= want => return Ok(()),
                _ => self.read_some(want, self.deadline).await?,
            }
        }
    }

    /// The end is decided; a little more tells who it was.
    async fn read_on(&mut self, most: usize) {
        let until = (self.clock.now() + NAMING_TIME).min(self.deadline);
        while self.received.len() < most && self.read_some(most, until).await.is_ok() {}
    }

    async fn read_some(&mut self, want: usize, until: At) -> Result<(), Stop> {
        let mut buffer = [0; NAMING_BYTES];
        let room = want.saturating_sub(self.received.len()).min(buffer.len());
        match self.clock.within(until, self.transport.read(&mut buffer[..room])).await {
            None => Err(Stop::Timeout),
            Some(Err(error)) => Err(Stop::Error(error)),
            Some(Ok(0)) => Err(Stop::Closed),
            Some(Ok(n)) => {
                self.received.extend_from_slice(&buffer[..n]);
                Ok(())
            }
        }
    }

    fn whole(&self) -> Result<Handshake, Stop> {
        match Handshake::judge(&self.received) {
            Judged::Whole(theirs) if theirs.peer_id == self.ours.peer_id => {
                Err(Stop::Decided(Cause::SelfConnection, "it has our own peer id".to_owned()))
            }
            Judged::Whole(theirs) => Ok(theirs),
            _ => Err(Stop::Closed),
        }
    }

    async fn conclude(self, result: Result<Handshake, Stop>, steps: &Steps) -> Result<Shaken, Box<Closed>> {
        match result {
            Ok(theirs) => {
                let received = self.tell_received(steps).await;
                let (peer_id, reserved) = (theirs.peer_id, theirs.reserved.0);
                Ok(Shaken { peer_id, reserved, received, overhead: self.overhead })
            }
            Err(stop) => Err(self.end(&stop, steps).await),
        }
    }

    /// The attempt's end.
    async fn end(self, stop: &Stop, steps: &Steps) -> Box<Closed> {
        // What a negotiation says is no handshake, not even the beginning of one.
        if !matches!(stop, Stop::Mse(_)) {
            self.tell_received(steps).await;
        }
        let (cause, detail) = judge_end(stop, &self.received);
        if cause == Cause::NotBittorrent {
            steps.tell(HandshakeStep::LooksLike(looks_like(&self.received))).await;
        }
        let error = if let Stop::Error(error) = stop { Some(error) } else { None };
        Box::new(Closed {
            detail,
            bytes_in: self.received.len() as u64 + self.overhead.bytes_in,
            bytes_out: self.sent_bytes + self.overhead.bytes_out,
            ..*ended(cause, error)
        })
    }

    async fn tell_received(&self, steps: &Steps) -> Bytes {
        let shown = self.received.len().min(HANDSHAKE_BYTES);
        let received = Bytes::copy_from_slice(&self.received[..shown]);
        if shown > 0 {
            steps.tell(HandshakeStep::Received(received.clone())).await;
        }
        received
    }
}

fn judge_end(stop: &Stop, received: &[u8]) -> (Cause, Option<String>) {
    let nothing = received.is_empty();
    match stop {
        Stop::Decided(cause @ Cause::NotBittorrent, detail) => {
            let like = looks_like(received).name();
            let began = text::escape(received, SHOWN_BYTES);
            (*cause, Some(format!("{detail}; looks like {like}: \"{began}\"")))
        }
        Stop::Decided(cause, detail) => (*cause, Some(detail.clone())),
        Stop::Mse(MseError::UnknownTorrent) => (Cause::UnknownInfoHash, None),
        Stop::Mse(MseError::PlainOnly) => {
            let detail = "it goes on in plain only, which --encryption require forbids".to_owned();
            (Cause::EncryptionMismatch, Some(detail))
        }
        Stop::Mse(error) => (Cause::EncryptionFailed, Some(error.code().to_owned())),
        _ if !nothing => {
            let ending = match stop {
                Stop::Timeout => "then nothing more came",
                Stop::Error(_) => "then the connection broke",
                _ => "then it closed",
            };
            (Cause::HandshakeTruncated, Some(format!("{} of 68 bytes, {ending}", received.len())))
        }
        Stop::Closed => (Cause::ClosedBeforeHandshake, None),
        Stop::Timeout => (Cause::HandshakeTimeout, None),
        Stop::Error(error) => match Broken::of(error) {
            Broken::Closed => (Cause::ClosedBeforeHandshake, None),
            Broken::Reset => (Cause::ResetBeforeHandshake, None),
            Broken::Lost => (Cause::ConnectionLost, None),
            Broken::Local => (Cause::LocalError, None),
        },
    }
}

fn ended(cause: Cause, error: Option<&io::Error>) -> Box<Closed> {
    Box::new(Closed { cause, error: error.map(OsError::from), detail: None, bytes_in: 0, bytes_out: 0 })
}

#[cfg(test)]
mod tests;
