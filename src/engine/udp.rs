//! The UDP sockets of the port we listen on, one for each address family. UDP trackers, the DHT and uTP share them.
//!
//! A packet is told by its first bytes (`kind`), and a refusal of a destination (ICMP) by the address it was sent to.
//! What nobody waits for is counted and answered by nothing. The port is never shared with another program: SO_REUSEPORT
//! would let a second one take half of the packets unnoticed.

mod errors;
mod kind;
mod routes;
mod socket;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::kind::Kind;
use self::routes::Routes;
pub(super) use self::routes::{Asking, Heard};
pub(super) use self::socket::Socket;
use self::socket::{Buffers, Read};

/// After a socket could not be read, as when there is no memory.
const BACK_OFF: Duration = Duration::from_millis(200);

/// The sockets, and who waits for what comes there. Copies are the same sockets.
#[derive(Clone, Debug, Default)]
pub struct Udp(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    sockets: Vec<Socket>,
    routes: Routes,
    streams: OnceLock<Weak<dyn Streams>>,
}

/// Who takes the packets of streams (uTP).
pub(super) trait Streams: fmt::Debug + Send + Sync {
    /// A packet came.
    fn hear(&self, from: SocketAddr, packet: &[u8]);

    /// What was sent there did not arrive.
    fn refused(&self, to: SocketAddr, error: &io::Error);

    /// What was sent there is too long for the way; the longest IP packet that it takes, in bytes, where that is known.
    fn too_long(&self, to: SocketAddr, most: Option<u32>);

    /// All that had come was heard.
    fn heard_all(&self);
}

impl Udp {
    /// Over these sockets, one of a family; without one of a family nothing is sent over it.
    pub(super) fn over(sockets: Vec<Socket>) -> Self {
        Self(Arc::new(Shared { sockets, ..Shared::default() }))
    }

    /// Reads what comes, for as long as it is polled.
    pub async fn run(self) {
        let mut loops = JoinSet::new();
        for index in 0..self.0.sockets.len() {
            let shared = Arc::clone(&self.0);
            loops.spawn(async move { shared.read(&shared.sockets[index]).await });
        }
        while loops.join_next().await.is_some() {}
    }

    /// Sends one packet, when the socket takes it.
    ///
    /// # Errors
    ///
    /// That of this packet: what the system says of other destinations reaches those who asked there.
    pub(super) async fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let socket = self.0.socket_for(to).ok_or_else(|| io::Error::from(Errno::AFNOSUPPORT))?;
        socket.send(to, packet, |heard| self.0.take(heard)).await
    }

    /// Waits for answers of the tracker at `addr` to these transactions, until what is returned is dropped.
    pub(super) fn ask(&self, addr: SocketAddr, transactions: [u32; 2]) -> Asking<'_> {
        self.0.routes.ask(addr, transactions)
    }

    /// What comes from nodes of the DHT from now on, and which refuse. What is not taken in time is dropped.
    pub(super) fn nodes(&self) -> mpsc::Receiver<Heard> {
        self.0.routes.nodes()
    }

    /// Who takes the packets of streams from now on, for as long as it lives.
    pub(super) fn carry(&self, streams: Weak<dyn Streams>) {
        // There is one: a second would hear nothing.
        let _ = self.0.streams.set(streams);
    }

    /// Sends packets to one destination, each of `segment` bytes but the last, if the socket takes them now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where it takes none now, else that of these packets.
    pub(super) fn try_send(&self, to: SocketAddr, packets: &[u8], segment: usize) -> io::Result<()> {
        let socket = self.0.socket_for(to).ok_or_else(|| io::Error::from(Errno::AFNOSUPPORT))?;
        socket.try_send(to, packets, segment, |heard| self.0.take(heard))
    }

    /// Sends one packet that is longer than what the way takes whole, in fragments where the system allows it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where the socket takes none now, else that of this packet.
    pub(super) fn try_send_in_fragments(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let socket = self.0.socket_for(to).ok_or_else(|| io::Error::from(Errno::AFNOSUPPORT))?;
        socket.in_fragments(|| socket.try_send(to, packet, packet.len(), |heard| self.0.take(heard)))
    }

    /// Waits until the socket for that destination may take packets; for ever where there is none.
    pub(super) async fn writable(&self, to: Option<SocketAddr>) {
        match to.and_then(|to| self.0.socket_for(to)) {
            Some(socket) => socket.writable().await,
            None => std::future::pending().await,
        }
    }

    /// Packets that one call may send together, over any socket.
    pub(super) fn most_segments(&self) -> usize {
        self.0.sockets.iter().map(Socket::most_segments).min().unwrap_or(1)
    }

    /// Whether there is a socket for IPv4, or else for IPv6.
    pub(super) fn has(&self, ipv4: bool) -> bool {
        self.0.sockets.iter().any(|socket| socket.is_ipv4() == ipv4)
    }

    /// Packets that nobody waited for.
    pub fn other_packets(&self) -> u64 {
        self.0.routes.other_packets()
    }
}

impl Shared {
    fn socket_for(&self, addr: SocketAddr) -> Option<&Socket> {
        self.sockets.iter().find(|socket| socket.is_ipv4() == addr.is_ipv4())
    }

    async fn read(&self, socket: &Socket) {
        let mut buffers = Buffers::default();
        loop {
            if let Err(error) = socket.read_dry(&mut buffers, |heard| self.take(heard)).await {
                tracing::warn!(%error, "cannot read the UDP socket");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }

    fn streams(&self) -> Option<Arc<dyn Streams>> {
        self.streams.get()?.upgrade()
    }

    fn take(&self, heard: Read<'_>) {
        match heard {
            Read::Packet { from, packet } => match Kind::of(packet) {
                Kind::Dht => self.routes.node(from, packet),
                Kind::Tracker => self.routes.answer(from, packet),
                Kind::Utp => match self.streams() {
                    Some(streams) => streams.hear(from, packet),
                    None => self.routes.other(from, packet),
                },
                Kind::Other => self.routes.other(from, packet),
            },
            Read::Refused { to, error } => {
                self.routes.refuse(to, &error);
                self.streams().into_iter().for_each(|streams| streams.refused(to, &error));
            }
            Read::TooLong { to, most } => {
                self.streams().into_iter().for_each(|streams| streams.too_long(to, most));
            }
            Read::All => self.streams().into_iter().for_each(|streams| streams.heard_all()),
        }
    }
}

#[cfg(test)]
mod tests;
