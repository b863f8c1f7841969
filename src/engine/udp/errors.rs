//! The errors of destinations (ICMP), which Linux queues with their addresses.

use std::io;
use std::net::SocketAddr;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "portable")))]
pub(super) use self::queued::{enable, next};

/// A packet that did not arrive.
#[derive(Debug)]
pub(super) struct Failed {
    /// Where it was sent to.
    pub(super) to: SocketAddr,
    /// Why it did not arrive.
    pub(super) error: io::Error,
    /// The bytes of an IP packet that the way takes, where it was too long and that is known.
    pub(super) mtu: Option<u32>,
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "portable")))]
mod queued {
    use std::io::IoSliceMut;
    use std::os::fd::{AsFd, AsRawFd};

    use super::{Failed, SocketAddr, io};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

    /// Room for what comes beside an error: the error, the router that told it, and what else is asked for of packets.
    const CONTROL_BYTES: usize = 512;
    /// What is read of the packet that did not arrive.
    const PACKET_BYTES: usize = 8;

    /// Has the errors queued.
    pub(in super::super) fn enable(socket: &impl AsFd, addr: SocketAddr) -> io::Result<()> {
        match addr {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true)?,
        }
        Ok(())
    }

    /// The next of the queue.
    pub(in super::super) fn next(socket: &impl AsRawFd) -> io::Result<Failed> {
        loop {
            let (mut control, mut packet) = ([0; CONTROL_BYTES], [0; PACKET_BYTES]);
            let mut slices = [IoSliceMut::new(&mut packet)];
            let queued = recvmsg::<SockaddrStorage>(
                socket.as_raw_fd(),
                &mut slices,
                Some(&mut control),
                MsgFlags::MSG_ERRQUEUE,
            )?;
            let told = queued.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                    Some((i32::try_from(error.ee_errno).ok()?, error.ee_info))
                }
                _ => None,
            });
            if let (Some(to), Some((errno, info))) = (queued.address.and_then(sent_to), told) {
                let error = io::Error::from_raw_os_error(errno);
                return Ok(Failed { to, error, mtu: Some(info).filter(|&mtu| mtu > 0) });
            }
        }
    }

    fn sent_to(addr: SockaddrStorage) -> Option<SocketAddr> {
        let v4 = || addr.as_sockaddr_in().map(|addr| SocketAddr::V4((*addr).into()));
        v4().or_else(|| addr.as_sockaddr_in6().map(|addr| SocketAddr::V6((*addr).into())))
    }
}

/// Not on this system.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), feature = "portable"))]
pub(super) fn enable(_socket: &socket2::Socket, _addr: SocketAddr) -> io::Result<()> {
    Ok(())
}

/// On this system there is none: nobody is heard to refuse.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), feature = "portable"))]
pub(super) fn next(_socket: &tokio::net::UdpSocket) -> io::Result<Failed> {
    Err(io::ErrorKind::WouldBlock.into())
}
