//! What is to be done and what became known, in its order.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use super::Action;
use crate::event::{At, MappingFact, MappingProtocol, MappingStep};
use crate::metainfo::address::{Scope, can_be_a_peer, scope_of};

/// The way out of everything that decides.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) now: At,
    pub(super) out: VecDeque<Action>,
    gateway: Ipv4Addr,
    told_gateway: bool,
    /// What the router last said that others see.
    outside: Option<IpAddr>,
}

impl Steps {
    pub(super) fn new(gateway: Ipv4Addr) -> Self {
        Self { now: At::ZERO, out: VecDeque::new(), gateway, told_gateway: false, outside: None }
    }

    /// Tells a step.
    pub(super) fn tell(&mut self, fact: MappingFact) {
        let gateway = Some(self.gateway.into());
        self.out.push_back(Action::Told(self.now, MappingFact { gateway, ..fact }));
    }

    /// Tells which gateway it is, once.
    pub(super) fn tell_gateway(&mut self) {
        if !std::mem::replace(&mut self.told_gateway, true) {
            self.tell(MappingFact { step: MappingStep::Gateway, ..MappingFact::default() });
        }
    }

    /// Tells at which address the router says that others see it, when that is another one. What nobody can have outside is
    /// not repeated.
    pub(super) fn tell_outside(&mut self, protocol: MappingProtocol, outside: IpAddr) {
        let possible = can_be_a_peer(outside) && scope_of(outside) != Scope::Loopback;
        if possible && self.outside.replace(outside) != Some(outside) {
            self.tell(MappingFact {
                step: MappingStep::Outside,
                protocol: Some(protocol),
                outside: Some(outside),
                ..MappingFact::default()
            });
        }
    }
}
