//! One port, of TCP and of UDP, at every address we listen at.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

use super::{ListenError, Listener};
use crate::engine::udp::{self, Udp};
use crate::event::OsError;

const BACKLOG: i32 = 256;

/// What could not be had, and why.
pub(super) struct Refused {
    protocol: &'static str,
    error: io::Error,
}

impl Refused {
    pub(super) fn is_taken(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }

    pub(super) fn blame(&self, port: u16) -> ListenError {
        let (protocol, error) = (self.protocol, OsError::from(&self.error));
        match self.error.kind() {
            io::ErrorKind::AddrInUse => ListenError::Taken { protocol, port },
            io::ErrorKind::PermissionDenied => ListenError::Forbidden { port, error },
            _ => ListenError::System { error },
        }
    }
}

/// Listens at all of `addrs` on one port; a missing address family is no failure while another is there.
pub(super) fn bind_all(addrs: &[IpAddr], mut port: u16) -> Result<Listener, Refused> {
    let (mut sockets, mut udp, mut missing) = (Vec::new(), Vec::new(), None);
    for &addr in addrs {
        match bind_both(SocketAddr::new(addr, port)) {
            Ok((tcp, its_udp, bound)) => {
                port = bound;
                sockets.push(tcp);
                udp.push(its_udp);
            }
            Err(refused) if is_missing_family(&refused.error) => missing = Some(refused),
            Err(refused) => return Err(refused),
        }
    }
    match missing {
        Some(refused) if sockets.is_empty() => Err(refused),
        _ => Ok(Listener { sockets, udp: Udp::over(udp), port }),
    }
}

/// TCP and UDP at one address, and the port they have.
fn bind_both(addr: SocketAddr) -> Result<(TcpListener, udp::Socket, u16), Refused> {
    let refused = |protocol| move |error| Refused { protocol, error };
    let tcp = bind_tcp(addr).map_err(refused("TCP"))?;
    let bound = tcp.local_addr().map_err(refused("TCP"))?;
    let udp = udp::Socket::bind(bound).map_err(refused("UDP"))?;
    Ok((tcp, udp, bound.port()))
}

fn is_missing_family(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::PROTONOSUPPORT)
    )
}

fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // So that a port is free again at once after the last run; elsewhere than on Unix it would mean sharing it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(addr))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
