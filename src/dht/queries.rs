//! Queries that are out, and what is awaited of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::lookup::LookupKey;
use crate::event::At;

/// After so long a query is slow: another node is asked beside it.
pub(super) const SLOW_AFTER: Duration = Duration::from_millis(700);
/// After so long nothing comes any more.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(4);
/// Queries that may be out at once; more are not sent.
const MOST_OUT: usize = 1024;

/// Why a node was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// To know whether it is there.
    Ping,
    /// To find the first nodes.
    Bootstrap {
        /// When it was asked first.
        first: At,
    },
    /// A lookup asks it for what is near.
    Lookup(LookupKey),
    /// A lookup announces us to it.
    Announce(LookupKey),
}

/// A query that is out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Awaited {
    /// Who was asked.
    pub(super) to: SocketAddr,
    /// When.
    pub(super) at: At,
    /// Why.
    pub(super) purpose: Purpose,
    is_slow: bool,
}

/// What a transaction id that came back stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match {
    /// An answer to this.
    Answer(Awaited),
    /// It is right, and came from another port of the address that was asked.
    WrongPort(Awaited),
    /// Nothing that we asked, or not of who says it.
    Nothing,
}

/// All that are out.
#[derive(Debug, Default)]
pub(super) struct Queries {
    out: BTreeMap<u16, Awaited>,
}

impl Queries {
    /// A transaction id for a query that is sent now; `None`: too many are out.
    pub(super) fn begin(
        &mut self,
        now: At,
        to: SocketAddr,
        purpose: Purpose,
        rng: &mut fastrand::Rng,
    ) -> Option<Vec<u8>> {
        if self.out.len() >= MOST_OUT {
            return None;
        }
        let id = std::iter::repeat_with(|| rng.u16(..)).find(|id| !self.out.contains_key(id))?;
        self.out.insert(id, Awaited { to, at: now, purpose, is_slow: false });
        Some(id.to_be_bytes().to_vec())
    }

    /// Something came that bears this transaction id.
    pub(super) fn end(&mut self, transaction: &[u8], from: SocketAddr) -> Match {
        let Some(id) = transaction.try_into().ok().map(u16::from_be_bytes) else { return Match::Nothing };
        match self.out.get(&id).copied() {
            Some(awaited) if awaited.to == from => {
                self.out.remove(&id);
                Match::Answer(awaited)
            }
            Some(awaited) if awaited.to.ip() == from.ip() => {
                self.out.remove(&id);
                Match::WrongPort(awaited)
            }
            _ => Match::Nothing,
        }
    }

    /// Those that nothing came of in time.
    pub(super) fn take_lost(&mut self, now: At) -> Vec<Awaited> {
        self.take(|awaited| awaited.at + LOST_AFTER <= now)
    }

    /// Those to an address at which nobody can be reached.
    pub(super) fn take_to(&mut self, to: SocketAddr) -> Vec<Awaited> {
        self.take(|awaited| awaited.to == to)
    }

    fn take(&mut self, is_meant: impl Fn(&Awaited) -> bool) -> Vec<Awaited> {
        let meant = self.out.iter().filter(|(_, awaited)| is_meant(awaited)).map(|(id, _)| *id);
        let ids: Vec<u16> = meant.collect();
        ids.into_iter().filter_map(|id| self.out.remove(&id)).collect()
    }

    /// Those that became slow since the last time.
    pub(super) fn take_slow(&mut self, now: At) -> Vec<Awaited> {
        let slow = self.out.values_mut().filter(|awaited| !awaited.is_slow && awaited.at + SLOW_AFTER <= now);
        slow.map(|awaited| {
            awaited.is_slow = true;
            *awaited
        })
        .collect()
    }

    /// Whether a node is awaited for no lookup: pinged, or asked for the first nodes.
    pub(super) fn awaits_sign_of(&self, addr: SocketAddr) -> bool {
        let for_itself = |purpose| matches!(purpose, Purpose::Ping | Purpose::Bootstrap { .. });
        self.out.values().any(|awaited| awaited.to == addr && for_itself(awaited.purpose))
    }

    /// When one of them becomes slow or lost.
    pub(super) fn deadline(&self) -> At {
        let due = |awaited: &Awaited| awaited.at + if awaited.is_slow { LOST_AFTER } else { SLOW_AFTER };
        self.out.values().map(due).min().unwrap_or(At::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_the_right_id_from_the_right_address() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut queries = Queries::default();
        let [node, port, other] =
            ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"].map(|addr| addr.parse().unwrap());
        let id = queries.begin(At::ZERO, node, Purpose::Ping, &mut rng).unwrap();
        assert_eq!(queries.end(&id, other), Match::Nothing);
        assert_eq!(queries.end(&[id[0], id[1] ^ 1], node), Match::Nothing);
        assert_eq!(queries.end(b"", node), Match::Nothing);
        assert!(matches!(queries.end(&id, node), Match::Answer(Awaited { purpose: Purpose::Ping, .. })));
        assert_eq!(queries.end(&id, node), Match::Nothing);
        let id = queries.begin(At::ZERO, node, Purpose::Ping, &mut rng).unwrap();
        assert!(matches!(queries.end(&id, port), Match::WrongPort(_)));
    }

    #[test]
    fn a_query_is_slow_then_lost_and_few_are_out() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut queries = Queries::default();
        let node = "10.0.0.1:1".parse().unwrap();
        for _ in 0..MOST_OUT {
            queries.begin(At::ZERO, node, Purpose::Ping, &mut rng).unwrap();
        }
        assert_eq!(queries.begin(At::ZERO, node, Purpose::Ping, &mut rng), None);
        assert_eq!(queries.deadline(), SLOW_AFTER);
        assert_eq!(queries.take_slow(SLOW_AFTER).len(), MOST_OUT);
        assert_eq!((queries.take_slow(SLOW_AFTER).len(), queries.deadline()), (0, LOST_AFTER));
        assert_eq!(queries.take_lost(LOST_AFTER).len(), MOST_OUT);
        assert_eq!(queries.deadline(), At::MAX);
    }
}
