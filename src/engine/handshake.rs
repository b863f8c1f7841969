//! Dialling, and shaking hands over sockets: [`Handshaking`] says what to do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::clock::Clock;
use super::errno::dial_cause;
use super::line::Line;
use super::mailbox;
use super::mse::{Carrier, Mse};
use super::transport::Transport;
use super::utp::Utp;
use crate::event::{self, At, Cause, Encryption, OsError};
use crate::peer::{Broken, Called, Closed, ConnKey, Handshaken, Handshaking, Input, Next, Step};
use crate::swarm::EncryptionPolicy;
use crate::wire::Handshake;

/// How long a connection may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is asked for in one read.
const READ_BYTES: usize = 1024;

/// Where the steps of one connection are told, with the time of each. Nobody need listen.
#[derive(Clone, Debug)]
pub struct Steps {
    conn: ConnKey,
    clock: Clock,
    to: mailbox::Sender<(ConnKey, At, Step)>,
}

impl Steps {
    /// Tells `to` the steps of `conn`. There are [`MOST_STEPS`](crate::peer::MOST_STEPS) at most.
    pub fn new(conn: ConnKey, clock: Clock, to: mailbox::Sender<(ConnKey, At, Step)>) -> Self {
        Self { conn, clock, to }
    }

    /// For those who want only the end.
    pub fn untold(clock: Clock) -> Self {
        Self::new(ConnKey(u32::MAX), clock, mailbox::channel(1).0)
    }

    /// The connection is open.
    pub(super) async fn connected(&self) {
        self.tell(self.clock.now(), Step::Connected).await;
    }

    async fn tell(&self, at: At, step: Step) {
        // A receiver that is gone has no use for it.
        let _ = self.to.send((self.conn, at, step)).await;
    }
}

/// What a peer is dialled over.
#[derive(Clone, Copy, Debug)]
pub enum Over<'a> {
    /// TCP.
    Tcp,
    /// uTP, by these streams.
    Utp(&'a Utp),
}

impl<'a> Over<'a> {
    /// That transport; uTP by these streams, which whoever uses it has.
    pub(super) fn by(transport: event::Transport, utp: Option<&'a Utp>) -> Self {
        match utp.filter(|_| transport == event::Transport::Utp) {
            Some(utp) => Self::Utp(utp),
            None => Self::Tcp,
        }
    }
}

/// What dials of one peer over several transports share: who is connected first goes on, the others write nothing.
/// Copies are the same race.
#[derive(Clone, Debug, Default)]
pub(super) struct Race(Arc<AtomicBool>);

impl Race {
    /// Takes the first place. False: it is taken.
    fn win(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Connects to `addr` and shakes hands, encrypted or not.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn dial(
    addr: SocketAddr,
    over: Over<'_>,
    ours: &Handshake,
    encryption: Encryption,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier, Handshaken), Box<Closed>> {
    dial_in(&Race::default(), addr, over, ours, encryption, mse, steps).await
}

/// The same, unless another dial of the race is connected before.
pub(super) async fn dial_in(
    race: &Race,
    addr: SocketAddr,
    over: Over<'_>,
    ours: &Handshake,
    encryption: Encryption,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier, Handshaken), Box<Closed>> {
    let line = open(addr, over, steps.clock).await?;
    if !race.win() {
        return Err(ended(Cause::LostRace, None));
    }
    steps.connected().await;
    call(line, ours, encryption, mse, steps).await
}

/// Connects to `addr`.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub(super) async fn connect(addr: SocketAddr, over: Over<'_>, steps: &Steps) -> Result<Line, Box<Closed>> {
    let line = open(addr, over, steps.clock).await?;
    steps.connected().await;
    Ok(line)
}

async fn open(addr: SocketAddr, over: Over<'_>, clock: Clock) -> Result<Line, Box<Closed>> {
    let opened = async {
        match over {
            Over::Tcp => {
                let stream = TcpStream::connect(addr).await?;
                // A refused option costs speed, not the connection.
                let _ = stream.set_nodelay(true);
                Ok(Line::Tcp(stream))
            }
            Over::Utp(utp) => utp.connect(addr).await.map(Line::Utp),
        }
    };
    match clock.within(clock.now() + CONNECT_TIMEOUT, opened).await {
        Some(Ok(line)) => Ok(line),
        // Of uTP it is we who stopped waiting, not the system.
        Some(Err(error)) if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::TimedOut => {
            Err(ended(Cause::ConnectTimeout, None))
        }
        Some(Err(error)) => Err(ended(dial_cause(&error), Some(&error))),
        None => Err(ended(Cause::ConnectTimeout, None)),
    }
}

fn ended(cause: Cause, error: Option<&io::Error>) -> Box<Closed> {
    Box::new(Closed { error: error.map(OsError::from), ..Closed::because(cause) })
}

/// Shakes hands over a connection we opened, encrypted or not.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub(super) async fn call<T: Transport>(
    transport: T,
    ours: &Handshake,
    encryption: Encryption,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Handshaken), Box<Closed>> {
    let encrypted = (encryption == Encryption::Mse).then(|| (mse.offer(), mse.random()));
    shake(transport, Handshaking::out(steps.clock.now(), *ours, encrypted), false, mse, steps).await
}

/// Shakes hands over a connection the peer opened, plain or encrypted as it likes and our settings allow.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn accept<T: Transport>(
    transport: T,
    called: Called,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Handshaken), Box<Closed>> {
    let plain = mse.policy != EncryptionPolicy::Require;
    let encrypted = (mse.policy != EncryptionPolicy::Off).then(|| (mse.offer(), mse.random()));
    shake(transport, Handshaking::inward(steps.clock.now(), called, plain, encrypted), true, mse, steps).await
}

/// Does what the handshake wants, until it is over.
async fn shake<T: Transport>(
    mut transport: T,
    mut shake: Handshaking,
    called: bool,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Handshaken), Box<Closed>> {
    let clock = steps.clock;
    let mut buffer = [0; READ_BYTES];
    loop {
        let next = shake.next(clock.now());
        while let Some((at, step)) = shake.step() {
            steps.tell(at, step).await;
        }
        let until = shake.until();
        let came = match next {
            Next::Write(bytes) => {
                let written = async {
                    transport.write_all(&bytes).await?;
                    transport.flush().await
                };
                clock.within(until, written).await.map(|written| written.map(|()| Input::Wrote))
            }
            Next::Read(most) => {
                let room = most.min(READ_BYTES);
                let read = clock.within(until, transport.read(&mut buffer[..room])).await;
                read.map(|read| read.map(|n| Input::Read(&buffer[..n])))
            }
            Next::Exchange(exchange) => {
                // Without a runtime nobody waits for an answer either.
                let exchanged = clock.within(until, mse.exchange(exchange, called)).await.flatten();
                exchanged.map(|exchanged| Ok(Input::Exchanged(exchanged)))
            }
            Next::Done(Ok((peer, ciphers))) => return Ok((Carrier::new(transport, ciphers), peer)),
            Next::Done(Err(mut end)) => {
                transport.end_because(end.cause);
                end.detail = end.detail.or_else(|| transport.last_words());
                return Err(end);
            }
        };
        let input = match came {
            Some(Ok(input)) => input,
            Some(Err(error)) => Input::Failed(Broken::of(&error), OsError::from(&error)),
            None => Input::TimedOut,
        };
        shake.handle(clock.now(), input);
    }
}

#[cfg(test)]
mod tests;
