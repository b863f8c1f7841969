//! One UDP socket: many packets a call, and the errors of its destinations told apart.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::errors;

/// The largest packet there is, or several of one sender that the kernel put together.
const MOST_BYTES: usize = 65_536;
/// Packets taken by one call.
const BATCH: usize = 8;
/// Calls before others have their turn, however much comes in.
const MOST_CALLS: usize = 64;
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
        Ok(Self { io, state, is_ipv4: addr.is_ipv4() })
    }

    #[cfg(test)]
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
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
            while let Ok((to, error)) = self.io.try_io(Interest::ERROR, || errors::next(&self.io)) {
                hear(Read::Refused { to, error });
            }
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

    fn hear_errors(&self, hear: &mut impl FnMut(Read<'_>)) {
        while let Ok((to, error)) = errors::next(&self.io) {
            hear(Read::Refused { to, error });
        }
    }
}
