//! Who takes the connections that others open to us: the torrent that their handshake names.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::clock::Clock;
use super::listen::Arrived;
use super::mailbox;
use super::session_facts::SessionFacts;
use crate::event::Event;
use crate::metainfo::{InfoHash, PeerId};
use crate::peer::Called;
use crate::wire::Reserved;
use crate::wire::mse::Torrents;

/// The torrents that may be called for, and where the calls of each go. Copies are the same.
#[derive(Clone, Debug)]
pub struct Calls {
    peer_id: PeerId,
    reserved: Reserved,
    clock: Clock,
    facts: Arc<SessionFacts>,
    table: watch::Sender<Table>,
}

#[derive(Debug, Default)]
struct Table {
    torrents: Torrents,
    takers: HashMap<InfoHash, mailbox::Sender<Arrived>>,
    /// Calls that named no torrent.
    unknown: u64,
    /// Some torrent took calls already.
    begun: bool,
    /// No torrent begins to take calls once the last has stopped.
    last: bool,
}

impl Table {
    fn is_over(&self) -> bool {
        self.last && self.begun && self.takers.is_empty()
    }
}

/// Calls for a torrent come for as long as this is held.
#[derive(Debug)]
pub struct Taking {
    calls: Calls,
    info_hash: InfoHash,
    arrivals: mailbox::Sender<Arrived>,
}

impl Calls {
    /// Calls to one of this id and these reserved bytes, for no torrent yet.
    pub(super) fn new(peer_id: PeerId, reserved: Reserved, clock: Clock, facts: Arc<SessionFacts>) -> Self {
        Self { peer_id, reserved, clock, facts, table: watch::Sender::default() }
    }

    /// Calls for the torrent go to `arrivals` from now on.
    #[must_use = "they come for as long as this is held"]
    pub fn take(&self, info_hash: InfoHash, arrivals: mailbox::Sender<Arrived>) -> Taking {
        self.table.send_modify(|table| {
            table.torrents.add(info_hash);
            table.takers.insert(info_hash, arrivals.clone());
            table.begun = true;
        });
        Taking { calls: self.clone(), info_hash, arrivals }
    }

    /// The port closes with the last torrent that takes calls: none follows.
    pub fn last(&self) {
        self.table.send_modify(|table| table.last = true);
    }

    /// Waits until some torrent takes calls; false where none ever will.
    pub(super) async fn begun(&self) -> bool {
        let mut table = self.table.subscribe();
        let begun = table.wait_for(|table| table.is_over() || !table.takers.is_empty()).await;
        begun.is_ok_and(|table| !table.is_over())
    }

    /// Waits until no torrent takes calls.
    pub(super) async fn ended(&self) {
        // The other end is held here, so that this does not fail.
        let _ = self.table.subscribe().wait_for(|table| table.takers.is_empty()).await;
    }

    /// Who answers a call that comes now.
    pub(super) fn called(&self) -> Called {
        let torrents = self.table.borrow().torrents.clone();
        Called { peer_id: self.peer_id, reserved: self.reserved, torrents }
    }

    /// One more call named no torrent.
    fn lost(&self) {
        let mut calls = 0;
        self.table.send_if_modified(|table| {
            table.unknown += 1;
            calls = table.unknown;
            false
        });
        self.facts.tell(self.clock.now(), Event::UnknownCalls { calls });
    }

    /// Hands a connection to its torrent, or what came of one that named none to the only torrent there is: where there
    /// are several, nobody knows which it wanted.
    pub(super) async fn deliver(&self, arrived: Arrived) {
        let mut lost = false;
        let taker = {
            let table = self.table.borrow();
            match &arrived.outcome {
                Ok((_, shaken)) => table.takers.get(&shaken.info_hash).cloned(),
                Err(_) if table.takers.len() == 1 => table.takers.values().next().cloned(),
                Err(end) => {
                    // Who it was is not told: no torrent says by which name, where addresses are hidden.
                    tracing::info!(cause = ?end.cause, "a call for no torrent");
                    lost = true;
                    None
                }
            }
        };
        if lost {
            self.lost();
        }
        if let Some(taker) = taker {
            // Nobody listens only when that torrent has ended.
            let _ = taker.send(arrived).await;
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.calls.table.send_modify(|table| {
            // The same torrent may have been added again.
            let taker = table.takers.get(&self.info_hash);
            if taker.is_some_and(|taker| taker.same_channel(&self.arrivals)) {
                table.takers.remove(&self.info_hash);
                table.torrents.remove(&self.info_hash);
            }
        });
    }
}
