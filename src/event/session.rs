//! Which facts of the session make older ones old.

use super::{DhtFact, Event, Family};

impl Event {
    /// Whether nothing is lost where an older fact of the session is not told any more, because this one is. Steps on the
    /// way to a way in are a history, of which nothing is replaced.
    pub fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::OtherPackets { .. }, Self::OtherPackets { .. })
            | (Self::UnknownCalls { .. }, Self::UnknownCalls { .. }) => true,
            (Self::Dht(new), Self::Dht(old)) => new.replaces(old),
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
