//! One UDP socket: many packets a call, and the errors of its destinations told apart.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::errors::{self, Failed};

/// The largest packet there is, or several of one sender that the kernel put together.
const MOST_BYTES: usize = 65_536;
/// Packets taken by one call.
const BATCH: usize = 8;
/// Calls before others have their turn, however much comes in.
const MOST_CALLS: usize = 64;
/// What the system is asked to keep for us of what came and of what leaves; it may grant less.
const KEPT_BYTES: usize = 4 << 20;
/// How often a packet is sent again because of an error that is of another destination.
const MOST_REPEATS: usize = 4;

/// A bound socket.
#[derive(Debug)]
pub(in crate::engine) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    is_ipv4: bool,
}

/// What a socket hears.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// Somebody sent something.
    Packet { from: SocketAddr, packet: &'a [u8] },
    /// What was sent there did not arrive.
    Refused { to: SocketAddr, error: io::Error },
    /// What was sent there is too long for the way; the longest IP packet that it takes, in bytes, where that is known.
    TooLong { to: SocketAddr, most: Option<u32> },
    /// What one call brought was all heard.
    All,
}

/// Where packets are received into.
pub(super) struct Buffers(Vec<u8>);

impl Default for Buffers {
    fn default() -> Self {
        Self(vec![0; BATCH * MOST_BYTES])
    }
}

impl Socket {
    /// Binds `addr`, which nobody else may have. Must be called inside a tokio runtime.
    pub(in crate::engine) fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(addr))?;
        errors::enable(&socket, addr)?;
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new((&io).into())?;
        // Less costs speed, and nothing else.
        let _ = state.set_recv_buffer_size((&io).into(), KEPT_BYTES);
        let _ = state.set_send_buffer_size((&io).into(), KEPT_BYTES);
        Ok(Self { io, state, is_ipv4: addr.is_ipv4() })
    }

    pub(in crate::engine) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    pub(super) fn is_ipv4(&self) -> bool {
        self.is_ipv4
    }

    /// Waits for something to hear, and hears all that is there.
    pub(super) async fn read_dry(
        &self,
        buffers: &mut Buffers,
        mut hear: impl FnMut(Read<'_>),
    ) -> io::Result<()> {
        let ready = self.io.ready(Interest::READABLE | Interest::ERROR).await?;
        if ready.is_error() {
            while let Ok(failed) = self.io.try_io(Interest::ERROR, || errors::next(&self.io)) {
                hear(failed.into());
            }
            hear(Read::All);
        }
        let mut last_error = None;
        for _ in 0..MOST_CALLS {
            let mut meta = [RecvMeta::default(); BATCH];
            let mut slices = buffers.0.chunks_exact_mut(MOST_BYTES).map(IoSliceMut::new);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let read = || self.state.recv((&self.io).into(), &mut slices, &mut meta);
            match self.io.try_io(Interest::READABLE, read) {
                Ok(count) => {
                    last_error = None;
                    for (buffer, meta) in slices.iter().zip(meta).take(count) {
                        // The kernel puts packets of one sender together; each but the last is as long as the first.
                        let together = buffer.get(..meta.len).unwrap_or_default();
                        for packet in together.chunks(meta.stride.max(1)) {
                            hear(Read::Packet { from: meta.addr, packet });
                        }
                    }
                    hear(Read::All);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // It is of a destination: the queue says of which.
                Err(error) => {
                    self.hear_errors(&mut hear);
                    last_error = Some(error);
                }
            }
        }
        last_error.map_or(Ok(()), Err)
    }

    /// Sends one packet, when the system takes it. An error may be that of what was sent elsewhere before: it is heard,
    /// and the packet sent again.
    pub(super) async fn send(
        &self,
        to: SocketAddr,
        packet: &[u8],
        mut hear: impl FnMut(Read<'_>),
    ) -> io::Result<()> {
        let transmit =
            Transmit { destination: to, ecn: None, contents: packet, segment_size: None, src_ip: None };
        let send = || self.state.try_send((&self.io).into(), &transmit);
        let mut repeats = 0..MOST_REPEATS;
        loop {
            match self.io.async_io(Interest::WRITABLE, send).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.hear_errors(&mut hear);
                    if repeats.next().is_none() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Sends packets to one destination, each of `segment` bytes but the last, if the system takes them now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where it takes none now, and what else it says.
    pub(super) fn try_send(
        &self,
        to: SocketAddr,
        packets: &[u8],
        segment: usize,
        mut hear: impl FnMut(Read<'_>),
    ) -> io::Result<()> {
        let segment_size = (segment < packets.len()).then_some(segment);
        let transmit = Transmit { destination: to, ecn: None, contents: packets, segment_size, src_ip: None };
        let send = || self.state.try_send((&self.io).into(), &transmit);
        let mut repeats = 0..MOST_REPEATS;
        loop {
            match self.io.try_io(Interest::WRITABLE, send) {
                Err(error)
                    if error.kind() != io::ErrorKind::WouldBlock
                        && !is_too_long(&error)
                        && repeats.next().is_some() =>
                {
                    self.hear_errors(&mut hear);
                }
                done => return done,
            }
        }
    }

    /// Lets what is sent meanwhile be fragmented on its way. Others send over the socket, too: of theirs that is as good.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn in_fragments<T>(&self, send: impl FnOnce() -> T) -> T {
        use rustix::net::sockopt::{
            Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
        };
        let set = |allowed: bool| {
            let (v4, v6) = match allowed {
                true => (Ipv4PathMtuDiscovery::DONT, Ipv6PathMtuDiscovery::DONT),
                false => (Ipv4PathMtuDiscovery::PROBE, Ipv6PathMtuDiscovery::PROBE),
            };
            // Where it is not allowed the packet is lost, as it may be on its way.
            let _ = if self.is_ipv4 {
                set_ip_mtu_discover(&self.io, v4)
            } else {
                set_ipv6_mtu_discover(&self.io, v6)
            };
        };
        set(true);
        let sent = send();
        set(false);
        sent
    }

    /// Elsewhere packets are sent as they are.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn in_fragments<T>(&self, send: impl FnOnce() -> T) -> T {
        send()
    }

    /// Waits until the system may take packets.
    pub(super) async fn writable(&self) {
        // What is wrong with it the next packet is told.
        let _ = self.io.writable().await;
    }

    /// Packets that one call may send together.
    pub(super) fn most_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn hear_errors(&self, hear: &mut impl FnMut(Read<'_>)) {
        while let Ok(failed) = errors::next(&self.io) {
            hear(failed.into());
        }
    }
}

/// Whether what was to be sent is longer than a packet may be.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::MSGSIZE)
}

impl From<Failed> for Read<'_> {
    fn from(Failed { to, error, mtu }: Failed) -> Self {
        if is_too_long(&error) { Self::TooLong { to, most: mtu } } else { Self::Refused { to, error } }
    }
}
