//! uTP (BEP 29) over the UDP sockets of the port: gives [`crate::utp`] sockets and time, and its streams to tasks.
//!
//! Whatever changes a stream (a batch of packets, a timer, a task that reads or writes) sends at once what is due then. One
//! sends at a time, without holding the streams: a system call takes longer than what is done to a stream.

mod farewell;
mod pump;
mod stream;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use self::pump::Pump;
pub use self::stream::UtpStream;
use super::clock::Clock;
use super::udp::{Socket, Streams, Udp};
use crate::event::At;
use crate::utp::{Counters, Endpoint, Event, Settings, StreamId};

/// Streams that others opened and nobody took yet. More are closed.
const MOST_UNTAKEN: usize = 64;

/// All streams of a run. Copies are the same.
#[derive(Clone, Debug)]
pub struct Utp(Arc<Shared>);

pub(super) struct Shared {
    /// It knows us only for as long as we live.
    udp: Udp,
    clock: Clock,
    streams: Mutex<State>,
    pump: Pump,
    /// There is something to send that the socket did not take, or something is due earlier than it was.
    sooner: Notify,
    /// Somebody called.
    called: Notify,
}

struct State {
    endpoint: Endpoint,
    /// Who waits for what of which stream.
    waiting: HashMap<StreamId, Waiting>,
    calls: VecDeque<(StreamId, SocketAddr)>,
    /// When the batch began that is being heard.
    hearing: Option<At>,
    /// When the driver looks again.
    armed: Option<At>,
}

/// Who waits for a stream.
#[derive(Default)]
struct Waiting {
    is_open: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Utp {
    /// Streams over the sockets of `udp`, with ids drawn from `seed`. Nothing passes until it [hears](Self::hear) and is run.
    pub(super) fn over(udp: Udp, clock: Clock, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            clock,
            streams: Mutex::new(State {
                endpoint: Endpoint::new(Settings::default(), seed),
                waiting: HashMap::new(),
                calls: VecDeque::new(),
                hearing: None,
                armed: None,
            }),
            pump: Pump::default(),
            sooner: Notify::new(),
            called: Notify::new(),
            udp,
        });
        Self(shared)
    }

    /// Takes the packets of uTP that come to the sockets from now on. Where uTP is not used they are packets of a protocol
    /// that nobody speaks here, which get no answer: libtorrent gives none either, and a reset would go to whatever address
    /// a packet claims to be from. A call that is refused for a while does get one: its caller need not wait in vain.
    pub(super) fn hear(&self) {
        let streams: Weak<dyn Streams> = Arc::<Shared>::downgrade(&self.0) as Weak<dyn Streams>;
        self.0.udp.carry(streams);
    }

    /// What came to the sockets beside the packets of streams, as far as it was heard.
    pub(super) fn counters(&self) -> Counters {
        self.0.state().endpoint.counters()
    }

    /// Packets at the sockets that are of no protocol spoken here.
    pub(super) fn other_packets(&self) -> u64 {
        self.0.udp.other_packets()
    }

    /// Streams on a socket of their own, which take calls: also where that is, and what drives them.
    ///
    /// # Errors
    ///
    /// When nothing can be bound to `addr`.
    pub(crate) fn alone(
        addr: SocketAddr,
        clock: Clock,
        seed: u64,
    ) -> io::Result<(Self, SocketAddr, impl Future<Output = ()> + Send + use<>)> {
        let socket = Socket::bind(addr)?;
        let addr = socket.local_addr()?;
        let udp = Udp::over(vec![socket]);
        let utp = Self::over(udp.clone(), clock, seed);
        utp.hear();
        utp.set_accepts(true);
        let driver = utp.clone();
        let driving = async move {
            tokio::join!(udp.run(), driver.run());
        };
        Ok((utp, addr, driving))
    }

    /// Does what is due, for as long as it is polled.
    pub async fn run(self) {
        self.0.drive().await;
    }

    /// Opens a stream to `to`.
    ///
    /// # Errors
    ///
    /// That it is refused, that nobody answers (`TimedOut`), or what the system says.
    pub(super) async fn connect(&self, to: SocketAddr) -> io::Result<UtpStream> {
        let shared = &self.0;
        let id = {
            let mut state = shared.state();
            let id = state.endpoint.connect(shared.clock.now(), to);
            let id = id.ok_or_else(|| io::Error::other("there are too many uTP streams"))?;
            state.waiting.insert(id, Waiting::default());
            id
        };
        // From here on it is closed when nobody waits any more.
        let mut stream = UtpStream::new(Arc::clone(shared), id);
        shared.send();
        poll_fn(|cx| stream.poll_open(cx)).await?;
        Ok(stream)
    }

    /// The next stream that another opened, and from where.
    pub(crate) async fn accept(&self) -> (UtpStream, SocketAddr) {
        let shared = &self.0;
        loop {
            let called = shared.called.notified();
            if let Some((id, from)) = shared.state().calls.pop_front() {
                return (UtpStream::new(Arc::clone(shared), id), from);
            }
            called.await;
        }
    }

    /// Whether others may open streams from now on.
    pub(super) fn set_accepts(&self, accepts: bool) {
        self.0.state().endpoint.set_accepts(accepts);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is due, and has the driver look again in time.
    fn send(&self) {
        let is_blocked = self.pump.run(&self.udp, self.clock, &self.streams);
        let mut state = self.state();
        let due = state.endpoint.deadline();
        let sooner = due.is_some_and(|due| state.armed.is_none_or(|armed| due < armed));
        if sooner {
            state.armed = due;
        }
        drop(state);
        if sooner || is_blocked {
            self.sooner.notify_one();
        }
    }

    async fn drive(&self) {
        loop {
            let due = {
                let mut state = self.state();
                state.armed = state.endpoint.deadline();
                state.armed
            };
            let blocked = self.pump.blocked();
            tokio::select! {
                () = wait_until(due.map(|due| self.clock.instant(due))) => {}
                () = self.sooner.notified() => {}
                () = self.udp.writable(blocked) => {}
            }
            let now = self.clock.now();
            let woken = {
                let mut state = self.state();
                if state.endpoint.deadline().is_some_and(|due| due <= now) {
                    state.endpoint.expire(now);
                }
                state.happened(now)
            };
            self.wake(woken);
            // Whether it is blocked, and when something is due, is looked at next.
            self.pump.run(&self.udp, self.clock, &self.streams);
        }
    }

    fn wake(&self, woken: Woken) {
        woken.wakers.into_iter().for_each(Waker::wake);
        if woken.called {
            self.called.notify_one();
        }
    }
}

/// Whom what happened concerns.
#[derive(Default)]
struct Woken {
    wakers: Vec<Waker>,
    called: bool,
}

impl State {
    /// When the batch came of which something is heard.
    fn hears(&mut self, clock: Clock) -> At {
        *self.hearing.get_or_insert_with(|| clock.now())
    }

    /// Notes what happened to streams. Returns whom to wake, once the streams are no longer held.
    fn happened(&mut self, now: At) -> Woken {
        let mut woken = Woken::default();
        while let Some((id, event)) = self.endpoint.event() {
            if let Event::Accepted { from } = event {
                if self.calls.len() == MOST_UNTAKEN {
                    self.endpoint.close(now, id, farewell::CROWDED);
                    continue;
                }
                self.waiting.insert(id, Waiting { is_open: true, ..Waiting::default() });
                self.calls.push_back((id, from));
                woken.called = true;
                continue;
            }
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            match event {
                Event::Connected => waiting.is_open = true,
                Event::Readable | Event::Writable | Event::Ended | Event::Accepted { .. } => {}
            }
            if event != Event::Writable {
                woken.wakers.extend(waiting.reader.take());
            }
            if event != Event::Readable {
                woken.wakers.extend(waiting.writer.take());
            }
        }
        woken
    }
}

impl Streams for Shared {
    fn hear(&self, from: SocketAddr, packet: &[u8]) {
        let mut state = self.state();
        let now = state.hears(self.clock);
        state.endpoint.hear(now, from, packet);
    }

    fn refused(&self, to: SocketAddr, error: &io::Error) {
        if let Some(code) = error.raw_os_error() {
            let mut state = self.state();
            let now = state.hears(self.clock);
            state.endpoint.refused(now, to, code);
        }
    }

    fn too_long(&self, to: SocketAddr, most: Option<u32>) {
        let mut state = self.state();
        let now = state.hears(self.clock);
        state.endpoint.too_big(now, to, most.map(|most| payload_of(to, most)));
    }

    fn heard_all(&self) {
        let woken = {
            let mut state = self.state();
            // Where nothing was of a stream, nothing is due.
            let Some(now) = state.hearing.take() else { return };
            state.endpoint.flush(now);
            state.happened(now)
        };
        self.wake(woken);
        self.send();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("udp", &self.udp).finish_non_exhaustive()
    }
}

/// The bytes that UDP carries in an IP packet of so many.
fn payload_of(to: SocketAddr, packet: u32) -> u16 {
    let headers = if to.is_ipv4() { 20 + 8 } else { 40 + 8 };
    u16::try_from(packet.saturating_sub(headers)).unwrap_or(u16::MAX)
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
pub(super) mod tests;
