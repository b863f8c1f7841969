//! One announce over UDP (BEP 15): connection id, announce, retransmission.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep, timeout_at};

use super::{Failure, Inner};
use crate::engine::udp::{Asking, Udp};
use crate::event::TrackerError;
use crate::metainfo::address::Family;
use crate::wire::tracker::udp::{
    UdpError, announce_answer, announce_request, connect_answer, connect_request,
};
use crate::wire::{AnnounceParams, TrackerReply};

/// Far more addresses than any tracker has.
const MOST_ADDRESSES: usize = 32;

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

/// One announce at one address.
struct Exchange<'a> {
    udp: &'a Udp,
    addr: SocketAddr,
    asking: Asking<'a>,
}

impl Exchange<'_> {
    /// Sends `packet` and waits until `until` for what `read` takes for its answer.
    async fn ask<T>(
        &mut self,
        packet: &[u8],
        until: Instant,
        read: impl Fn(&[u8]) -> Result<T, UdpError>,
    ) -> Result<Option<T>, Failure> {
        self.udp.send(self.addr, packet).await.map_err(|error| Failure::connect(&error))?;
        loop {
            let Ok(received) = timeout_at(until, self.asking.answer()).await else { return Ok(None) };
            match read(&received.map_err(|error| Failure::connect(&error))?) {
                Ok(answer) => return Ok(Some(answer)),
                // Of the other of both transactions: a copy that comes late.
                Err(UdpError::NotOurs { .. }) => {}
                Err(UdpError::Refused(words)) => return Err(Failure::new(TrackerError::Refused, words)),
                Err(broken) => return Err(Failure::new(TrackerError::BadAnswer, broken.to_string())),
            }
        }
    }
}

/// What comes of an announce: the answer, and who gave it.
type Outcome = Result<(TrackerReply, SocketAddr), Failure>;

impl Inner {
    /// Announces to `addrs`, which are of one family and of one name: to the next when one failed, and beside it when
    /// it was silent for a while. The first answer counts.
    pub(super) async fn over_udp(
        &self,
        mut addrs: Vec<SocketAddr>,
        url_data: &str,
        params: &AnnounceParams,
    ) -> Outcome {
        addrs.truncate(MOST_ADDRESSES);
        self.udp_in_turn(&addrs, url_data, params).await
    }

    fn udp_in_turn<'a>(
        &'a self,
        addrs: &'a [SocketAddr],
        url_data: &'a str,
        params: &'a AnnounceParams,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            let [addr, others @ ..] = addrs else {
                return Err(Failure::new(TrackerError::DnsFailed, "the name has no address"));
            };
            let mut first = pin!(self.udp_at(*addr, url_data, params));
            if others.is_empty() {
                return first.await;
            }
            let others = self.udp_in_turn(others, url_data, params);
            tokio::select! {
                outcome = &mut first => or(outcome, others).await,
                () = sleep(self.settings.udp_next_after) => {
                    let mut others = others;
                    tokio::select! {
                        outcome = &mut first => or(outcome, others).await,
                        outcome = &mut others => or(outcome, first).await,
                    }
                }
            }
        })
    }

    async fn udp_at(&self, addr: SocketAddr, url_data: &str, params: &AnnounceParams) -> Outcome {
        let family = Family::of(addr.ip());
        let (connecting, announcing) = (transaction()?, transaction()?);
        let asking = self.udp.ask(addr, [connecting, announcing]);
        let mut exchange = Exchange { udp: &self.udp, addr, asking };
        let mut fresh = false;
        let mut copies = self.settings.udp_schedule.iter();
        while let Some(&wait) = copies.as_slice().first() {
            let until = Instant::now() + wait;
            let Some(id) = self.connections.find(addr) else {
                let packet = connect_request(connecting);
                match exchange.ask(&packet, until, |packet| connect_answer(packet, connecting)).await? {
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
            match exchange.ask(&packet, until, |packet| announce_answer(packet, announcing, family)).await {
                Ok(Some(reply)) => return Ok((reply, addr)),
                // It may have forgotten an id that we kept: ask for a new one before believing it.
                Ok(None) | Err(_) if !fresh => self.connections.forget(addr),
                Ok(None) => _ = copies.next(),
                Err(failure) => return Err(failure),
            }
        }
        Err(match exchange.asking.foreign() {
            Some(length) => Failure::new(TrackerError::BadAnswer, UdpError::NotOurs { length }.to_string()),
            None => Failure::new(TrackerError::Timeout, "no answer over UDP"),
        })
    }
}

/// What came, if that is an answer; else what the other brings, and of two failures the one that says more.
async fn or(outcome: Outcome, other: impl Future<Output = Outcome>) -> Outcome {
    match outcome {
        Ok(answer) => Ok(answer),
        Err(failure) => other.await.map_err(|other| failure.weightier(other)),
    }
}

/// A number nobody can guess who does not see our packets.
fn transaction() -> Result<u32, Failure> {
    getrandom::u32().map_err(|error| Failure::new(TrackerError::ConnectFailed, error.to_string()))
}
