//! Local discovery (BEP 14): one task and a socket of each family for all torrents, opened when the first wants peers.

mod sockets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use self::sockets::Sockets;
use super::clock::Clock;
use super::found::{Found, FoundSender};
use super::surroundings::Around;
use crate::event::{Event, Finder, FinderStatus, Source};
use crate::metainfo::InfoHash;
use crate::metainfo::address::scope_of;
use crate::swarm::lsd::{Action, Input, LocalDiscovery};

/// A torrent that wants peers, or none any more.
enum Wish {
    Join(InfoHash, FoundSender),
    Again(InfoHash),
    Leave(InfoHash),
}

/// Local discovery of all torrents.
#[derive(Debug)]
pub(super) struct Lsd {
    port: u16,
    seed: u64,
    clock: Clock,
    around: watch::Receiver<Around>,
    /// Where the task takes wishes that runs since the first.
    wishes: Mutex<Option<mpsc::UnboundedSender<Wish>>>,
}

/// The torrent is announced for as long as this is held.
#[derive(Debug)]
pub(super) struct Joined {
    lsd: Arc<Lsd>,
    info_hash: InfoHash,
}

impl Lsd {
    /// For a client that listens on `port`. Nothing is opened before a torrent joins.
    pub(super) fn new(port: u16, seed: u64, clock: Clock, around: watch::Receiver<Around>) -> Arc<Self> {
        Arc::new(Self { port, seed, clock, around, wishes: Mutex::default() })
    }

    /// The torrent is announced from now on; who else has it goes to `found`. Must be called inside a tokio runtime.
    #[must_use = "it is announced for as long as this is held"]
    pub(super) fn join(self: &Arc<Self>, info_hash: InfoHash, found: FoundSender) -> Joined {
        self.wish(Wish::Join(info_hash, found));
        Joined { lsd: Arc::clone(self), info_hash }
    }

    fn wish(&self, wish: Wish) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let to = wishes.get_or_insert_with(|| {
            let (to, from) = mpsc::unbounded_channel();
            let discovery = LocalDiscovery::new(self.port, self.seed);
            let (clock, around) = (self.clock, self.around.clone());
            tokio::spawn(Task { discovery, clock, around, torrents: BTreeMap::new() }.run(from));
            to
        });
        // Nobody listens only when the program ends.
        let _ = to.send(wish);
    }
}

impl Joined {
    /// It is announced again now.
    pub(super) fn again(&self) {
        self.lsd.wish(Wish::Again(self.info_hash));
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.lsd.wish(Wish::Leave(self.info_hash));
    }
}

struct Task {
    discovery: LocalDiscovery,
    clock: Clock,
    around: watch::Receiver<Around>,
    torrents: BTreeMap<InfoHash, FoundSender>,
}

impl Task {
    /// Goes on until no torrent can join any more.
    async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        let mut addresses = self.around.borrow_and_update().addresses.clone();
        let mut sockets = Sockets::open();
        loop {
            self.settle(&sockets).await;
            let due = self.discovery.deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(wish) => self.take(wish, &sockets),
                    None => return,
                },
                (from, packet) = sockets.heard() => {
                    self.discovery.handle(self.clock.now(), Input::Heard { from, packet: &packet });
                }
                changed = self.around.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now_here = self.around.borrow_and_update().addresses.clone();
                    if std::mem::replace(&mut addresses, now_here.clone()) != now_here {
                        sockets = Sockets::open();
                        self.discovery.moved(self.clock.now());
                    }
                }
                () = async { sleep_until(due.unwrap_or_else(tokio::time::Instant::now)).await }, if due.is_some() => {}
            }
        }
    }

    /// Carries out what is due.
    async fn settle(&mut self, sockets: &Sockets) {
        while let Some(action) = self.discovery.poll(self.clock.now()) {
            match action {
                Action::Announce(announce) => sockets.send(&announce).await,
                Action::Found { info_hash, addr } => {
                    if let Some(torrent) = self.torrents.get(&info_hash) {
                        let (source, scope) = (Source::Lsd, scope_of(addr.ip()));
                        // It may have ended just now.
                        let _ = torrent.send(Found::Peers { source, scope, addrs: vec![addr] });
                    }
                }
            }
        }
    }

    fn take(&mut self, wish: Wish, sockets: &Sockets) {
        let input = match wish {
            Wish::Join(info_hash, found) => {
                if let Some(why) = sockets.failure() {
                    let (finder, status) = (Finder::Lsd, FinderStatus::Failed);
                    let event = Event::Finder { finder, status, detail: Some(why.to_owned()) };
                    let _ = found.send(Found::Fact(self.clock.now(), event));
                }
                self.torrents.insert(info_hash, found);
                Input::Join(info_hash)
            }
            Wish::Again(info_hash) => Input::Again(info_hash),
            Wish::Leave(info_hash) => {
                self.torrents.remove(&info_hash);
                Input::Leave(info_hash)
            }
        };
        self.discovery.handle(self.clock.now(), input);
    }
}
