//! The machine's addresses: looked at every few seconds, and after it woke up.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::super::addresses::of_this_machine;
use super::TorrentTask;
use crate::event::At;
use crate::swarm::{AddressChange, ConnKey, Input, Way, announce};

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl TorrentTask {
    /// Has the system asked for them, when it is time.
    pub(super) fn look_at_addresses(&mut self, now: At) {
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        let here = self.outlets.addresses.clone();
        self.tasks.spawn(async move {
            if let Ok(Some(addresses)) = tokio::task::spawn_blocking(of_this_machine).await {
                // Nobody listens only when the run is over.
                let _ = here.send(addresses).await;
            }
        });
    }

    /// These are the machine's addresses now.
    pub(super) fn addresses(&mut self, here: BTreeSet<IpAddr>) {
        let Some(AddressChange { gone, way }) = self.own_addresses.look(here) else { return };
        let lost: Vec<ConnKey> =
            self.locals.iter().filter(|(_, local)| gone.contains(local)).map(|(conn, _)| *conn).collect();
        if way == Way::Same && lost.is_empty() {
            return;
        }
        let now = self.clock.now();
        self.swarm.handle(now, Input::AddressesChanged { lost, way });
        if matches!(way, Way::Other | Way::Again) {
            self.announcer.handle(now, announce::Input::Moved);
        }
        self.settle();
    }
}
