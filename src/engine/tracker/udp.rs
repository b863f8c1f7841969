//! One announce over UDP (BEP 15): connection id, announce, retransmission.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Failure, Inner};
use crate::event::TrackerError;
use crate::wire::tracker_udp::{
    Family, UdpError, announce_answer, announce_request, connect_answer, connect_request,
};
use crate::wire::{AnnounceParams, TrackerReply};

/// The largest packet there is.
const MOST_BYTES: usize = 65_536;

/// Connection ids that are still good, by the address that gave them out.
#[derive(Default)]
pub(super) struct Connections(Mutex<HashMap<SocketAddr, (u64, Instant)>>);

impl Connections {
    fn find(&self, addr: SocketAddr) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&addr).filter(|(_, until)| *until > Instant::now()).map(|(id, _)| *id)
    }

    fn keep(&self, addr: SocketAddr, id: u64, until: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, until)| *until > Instant::now());
        known.insert(addr, (id, until));
    }

    fn forget(&self, addr: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&addr);
    }
}

/// A socket that hears its tracker only, and what else it heard.
struct Talk {
    socket: UdpSocket,
    buffer: Vec<u8>,
    foreign: Option<UdpError>,
}

impl Talk {
    async fn with(addr: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = if addr.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).await?;
        // Connected, it hears nobody else, and hears of ICMP errors.
        socket.connect(addr).await?;
        Ok(Self { socket, buffer: vec![0; MOST_BYTES], foreign: None })
    }

    /// Sends `packet` and waits until `until` for what `read` takes for its answer.
    async fn ask<T>(
        &mut self,
        packet: &[u8],
        until: Instant,
        read: impl Fn(&[u8]) -> Result<T, UdpError>,
    ) -> Result<Option<T>, Failure> {
        self.socket.send(packet).await.map_err(|error| Failure::connect(&error))?;
        loop {
            let Ok(received) = timeout_at(until, self.socket.recv(&mut self.buffer)).await else {
                return Ok(None);
            };
            let length = received.map_err(|error| Failure::connect(&error))?;
            match read(&self.buffer[..length]) {
                Ok(answer) => return Ok(Some(answer)),
                Err(foreign @ UdpError::NotOurs { .. }) => self.foreign = Some(foreign),
                Err(UdpError::Refused(words)) => return Err(Failure::new(TrackerError::Refused, words)),
                Err(broken) => return Err(Failure::new(TrackerError::BadAnswer, broken.to_string())),
            }
        }
    }
}

impl Inner {
    /// Announces to the first of `addrs`, which are of one family.
    pub(super) async fn udp(
        &self,
        addrs: Vec<SocketAddr>,
        url_data: &str,
        params: &AnnounceParams,
    ) -> Result<(TrackerReply, SocketAddr), Failure> {
        let addr = addrs[0];
        let family = if addr.is_ipv4() { Family::V4 } else { Family::V6 };
        let mut talk = Talk::with(addr).await.map_err(|error| Failure::connect(&error))?;
        let (connecting, announcing) = (transaction()?, transaction()?);
        let mut fresh = false;
        let mut copies = self.settings.udp_schedule.iter();
        while let Some(&wait) = copies.as_slice().first() {
            let until = Instant::now() + wait;
            let Some(id) = self.connections.find(addr) else {
                let packet = connect_request(connecting);
                match talk.ask(&packet, until, |packet| connect_answer(packet, connecting)).await? {
                    Some(id) => {
                        self.connections.keep(addr, id, Instant::now() + self.settings.connection_id_life);
                        // The announce is a request of its own, with its own schedule: once.
                        if fresh {
                            copies.next();
                        } else {
                            copies = self.settings.udp_schedule.iter();
                        }
                        fresh = true;
                    }
                    None => _ = copies.next(),
                }
                continue;
            };
            let packet = announce_request(id, announcing, params, url_data);
            match talk.ask(&packet, until, |packet| announce_answer(packet, announcing, family)).await {
                Ok(Some(reply)) => return Ok((reply, addr)),
                // It may have forgotten an id that we kept: ask for a new one before believing it.
                Ok(None) | Err(_) if !fresh => self.connections.forget(addr),
                Ok(None) => _ = copies.next(),
                Err(failure) => return Err(failure),
            }
        }
        Err(match talk.foreign {
            Some(foreign) => Failure::new(TrackerError::BadAnswer, foreign.to_string()),
            None => Failure::new(TrackerError::Timeout, "no answer over UDP"),
        })
    }
}

/// A number nobody can guess who does not see our packets.
fn transaction() -> Result<u32, Failure> {
    getrandom::u32().map_err(|error| Failure::new(TrackerError::ConnectFailed, error.to_string()))
}
