//! Drives the DHT of a session ([`crate::dht`]) over its UDP sockets: looks up its torrents, hands what is found to their
//! tasks, and keeps the table for the next run.

mod kept;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::clock::Clock;
use super::peer_names::addresses_of;
use super::udp::{Heard, Udp};
use crate::dht::{self, Action, Input};
use crate::event::At;
use crate::metainfo::address::{Scope, scope_of};
use crate::metainfo::{InfoHash, PeerName};

/// Packets taken in one turn, before any is answered.
const PACKETS_A_TURN: usize = 64;
/// Addresses of one bootstrap name that are asked.
const MOST_OF_A_NAME: usize = 16;
/// How often the table is kept.
const KEEP_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long the end of a run waits until the table is kept.
const KEPT_WITHIN: Duration = Duration::from_secs(1);
/// Where nothing is due, it is looked all the same after this time.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How a session takes part in the DHT.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DhtOptions {
    /// The nodes that are asked where no kept node answers.
    pub nodes: Vec<PeerName>,
}

/// Where torrents say that they are to be looked up; without a DHT nobody hears it.
#[derive(Clone, Debug, Default)]
pub(super) struct Dht(Option<mpsc::UnboundedSender<Wish>>);

/// What torrents, and the session, ask for.
#[derive(Debug)]
enum Wish {
    LookUp(InfoHash, mpsc::Sender<Found>),
    Leave(InfoHash),
    Keep(oneshot::Sender<()>),
}

/// Peers of a torrent that a node named.
#[derive(Debug)]
pub(super) struct Found {
    /// How far the node is from us.
    pub(super) scope: Scope,
    pub(super) peers: Vec<SocketAddr>,
}

/// A torrent is looked up for as long as this is held.
#[derive(Debug)]
pub(super) struct LookedUp {
    wishes: mpsc::UnboundedSender<Wish>,
    info_hash: InfoHash,
}

impl Dht {
    /// Looks the torrent up at once and every 15 minutes, announces us as a peer of it, and sends what is found.
    #[must_use = "it is looked up for as long as this is held"]
    pub(super) fn look_up(&self, info_hash: InfoHash, found: mpsc::Sender<Found>) -> Option<LookedUp> {
        let wishes = self.0.clone()?;
        // Nobody listens only when the session is over.
        let _ = wishes.send(Wish::LookUp(info_hash, found));
        Some(LookedUp { wishes, info_hash })
    }

    /// Keeps the table for the next run.
    pub(super) async fn keep(&self) {
        if let Some(wishes) = &self.0 {
            let (kept, wait) = oneshot::channel();
            let _ = wishes.send(Wish::Keep(kept));
            // What is not kept in time is learned again.
            let _ = timeout(KEPT_WITHIN, wait).await;
        }
    }
}

impl Drop for LookedUp {
    fn drop(&mut self) {
        let _ = self.wishes.send(Wish::Leave(self.info_hash));
    }
}

/// The task that does it.
#[derive(Debug)]
pub(super) struct Driver {
    machine: dht::Dht,
    clock: Clock,
    udp: Udp,
    heard: mpsc::Receiver<Heard>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    torrents: HashMap<InfoHash, mpsc::Sender<Found>>,
    nodes: Vec<PeerName>,
    /// Names that are being resolved.
    names: JoinSet<Vec<SocketAddr>>,
    kept_in: PathBuf,
    keep_at: At,
}

impl Driver {
    /// Begins with the table that the last run kept in the folder. `port` is where peers reach us, `seed` where the
    /// random numbers come from.
    pub(super) fn new(
        udp: Udp,
        clock: Clock,
        port: u16,
        seed: u64,
        options: &DhtOptions,
        folder: &Path,
    ) -> (Self, Dht) {
        let kept_in = folder.join(kept::FILE);
        let settings = dht::Settings {
            seed,
            v4: udp.has(true),
            v6: udp.has(false),
            port,
            saved: kept::read(&kept_in),
            ..dht::Settings::default()
        };
        let (to, wishes) = mpsc::unbounded_channel();
        let driver = Self {
            machine: dht::Dht::new(settings),
            clock,
            heard: udp.nodes(),
            udp,
            wishes,
            torrents: HashMap::new(),
            nodes: options.nodes.clone(),
            names: JoinSet::new(),
            kept_in,
            keep_at: clock.now() + KEEP_EVERY,
        };
        (driver, Dht(Some(to)))
    }

    /// Runs for as long as it is polled.
    pub(super) async fn run(mut self) {
        let mut heard = Vec::with_capacity(PACKETS_A_TURN);
        self.machine.handle(self.clock.now(), Input::Tick);
        loop {
            self.act().await;
            let now = self.clock.now();
            let wake = self.machine.deadline().min(self.keep_at).min(now + LONGEST_SLEEP);
            tokio::select! {
                biased;
                Some(wish) = self.wishes.recv() => self.wish(wish),
                Some(Ok(addrs)) = self.names.join_next() => self.tell(Input::Bootstrap { addrs }),
                count = self.heard.recv_many(&mut heard, PACKETS_A_TURN) => {
                    if count == 0 {
                        return;
                    }
                    for heard in heard.drain(..) {
                        match heard {
                            Heard::Packet { from, packet } => {
                                self.tell(Input::Datagram { from, bytes: &packet });
                            }
                            Heard::Refused { to } => self.tell(Input::Unreachable { to }),
                        }
                    }
                }
                () = sleep_until(self.clock.instant(wake)) => self.tell(Input::Tick),
            }
            if self.clock.now() >= self.keep_at {
                self.keep();
            }
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.machine.handle(self.clock.now(), input);
    }

    /// Carries out what is to be done.
    async fn act(&mut self) {
        while let Some(action) = self.machine.poll() {
            match action {
                Action::Send { to, bytes } => {
                    if let Err(error) = self.udp.send(to, &bytes).await {
                        tracing::debug!(%to, %error, "a DHT node cannot be sent to");
                        self.tell(Input::Unreachable { to });
                    }
                }
                Action::Bootstrap => self.resolve(),
                Action::Peers { info_hash, from, peers } => {
                    if let Some(torrent) = self.torrents.get(&info_hash) {
                        // A torrent that has no time for them hears of them in the next lookup.
                        let _ = torrent.try_send(Found { scope: scope_of(from.ip()), peers });
                    }
                }
                Action::Told(_, fact) => tracing::info!(?fact, "DHT"),
                Action::Lookup(_, info_hash, fact) => tracing::debug!(%info_hash, ?fact, "DHT lookup"),
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::LookUp(info_hash, found) => {
                self.torrents.insert(info_hash, found);
                self.tell(Input::Add { info_hash, announce: true });
            }
            Wish::Leave(info_hash) => {
                self.torrents.remove(&info_hash);
                self.tell(Input::Remove { info_hash });
            }
            Wish::Keep(kept) => {
                self.keep();
                // It may be waited for no more.
                let _ = kept.send(());
            }
        }
    }

    /// Looks for the addresses of the bootstrap nodes, all at once.
    fn resolve(&mut self) {
        if !self.names.is_empty() {
            return;
        }
        for node in &self.nodes {
            let node = node.clone();
            self.names.spawn(async move {
                let mut addrs = addresses_of(&node).await.unwrap_or_else(|error| {
                    tracing::info!(%node, error, "a DHT bootstrap name is not resolved");
                    Vec::new()
                });
                addrs.truncate(MOST_OF_A_NAME);
                addrs
            });
        }
    }

    fn keep(&mut self) {
        self.keep_at = self.clock.now() + KEEP_EVERY;
        kept::write(&self.kept_in, &self.machine.saved());
    }
}

#[cfg(test)]
mod tests;
