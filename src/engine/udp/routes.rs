//! Who waits for which packets.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc;

/// Answers that one who asked has not taken yet: one is enough, a few are copies of it.
pub(super) const MOST_UNTAKEN: usize = 4;

/// Packets of nodes that the DHT has not taken yet.
const MOST_FROM_NODES: usize = 256;
/// The longest packet of a node that is taken: none has a reason to be longer than what fits one on the way.
const MOST_NODE_BYTES: usize = 2_048;

/// What the DHT hears.
#[derive(Debug)]
pub(in crate::engine) enum Heard {
    /// A node sent something.
    Packet { from: SocketAddr, packet: Vec<u8> },
    /// What was sent there did not arrive.
    Refused { to: SocketAddr },
}

/// Addresses are the same whatever interface IPv6 says they are reached over.
type Place = (IpAddr, u16);

/// What reaches those who asked: a packet, or why none will come.
type Answer = io::Result<Vec<u8>>;

#[derive(Debug, Default)]
pub(super) struct Routes {
    asked: Mutex<HashMap<Place, Vec<Asked>>>,
    /// The DHT, where there is one.
    nodes: OnceLock<mpsc::Sender<Heard>>,
    other: AtomicU64,
}

/// One who asked a tracker.
#[derive(Debug)]
struct Asked {
    transactions: [u32; 2],
    answers: mpsc::Sender<Answer>,
    /// The bytes of the last packet from there that answers something else.
    foreign: Option<usize>,
}

/// Leave to hear a tracker's answers.
#[derive(Debug)]
pub(in crate::engine) struct Asking<'a> {
    routes: &'a Routes,
    place: Place,
    transactions: [u32; 2],
    answers: mpsc::Receiver<Answer>,
}

impl Routes {
    fn asked(&self) -> MutexGuard<'_, HashMap<Place, Vec<Asked>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ask(&self, addr: SocketAddr, transactions: [u32; 2]) -> Asking<'_> {
        let (to, answers) = mpsc::channel(MOST_UNTAKEN);
        let asked = Asked { transactions, answers: to, foreign: None };
        let place = place(addr);
        self.asked().entry(place).or_default().push(asked);
        Asking { routes: self, place, transactions, answers }
    }

    /// A packet that looks like a tracker's answer.
    pub(super) fn answer(&self, from: SocketAddr, packet: &[u8]) {
        if let Some(all) = self.asked().get(&place(from))
            && let Some(transaction) = packet[4..].first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
            && let Some(asked) = all.iter().find(|asked| asked.transactions.contains(&transaction))
        {
            // One that does not take what it asked for gets no more than fits.
            let _ = asked.answers.try_send(Ok(packet.to_vec()));
            return;
        }
        self.other(from, packet);
    }

    pub(super) fn nodes(&self) -> mpsc::Receiver<Heard> {
        let (to, heard) = mpsc::channel(MOST_FROM_NODES);
        // There is one DHT: a second would hear nothing.
        let _ = self.nodes.set(to);
        heard
    }

    /// A packet that looks like a DHT node's. One that is not taken is lost, as it may be on its way.
    pub(super) fn node(&self, from: SocketAddr, packet: &[u8]) {
        match self.nodes.get() {
            Some(nodes) if packet.len() <= MOST_NODE_BYTES => {
                let _ = nodes.try_send(Heard::Packet { from, packet: packet.to_vec() });
            }
            _ => self.other(from, packet),
        }
    }

    /// A packet that nobody waits for. Where it comes from a tracker that was asked, its announce tells of it if no
    /// answer comes.
    pub(super) fn other(&self, from: SocketAddr, packet: &[u8]) {
        match self.asked().get_mut(&place(from)) {
            Some(all) => all.iter_mut().for_each(|asked| asked.foreign = Some(packet.len())),
            None => _ = self.other.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What was sent to `to` did not arrive.
    pub(super) fn refuse(&self, to: SocketAddr, error: &io::Error) {
        if let Some(nodes) = self.nodes.get() {
            let _ = nodes.try_send(Heard::Refused { to });
        }
        if let Some(all) = self.asked().get(&place(to)) {
            for asked in all {
                let error =
                    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
                let _ = asked.answers.try_send(Err(error));
            }
        }
    }

    pub(super) fn other_packets(&self) -> u64 {
        self.other.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.asked().is_empty()
    }
}

impl Asking<'_> {
    /// The next answer, or why none will come.
    pub(in crate::engine) async fn answer(&mut self) -> Answer {
        // It is sent to until this is dropped.
        self.answers.recv().await.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
    }

    /// The bytes of the last packet from there that answers something else.
    pub(in crate::engine) fn foreign(&self) -> Option<usize> {
        let asked = self.routes.asked();
        let ours = asked.get(&self.place)?.iter().find(|asked| asked.transactions == self.transactions)?;
        ours.foreign
    }
}

#[cfg(test)]
impl Asking<'_> {
    /// Answers that were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.answers.len()
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut asked = self.routes.asked();
        if let Some(all) = asked.get_mut(&self.place) {
            all.retain(|asked| asked.transactions != self.transactions);
            if all.is_empty() {
                asked.remove(&self.place);
            }
        }
    }
}

fn place(addr: SocketAddr) -> Place {
    (addr.ip(), addr.port())
}
