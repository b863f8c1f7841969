//! Drives the DHT of a session ([`crate::dht`]) over its UDP sockets: looks up its torrents, hands what is found to their
//! tasks, and keeps the table for the next run.

mod kept;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::clock::Clock;
use super::found::{Found, FoundSender};
use super::peer_names::addresses_of;
use super::session::Resources;
use super::session_facts::SessionFacts;
use super::udp::{Heard, Udp};
use crate::dht::{self, Action, Input};
use crate::event::{At, DhtFact, Event, Source};
use crate::metainfo::address::scope_of;
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
    /// Asks, and answers nobody (BEP 43): for a run too short to be of use to others. Torrents are not announced.
    pub read_only: bool,
}

/// Where torrents say that they are to be looked up; without a driver nobody hears it.
#[derive(Debug, Default)]
pub(super) struct Dht(OnceLock<mpsc::UnboundedSender<Wish>>);

/// What torrents, and the session, ask for.
#[derive(Debug)]
enum Wish {
    LookUp(InfoHash, FoundSender),
    Again(InfoHash),
    Leave(InfoHash),
    Node(SocketAddr),
    Port(u16),
    Keep(oneshot::Sender<()>),
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
    pub(super) fn look_up(&self, info_hash: InfoHash, found: FoundSender) -> Option<LookedUp> {
        let wishes = self.0.get()?.clone();
        // Nobody listens only when the session is over.
        let _ = wishes.send(Wish::LookUp(info_hash, found));
        Some(LookedUp { wishes, info_hash })
    }

    /// A peer has a node there.
    pub(super) fn node(&self, addr: SocketAddr) {
        if let Some(wishes) = self.0.get() {
            let _ = wishes.send(Wish::Node(addr));
        }
    }

    /// Others reach us at this port from now on.
    pub(super) fn announce_port(&self, port: u16) {
        if let Some(wishes) = self.0.get() {
            let _ = wishes.send(Wish::Port(port));
        }
    }

    /// Keeps the table for the next run.
    pub(super) async fn keep(&self) {
        if let Some(wishes) = self.0.get() {
            let (kept, wait) = oneshot::channel();
            let _ = wishes.send(Wish::Keep(kept));
            // What is not kept in time is learned again.
            let _ = timeout(KEPT_WITHIN, wait).await;
        }
    }
}

impl LookedUp {
    /// Looks it up again now.
    pub(super) fn again(&self) {
        let _ = self.wishes.send(Wish::Again(self.info_hash));
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
    facts: Arc<SessionFacts>,
    udp: Udp,
    heard: mpsc::Receiver<Heard>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    torrents: HashMap<InfoHash, FoundSender>,
    nodes: Vec<PeerName>,
    /// Names that are being resolved.
    names: JoinSet<(PeerName, Result<Vec<SocketAddr>, String>)>,
    /// Asks only, and keeps nothing.
    is_read_only: bool,
    kept_in: PathBuf,
    keep_at: At,
}

impl Driver {
    /// The one driver of a session. Begins with the table that the last run kept in the folder. `seed` is where the random
    /// numbers come from.
    pub(super) fn new(
        udp: Udp,
        resources: &Resources,
        seed: u64,
        options: &DhtOptions,
        folder: &Path,
    ) -> Self {
        let kept_in = folder.join(kept::FILE);
        let settings = dht::Settings {
            seed,
            read_only: options.read_only,
            v4: udp.has(true),
            v6: udp.has(false),
            port: resources.port,
            saved: kept::read(&kept_in),
            ..dht::Settings::default()
        };
        let (to, wishes) = mpsc::unbounded_channel();
        // There is one.
        let _ = resources.dht.0.set(to);
        Self {
            machine: dht::Dht::new(settings),
            clock: resources.clock,
            facts: Arc::clone(&resources.facts),
            heard: udp.nodes(),
            udp,
            wishes,
            torrents: HashMap::new(),
            nodes: options.nodes.clone(),
            names: JoinSet::new(),
            is_read_only: options.read_only,
            kept_in,
            keep_at: resources.clock.now() + KEEP_EVERY,
        }
    }

    /// Runs for as long as it is polled. Nobody is asked or answered before a torrent is looked up: a run of private torrents
    /// sends nothing.
    pub(super) async fn run(mut self) {
        while self.torrents.is_empty() {
            match self.wishes.recv().await {
                Some(wish) => self.wish(wish),
                None => return,
            }
        }
        let mut heard = Vec::with_capacity(PACKETS_A_TURN);
        self.machine.handle(self.clock.now(), Input::Tick);
        loop {
            self.act().await;
            let now = self.clock.now();
            let wake = self.machine.deadline().min(self.keep_at).min(now + LONGEST_SLEEP);
            tokio::select! {
                biased;
                Some(wish) = self.wishes.recv() => self.wish(wish),
                Some(Ok((name, addrs))) = self.names.join_next() => self.resolved(&name, addrs),
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
                        tracing::trace!(%error, "a DHT node cannot be sent to");
                        self.tell(Input::Unreachable { to });
                    }
                }
                Action::Bootstrap => self.resolve(),
                Action::Peers { info_hash, from, peers } => {
                    let (source, scope) = (Source::Dht, scope_of(from.ip()));
                    self.tell_torrent(info_hash, Found::Peers { source, scope, addrs: peers });
                }
                Action::Told(at, fact) => self.tell_session(at, fact),
                Action::Lookup(at, info_hash, fact) => {
                    self.tell_torrent(info_hash, Found::Fact(at, Event::Lookup(fact)));
                }
            }
        }
    }

    fn tell_session(&self, at: At, fact: DhtFact) {
        self.facts.tell(at, Event::Dht(fact));
    }

    fn tell_torrent(&self, info_hash: InfoHash, found: Found) {
        if let Some(torrent) = self.torrents.get(&info_hash) {
            // It may have ended just now.
            let _ = torrent.send(found);
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::LookUp(info_hash, found) => {
                self.torrents.insert(info_hash, found);
                self.tell(Input::Add { info_hash, announce: !self.is_read_only });
            }
            Wish::Leave(info_hash) => {
                self.torrents.remove(&info_hash);
                self.tell(Input::Remove { info_hash });
            }
            Wish::Again(info_hash) => self.tell(Input::LookUp { info_hash }),
            Wish::Node(addr) => self.tell(Input::Node { addr }),
            Wish::Port(port) => self.tell(Input::Port(port)),
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
                let addrs = addresses_of(&node).await;
                (node, addrs)
            });
        }
    }

    fn resolved(&mut self, name: &PeerName, addrs: Result<Vec<SocketAddr>, String>) {
        let (now, name) = (self.clock.now(), name.to_string());
        match addrs {
            Ok(mut addrs) => {
                addrs.truncate(MOST_OF_A_NAME);
                for addr in addrs.iter().copied() {
                    self.tell_session(now, DhtFact::BootstrapResolved { name: name.clone(), addr });
                }
                self.tell(Input::Bootstrap { addrs });
            }
            Err(error) => self.tell_session(now, DhtFact::BootstrapUnresolved { name, error }),
        }
    }

    fn keep(&mut self) {
        self.keep_at = self.clock.now() + KEEP_EVERY;
        if !self.is_read_only {
            kept::write(&self.kept_in, &self.machine.saved());
        }
    }
}

#[cfg(test)]
mod tests;
