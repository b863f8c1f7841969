//! Takes connections from outside and shakes hands with them.

mod bind;
mod door;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use self::bind::bind_all;
use self::door::Door;
use super::calls::Calls;
use super::clock::Clock;
use super::handshake::{Steps, accept};
use super::line::Line;
use super::mailbox;
use super::mse::{Carrier, Mse};
use super::udp::Udp;
use super::utp::Utp;
use crate::event::{At, Cause, OsError, Transport};
use crate::metainfo::address::holder_of;
use crate::peer::{Called, Closed, ConnKey, Handshaken, MOST_STEPS, Step};

/// Where we listen when no port is asked for, and it is free.
const USUAL_PORTS: std::ops::RangeInclusive<u16> = 6881..=6889;
/// Handshakes in progress, over TCP for each address family, and over uTP.
const MOST_PENDING: usize = 256;
/// After a failed accept, as when no file may be opened any more.
const BACK_OFF: Duration = Duration::from_millis(200);
/// How often a free port is tried that turns out to be taken in the other address family.
const FREE_PORT_TRIES: usize = 20;

/// Why we cannot listen.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ListenError {
    /// Somebody listens there.
    #[error("{protocol} port {port} is taken: choose another with --port, or leave it out")]
    Taken {
        /// TCP or UDP.
        protocol: &'static str,
        /// The port asked for.
        port: u16,
    },
    /// Not allowed, as for ports below 1024.
    #[error("port {port} may not be used: {}", .error.text)]
    Forbidden {
        /// The port asked for.
        port: u16,
        /// What the system said.
        error: OsError,
    },
    /// Anything else.
    #[error("cannot listen for peers: {}", .error.text)]
    System {
        /// What the system said.
        error: OsError,
    },
}

/// Listens on one port, TCP and UDP, over IPv4 and, where the machine has it, IPv6.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    udp: Udp,
    port: u16,
}

/// A connection from outside that shook hands, or did not.
#[derive(Debug)]
pub struct Arrived {
    /// Where from.
    pub addr: SocketAddr,
    /// Over what.
    pub transport: Transport,
    /// What happened so far, with times.
    pub so_far: Vec<(At, Step)>,
    /// The connection after a valid handshake, or the end it came to.
    pub outcome: Result<(Carrier, Handshaken), Box<Closed>>,
}

impl Listener {
    /// Listens on `port`; without one on the first free of 6881–6889, else on any.
    ///
    /// # Errors
    ///
    /// [`ListenError`] when the port asked for cannot be had, or no port at all.
    pub fn bind(port: Option<u16>) -> Result<Self, ListenError> {
        Self::bind_at(&[IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)], port)
    }

    /// Listens on loopback only, on any free port.
    ///
    /// # Errors
    ///
    /// [`ListenError`] when no port can be had.
    pub fn bind_loopback() -> Result<Self, ListenError> {
        Self::bind_at(&[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)], Some(0))
    }

    fn bind_at(addrs: &[IpAddr], port: Option<u16>) -> Result<Self, ListenError> {
        let fixed = port.filter(|&port| port != 0);
        if let Some(port) = fixed {
            return bind_all(addrs, port).map_err(|refused| refused.blame(port));
        }
        if port.is_none() {
            for port in USUAL_PORTS {
                if let Ok(listener) = bind_all(addrs, port) {
                    return Ok(listener);
                }
            }
        }
        let mut tried = bind_all(addrs, 0);
        for _ in 1..FREE_PORT_TRIES {
            if tried.as_ref().err().is_none_or(|refused| !refused.is_taken()) {
                break;
            }
            tried = bind_all(addrs, 0);
        }
        tried.map_err(|refused| refused.blame(0))
    }

    /// The UDP sockets of the port, which stay when nobody is listened to any more.
    pub fn udp(&self) -> Udp {
        self.udp.clone()
    }

    /// Nobody is let in over TCP; the port is free there.
    #[must_use]
    pub fn without_tcp(self) -> Self {
        Self { sockets: Vec::new(), ..self }
    }

    /// The port we listen on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes connections while any torrent takes calls, until the last has stopped, shaking hands with up to 256 at a time
    /// over TCP of each address family, and over uTP: the address with most of them under way then gives up the oldest for the next, so that the
    /// silent keep nobody out. A machine that can open no more files is asked again until it can.
    pub async fn run(self, utp: Option<Utp>, calls: Calls, mse: Mse, clock: Clock) {
        let mut loops = JoinSet::new();
        let doors = self.sockets.into_iter().map(Door::Tcp).chain(utp.map(Door::Utp));
        for door in doors {
            loops.spawn(accept_all(door, calls.clone(), mse.clone(), clock));
        }
        while loops.join_next().await.is_some() {}
    }
}

async fn accept_all(door: Door, calls: Calls, mse: Mse, clock: Clock) {
    let pending = Arc::new(Semaphore::new(MOST_PENDING));
    let mut shaking = JoinSet::new();
    let mut patience = Patience::default();
    while calls.begun().await {
        door.open();
        if pending.available_permits() == 0 || patience.0.len() > 2 * MOST_PENDING {
            patience.0.retain(|(_, one)| !one.is_closed());
        }
        if pending.available_permits() == 0 {
            patience.lose();
        }
        let Ok(permit) = Arc::clone(&pending).acquire_owned().await else { return };
        let accepted = tokio::select! {
            biased;
            () = calls.ended() => {
                door.close();
                continue;
            }
            accepted = door.accept() => accepted,
        };
        match accepted {
            Ok((line, addr)) => {
                let (calls, mse) = (calls.clone(), mse.clone());
                let (patient, impatient) = oneshot::channel();
                patience.0.push_back((holder_of(addr.ip()), patient));
                shaking.spawn(async move {
                    let arrived = welcome(line, addr, (calls.called(), &mse), clock, impatient).await;
                    // Until it is taken it counts: else a flood of calls would pile up here.
                    calls.deliver(arrived).await;
                    drop(permit);
                });
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
        while shaking.try_join_next().is_some() {}
    }
}

/// Who is shaking hands, in the order they called; dropping one tells it to give way.
#[derive(Default)]
struct Patience(VecDeque<(IpAddr, oneshot::Sender<()>)>);

impl Patience {
    /// The address with most under way loses the oldest: many from one address do not keep out the only one of another.
    fn lose(&mut self) {
        let mut of: HashMap<IpAddr, usize> = HashMap::new();
        self.0.iter().for_each(|(holder, _)| *of.entry(*holder).or_default() += 1);
        let most = of.values().max();
        if let Some(first) = self.0.iter().position(|(holder, _)| of.get(holder) == most) {
            self.0.remove(first);
        }
    }
}

async fn welcome(
    line: Line,
    addr: SocketAddr,
    (called, mse): (Called, &Mse),
    clock: Clock,
    impatient: oneshot::Receiver<()>,
) -> Arrived {
    let transport = line.transport();
    let (to, mut steps) = mailbox::channel(MOST_STEPS);
    let steps_to = Steps::new(ConnKey(u32::MAX), clock, to);
    steps_to.connected().await;
    let outcome = tokio::select! {
        biased;
        outcome = accept(line, called, mse, &steps_to) => outcome,
        _ = impatient => Err(Box::new(Closed {
            detail: Some(format!("it gave way: {MOST_PENDING} others were shaking hands")),
            ..Closed::because(Cause::HandshakeTimeout)
        })),
    };
    drop(steps_to);
    let mut so_far = Vec::new();
    while let Some((_, at, step)) = steps.recv().await {
        so_far.push((at, step));
    }
    let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
    Arrived { addr, transport, so_far, outcome }
}

/// The connection broke before it was accepted; the next is none the worse.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;
    use crate::engine::calls::Taking;
    use crate::metainfo::{InfoHash, PeerId};
    use crate::swarm::EncryptionPolicy;
    use crate::wire::{Handshake, Reserved};

    fn ours() -> Handshake {
        Handshake { reserved: Reserved::OURS, info_hash: InfoHash([7; 20]), peer_id: PeerId::ours(1) }
    }

    /// Calls for the torrent, and where they arrive.
    fn calls() -> (Calls, Taking, mailbox::Receiver<Arrived>) {
        let calls = Calls::new(ours().peer_id, Reserved::OURS, Clock::start(), Arc::default());
        calls.last();
        let (to, arrivals) = mailbox::channel(10);
        let taking = calls.take(ours().info_hash, to);
        (calls, taking, arrivals)
    }

    fn mse() -> Mse {
        Mse::new(EncryptionPolicy::default(), 1)
    }

    fn theirs(hash: u8) -> [u8; 68] {
        let handshake = Handshake { info_hash: InfoHash([hash; 20]), peer_id: PeerId::ours(2), ..ours() };
        handshake.to_bytes()
    }

    async fn arrival(arrivals: &mut mailbox::Receiver<Arrived>) -> Arrived {
        timeout(Duration::from_secs(5), arrivals.recv()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn shakes_hands_over_both_address_families_on_one_port() {
        let listener = Listener::bind_loopback().unwrap();
        let port = listener.port();
        let both = listener.sockets.len() == 2;
        let (calls, taking, mut arrivals) = calls();
        let task = tokio::spawn(listener.run(None, calls, mse(), Clock::start()));
        let mut addrs = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        addrs.extend(both.then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, port))));
        for addr in addrs {
            let mut peer = TcpStream::connect(addr).await.unwrap();
            peer.write_all(&theirs(7)).await.unwrap();
            let arrived = arrival(&mut arrivals).await;
            assert_eq!(arrived.addr, peer.local_addr().unwrap());
            let [(_, Step::Connected), (_, Step::Sent(sent)), (_, Step::Received(got))] = &arrived.so_far[..]
            else {
                panic!("{:?}", arrived.so_far)
            };
            assert_eq!((&sent[..], &got[..]), (&ours().to_bytes()[..], &theirs(7)[..]));
            assert_eq!(arrived.outcome.unwrap().1.peer_id, PeerId::ours(2));
            let mut answer = [0; 68];
            peer.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, ours().to_bytes());
        }
        drop(taking);
        timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_silent_caller_does_not_delay_the_next() {
        let listener = Listener::bind_loopback().unwrap();
        let port = listener.port();
        let (calls, _taking, mut arrivals) = calls();
        let _task = tokio::spawn(listener.run(None, calls, mse(), Clock::start()));
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let mut wrong = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        wrong.write_all(&theirs(8)).await.unwrap();
        let end = arrival(&mut arrivals).await.outcome.unwrap_err();
        assert_eq!((end.cause, end.bytes_in, end.bytes_out), (Cause::UnknownInfoHash, 68, 0));
    }

    #[tokio::test]
    async fn any_number_of_silent_callers_do_not_delay_the_next() {
        let listener = Listener::bind_loopback().unwrap();
        let port = listener.port();
        let (calls, _taking, mut arrivals) = calls();
        let _task = tokio::spawn(listener.run(None, calls, mse(), Clock::start()));
        let mut silent = Vec::new();
        for _ in 0..MOST_PENDING + 3 {
            silent.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap());
        }
        let mut next = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        next.write_all(&theirs(7)).await.unwrap();
        // The first to call give way, in that order.
        for first in &silent[..4] {
            let end = arrival(&mut arrivals).await;
            assert_eq!(end.addr, first.local_addr().unwrap());
            assert_eq!(end.outcome.unwrap_err().cause, Cause::HandshakeTimeout);
        }
        let mut answer = [0; 68];
        timeout(Duration::from_secs(5), next.read_exact(&mut answer)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_call_goes_to_the_torrent_it_names_and_one_for_none_to_nobody() {
        let listener = Listener::bind_loopback().unwrap();
        let port = listener.port();
        let (calls, first, mut to_first) = calls();
        let (to, mut to_second) = mailbox::channel(10);
        let second = calls.take(InfoHash([8; 20]), to);
        let task = tokio::spawn(listener.run(None, calls, mse(), Clock::start()));
        let call = async |hash| {
            let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            peer.write_all(&theirs(hash)).await.unwrap();
            let mut answer = Vec::new();
            // A connection that nobody keeps is closed.
            let _ = timeout(Duration::from_secs(5), peer.read_to_end(&mut answer)).await.unwrap();
            answer
        };
        assert_eq!(call(9).await, b"", "for no torrent of ours");
        let (answer, arrived) =
            tokio::join!(call(8), async { arrival(&mut to_second).await.outcome.unwrap().1 });
        assert_eq!((answer[28], arrived.info_hash), (8, InfoHash([8; 20])));
        drop(second);
        assert_eq!(call(8).await, b"", "that torrent has gone");
        let gone = arrival(&mut to_first).await.outcome.unwrap_err();
        assert_eq!(gone.cause, Cause::UnknownInfoHash, "told to the only one left");
        assert!(to_first.try_recv().is_none() && to_second.try_recv().is_none());
        drop(first);
        timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
    }

    #[test]
    fn many_from_one_address_do_not_keep_out_the_only_one_of_another() {
        let mut patience = Patience::default();
        let ip = |n: u8| IpAddr::V4(Ipv4Addr::new(192, 0, 2, n));
        for holder in [2, 1, 1, 3, 1, 3] {
            patience.0.push_back((ip(holder), oneshot::channel().0));
        }
        let mut order = Vec::new();
        while !patience.0.is_empty() {
            let before: Vec<IpAddr> = patience.0.iter().map(|(holder, _)| *holder).collect();
            patience.lose();
            let lost = before.iter().zip(patience.0.iter()).position(|(was, (is, _))| was != is);
            order.push(before[lost.unwrap_or(before.len() - 1)]);
        }
        assert_eq!(order, [1, 1, 3, 2, 1, 3].map(ip));
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Listener::bind_loopback().unwrap();
        let port = first.port();
        let addrs = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let error = Listener::bind_at(&addrs, Some(port)).unwrap_err();
        assert_eq!(error, ListenError::Taken { protocol: "TCP", port });
        assert!(error.to_string().contains(&port.to_string()));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_over_udp_alone_is_taken() {
        let addrs = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let other = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Listener::bind_at(&addrs, Some(port)).unwrap_err();
        assert_eq!(error, ListenError::Taken { protocol: "UDP", port });
        drop(other);
        let ours = Listener::bind_at(&addrs, Some(port)).unwrap();
        assert!(std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err(), "nobody shares it");
        drop(ours);
    }

    /// Without a port asked for it is one that is free over both.
    #[tokio::test]
    async fn a_usual_port_that_is_taken_over_udp_is_left_out() {
        let first = Listener::bind(None).unwrap();
        let next = Listener::bind(None).unwrap();
        drop(first.sockets);
        assert_ne!(Listener::bind(None).unwrap().port(), first.port, "its UDP port is still ours");
        drop(next);
    }

    #[tokio::test]
    async fn finds_a_free_port_when_none_is_asked_for() {
        let listeners: Vec<Listener> = (0..12).map(|_| Listener::bind(None).unwrap()).collect();
        let mut ports: Vec<u16> = listeners.iter().map(Listener::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 12);
    }
}
