//! The sockets of local discovery: a group of each family, joined on every interface.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use if_addrs::{IfOperStatus, Interface};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use crate::wire::{LSD_GROUP_V4, LSD_GROUP_V6, LsdAnnounce, MOST_LSD_BYTES};

/// A packet, and one byte more, by which one that is too long is known.
type Packet = [u8; MOST_LSD_BYTES + 1];

/// Sends to the groups and hears what is sent there.
pub(super) struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    /// Over which announces go out.
    addresses: BTreeSet<Ipv4Addr>,
    /// The same of IPv6, by number.
    interfaces: BTreeSet<u32>,
    failure: Option<String>,
    packets: Box<(Packet, Packet)>,
}

impl Sockets {
    /// Joins the groups on the interfaces that are there now.
    pub(super) fn open() -> Self {
        let here = if_addrs::get_if_addrs().unwrap_or_default();
        let local: Vec<&Interface> = here.iter().filter(|interface| is_local_network(interface)).collect();
        let v4 = local.iter().filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        let v6 = local.iter().filter(|interface| interface.ip().is_ipv6());
        let (addresses, interfaces) = (v4.collect(), v6.filter_map(|interface| interface.index).collect());
        let (v4, v6) = (open_v4(&addresses), open_v6(&interfaces));
        let failure = match (&v4, &v6) {
            (Err(error), Err(_)) => Some(format!("port {} cannot be heard on: {error}", LSD_GROUP_V4.port())),
            _ => None,
        };
        let packets = Box::new(([0; MOST_LSD_BYTES + 1], [0; MOST_LSD_BYTES + 1]));
        Self { v4: v4.ok(), v6: v6.ok(), addresses, interfaces, failure, packets }
    }

    /// Why nothing can be heard, where that is so.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Sends it to both groups, over every interface.
    pub(super) async fn send(&self, announce: &LsdAnnounce) {
        if let Some(socket) = &self.v4 {
            let packet = announce.encode(false);
            for address in &self.addresses {
                let sent = match SockRef::from(socket).set_multicast_if_v4(address) {
                    Ok(()) => socket.send_to(&packet, LSD_GROUP_V4).await,
                    Err(error) => Err(error),
                };
                note(sent, "an announce over IPv4");
            }
        }
        if let Some(socket) = &self.v6 {
            let packet = announce.encode(true);
            for interface in &self.interfaces {
                let sent = match SockRef::from(socket).set_multicast_if_v6(*interface) {
                    Ok(()) => socket.send_to(&packet, LSD_GROUP_V6).await,
                    Err(error) => Err(error),
                };
                note(sent, "an announce over IPv6");
            }
        }
    }

    /// The next packet and who sent it.
    pub(super) async fn heard(&mut self) -> (SocketAddr, Vec<u8>) {
        let (one, other) = &mut *self.packets;
        loop {
            tokio::select! {
                came = receive(self.v4.as_ref(), one) => match came {
                    Ok((bytes, from)) => return (from, one[..bytes].to_vec()),
                    // It is opened again when the machine's addresses change.
                    Err(_) => self.v4 = None,
                },
                came = receive(self.v6.as_ref(), other) => match came {
                    Ok((bytes, from)) => return (from, other[..bytes].to_vec()),
                    Err(_) => self.v6 = None,
                },
            }
        }
    }
}

/// Whether others can be near there. Behind a link of two ends there is no local network.
fn is_local_network(interface: &Interface) -> bool {
    !interface.is_loopback() && !interface.is_p2p() && interface.oper_status != IfOperStatus::Down
}

fn open_v4(addresses: &BTreeSet<Ipv4Addr>) -> io::Result<UdpSocket> {
    // Bound to the group, it hears nothing else that comes to this port; that only Linux has.
    let linux = cfg!(target_os = "linux");
    let ip = if linux { *LSD_GROUP_V4.ip() } else { Ipv4Addr::UNSPECIFIED };
    let socket = socket(Domain::IPV4)?;
    socket.bind(&SockAddr::from(SocketAddr::from((ip, LSD_GROUP_V4.port()))))?;
    for address in addresses {
        note(socket.join_multicast_v4(LSD_GROUP_V4.ip(), address), "the group of IPv4");
    }
    UdpSocket::from_std(socket.into())
}

fn open_v6(interfaces: &BTreeSet<u32>) -> io::Result<UdpSocket> {
    let socket = socket(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.bind(&SockAddr::from(SocketAddr::from(([0u16; 8], LSD_GROUP_V6.port()))))?;
    for interface in interfaces {
        note(socket.join_multicast_v6(LSD_GROUP_V6.ip(), *interface), "the group of IPv6");
    }
    UdpSocket::from_std(socket.into())
}

/// Other clients of this machine hear on the same port.
fn socket(family: Domain) -> io::Result<Socket> {
    let socket = Socket::new(family, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn receive(socket: Option<&UdpSocket>, packet: &mut Packet) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(packet).await,
        None => std::future::pending().await,
    }
}

/// An interface that has no multicast, or has just gone, keeps nobody from the others.
fn note<T>(outcome: io::Result<T>, of: &str) {
    if let Err(error) = outcome {
        tracing::debug!(%error, of, "local discovery");
    }
}
