//! The machine's addresses, and which of them each connection is over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::swarm::{AddressChange, ConnKey, Input, OwnAddresses, Way};

/// The machine's addresses, and which of them each connection is over.
#[derive(Debug, Default)]
pub(super) struct Network {
    own: OwnAddresses,
    locals: BTreeMap<ConnKey, IpAddr>,
}

impl Network {
    /// The connection is over this address.
    pub(super) fn joined(&mut self, conn: ConnKey, local: Option<IpAddr>) {
        self.locals.extend(local.map(|local| (conn, local)));
    }

    /// The connection is over.
    pub(super) fn left(&mut self, conn: ConnKey) {
        self.locals.remove(&conn);
    }

    /// These are the machine's addresses now: what the decisions hear of it.
    pub(super) fn changed(&mut self, here: BTreeSet<IpAddr>) -> Option<Input> {
        let AddressChange { gone, way } = self.own.look(here)?;
        let lost: Vec<ConnKey> =
            self.locals.iter().filter(|(_, local)| gone.contains(local)).map(|(conn, _)| *conn).collect();
        (way != Way::Same || !lost.is_empty()).then_some(Input::AddressesChanged { lost, way })
    }
}
