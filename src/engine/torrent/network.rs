//! The machine's addresses: looked at every few seconds, and after it woke up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::addresses::of_this_machine;
use super::super::peer_tasks::PeerTasks;
use crate::event::At;
use crate::swarm::{AddressChange, ConnKey, Input, OwnAddresses, Way};

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The machine's addresses, and which of them each connection is over.
#[derive(Debug)]
pub(super) struct Network {
    own: OwnAddresses,
    locals: BTreeMap<ConnKey, IpAddr>,
    /// When they are looked at next.
    look_at: At,
}

impl Network {
    pub(super) fn new(now: At) -> Self {
        Self { own: OwnAddresses::default(), locals: BTreeMap::new(), look_at: now }
    }

    /// The connection is over this address.
    pub(super) fn joined(&mut self, conn: ConnKey, local: Option<IpAddr>) {
        self.locals.extend(local.map(|local| (conn, local)));
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) {
        self.locals.remove(&conn);
    }

    /// The machine may wake up in another network: they are looked at again now.
    pub(super) fn woke(&mut self, now: At) {
        self.look_at = now;
    }

    /// Has the system asked for them, when it is time; what it says goes to `here`.
    pub(super) fn look(&mut self, now: At, tasks: &mut PeerTasks, here: &mpsc::Sender<BTreeSet<IpAddr>>) {
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        let here = here.clone();
        tasks.spawn(async move {
            if let Ok(Some(addresses)) = tokio::task::spawn_blocking(of_this_machine).await {
                // Nobody listens only when the run is over.
                let _ = here.send(addresses).await;
            }
        });
    }

    /// These are the machine's addresses now: what the decisions hear of it.
    pub(super) fn changed(&mut self, here: BTreeSet<IpAddr>) -> Option<Input> {
        let AddressChange { gone, way } = self.own.look(here)?;
        let lost: Vec<ConnKey> =
            self.locals.iter().filter(|(_, local)| gone.contains(local)).map(|(conn, _)| *conn).collect();
        (way != Way::Same || !lost.is_empty()).then_some(Input::AddressesChanged { lost, way })
    }
}
