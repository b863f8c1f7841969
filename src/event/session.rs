//! Which facts of the session make older ones old.

use super::{DhtFact, Event, Family, MappingFact, MappingStep};

impl Event {
    /// Whether nothing is lost where an older fact of the session is not told any more, because this one is.
    pub fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::OtherPackets { .. }, Self::OtherPackets { .. })
            | (Self::UtpPackets { .. }, Self::UtpPackets { .. })
            | (Self::UnknownCalls { .. }, Self::UnknownCalls { .. }) => true,
            (Self::Dht(new), Self::Dht(old)) => new.replaces(old),
            (Self::Mapping(new), Self::Mapping(old)) => new.replaces(old),
            _ => false,
        }
    }

    /// Whether it is a sum to which nothing was added yet.
    pub fn counts_nothing(&self) -> bool {
        match *self {
            Self::OtherPackets { packets } => packets == 0,
            Self::UtpPackets { calls, refused, unfit } => (calls, refused, unfit) == (0, 0, 0),
            Self::UnknownCalls { calls } => calls == 0,
            _ => false,
        }
    }
}

impl DhtFact {
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Nodes { family, .. }, Self::Nodes { family: of, .. }) => family == of,
            (Self::SeenAt { ip }, Self::SeenAt { ip: at }) => Family::of(*ip) == Family::of(*at),
            // The names are resolved and asked again.
            (Self::BootstrapWanted, old) => !matches!(old, Self::Nodes { .. } | Self::SeenAt { .. }),
            (new, old) => new == old,
        }
    }
}

impl MappingFact {
    /// Steps on the way to a way in are a history, of which the same step is told once, and of renewals the last.
    fn replaces(&self, older: &Self) -> bool {
        let renews = self.step == MappingStep::Renewed && older.step == MappingStep::Renewed;
        let of = |fact: &Self| (fact.gateway, fact.protocol, fact.transport);
        self == older || (renews && of(self) == of(older))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::MappedTransport;

    #[test]
    fn a_router_that_renews_for_days_fills_no_memory() {
        let fact = |step, transport, lease_s| {
            let fact = MappingFact { step, transport: Some(transport), ..MappingFact::default() };
            Event::Mapping(MappingFact { lease_s: Some(lease_s), ..fact })
        };
        let (tcp, udp) = (MappedTransport::Tcp, MappedTransport::Udp);
        let renewed = fact(MappingStep::Renewed, tcp, 60);
        assert!(renewed.replaces(&fact(MappingStep::Renewed, tcp, 30)));
        assert!(!renewed.replaces(&fact(MappingStep::Renewed, udp, 60)));
        assert!(!renewed.replaces(&fact(MappingStep::Mapped, tcp, 60)));
        let mapped = fact(MappingStep::Mapped, tcp, 60);
        assert!(mapped.replaces(&mapped.clone()) && !mapped.replaces(&fact(MappingStep::Mapped, tcp, 30)));
    }
}
