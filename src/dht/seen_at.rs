//! At which address others see us (BEP 42).

use std::collections::VecDeque;
use std::net::IpAddr;

use super::diversity::network_of;
use crate::metainfo::address::can_be_a_peer;

/// What was said last, of as many networks.
const MOST_VOTES: usize = 16;
/// Networks that have to agree.
const ENOUGH: usize = 2;

/// Counts what nodes of different networks say.
#[derive(Debug, Default)]
pub(super) struct SeenAt {
    /// The network of a node, and what it said last.
    votes: VecDeque<(IpAddr, IpAddr)>,
    /// The address, once enough of them agree.
    pub(super) agreed: Option<IpAddr>,
}

impl SeenAt {
    /// A node says that it sees us at `ip`. Tells the address when that made it another one: nodes of two networks say so,
    /// and more than say anything else.
    pub(super) fn hear(&mut self, from: IpAddr, ip: IpAddr) -> Option<IpAddr> {
        if !can_be_a_peer(ip) || from.is_ipv4() != ip.is_ipv4() {
            return None;
        }
        let network = network_of(from);
        self.votes.retain(|(voter, _)| *voter != network);
        self.votes.push_back((network, ip));
        if self.votes.len() > MOST_VOTES {
            self.votes.pop_front();
        }
        let count = |ip: IpAddr| self.votes.iter().filter(|(_, said)| *said == ip).count();
        let others = self.votes.iter().map(|(_, said)| *said).filter(|said| *said != ip);
        let most_others = others.map(count).max().unwrap_or(0);
        let wins = count(ip) >= ENOUGH && count(ip) > most_others && self.agreed != Some(ip);
        wins.then(|| *self.agreed.insert(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_networks_have_to_agree_and_liars_of_one_do_not() {
        let ip = |ip: &str| ip.parse::<IpAddr>().unwrap();
        let (ours, other) = (ip("203.0.113.9"), ip("198.51.100.66"));
        let mut seen_at = SeenAt::default();
        assert_eq!(seen_at.hear(ip("11.1.1.1"), other), None);
        assert_eq!(seen_at.hear(ip("11.1.1.2"), other), None);
        assert_eq!(seen_at.hear(ip("11.2.1.1"), ours), None);
        assert_eq!(seen_at.hear(ip("11.3.1.1"), ours), Some(ours));
        assert_eq!(seen_at.hear(ip("11.4.1.1"), ours), None);
        assert_eq!(seen_at.hear(ip("11.5.1.1"), other), None);
        assert_eq!(seen_at.hear(ip("11.6.1.1"), other), None);
        assert_eq!(seen_at.hear(ip("11.7.1.1"), other), Some(other));
        assert_eq!(seen_at.hear(ip("11.8.1.1"), ip("0.0.0.0")), None);
        assert_eq!(seen_at.hear(ip("11.7.1.1"), other), None, "it is known");
    }
}
