//! The machine's own addresses, and how they change.
//!
//! A laptop goes from one network to another, a provider gives a new address, a VPN comes up or goes: connections over
//! an address that is gone carry nothing any more, without anybody saying so, and trackers name us where we are not.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The machine's addresses as they were seen last.
#[derive(Debug, Default)]
pub struct OwnAddresses(Option<BTreeSet<IpAddr>>);

/// How they changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressChange {
    /// Those that are gone.
    pub gone: BTreeSet<IpAddr>,
    /// Which way there is now to others.
    pub way: Way,
}

/// Which way there is to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The same as before.
    Same,
    /// Another than before.
    Other,
    /// One, after there was none.
    Again,
    /// None.
    None,
}

impl OwnAddresses {
    /// Takes in the addresses that the machine has now; what changed, if anything did. The first look is no change.
    pub fn look(&mut self, here: BTreeSet<IpAddr>) -> Option<AddressChange> {
        let far = |addrs: &BTreeSet<IpAddr>| -> BTreeSet<IpAddr> {
            addrs.iter().copied().filter(|addr| leads_far(*addr)).collect()
        };
        let ways = far(&here);
        let before = self.0.replace(here)?;
        let ways_before = far(&before);
        let gone: BTreeSet<IpAddr> = before.difference(self.0.as_ref()?).copied().collect();
        let way = match (ways == ways_before, ways_before.is_empty(), ways.is_empty()) {
            (true, ..) => Way::Same,
            (_, _, true) => Way::None,
            (_, true, _) => Way::Again,
            _ => Way::Other,
        };
        (way != Way::Same || !gone.is_empty()).then_some(AddressChange { gone, way })
    }
}

/// Whether others than this machine and those on its cable can be reached from the address.
fn leads_far(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(addr) => !addr.is_loopback() && !addr.is_link_local() && !addr.is_unspecified(),
        IpAddr::V6(addr) => !addr.is_loopback() && !addr.is_unicast_link_local() && !addr.is_unspecified(),
    }
}

/// What people are told when addresses changed, and with it so many connections are gone.
pub(super) fn said(lost: usize, way: Way) -> String {
    let then = match way {
        Way::Same => "",
        Way::None => "; none of them leads to others",
        Way::Other | Way::Again => "; trackers hear of it",
    };
    let closed = match lost {
        0 => String::new(),
        1 => ", and 1 connection is gone with one of them".to_owned(),
        lost => format!(", and {lost} connections are gone with them"),
    };
    format!("the addresses of this machine changed{closed}{then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(addrs: &[&str]) -> BTreeSet<IpAddr> {
        addrs.iter().map(|addr| addr.parse().unwrap()).collect()
    }

    #[test]
    fn only_addresses_that_lead_to_others_make_a_way() {
        let mut own = OwnAddresses::default();
        assert_eq!(own.look(set(&["127.0.0.1", "192.168.1.7"])), None, "the first look");
        let mut look = |addrs: &[&str]| own.look(set(addrs)).map(|change| (change.gone, change.way));
        assert_eq!(look(&["127.0.0.1", "192.168.1.7"]), None);
        assert_eq!(look(&["127.0.0.1", "192.168.1.7", "fe80::1", "169.254.0.3", "::1"]), None);
        assert_eq!(
            look(&["127.0.0.1", "192.168.1.7"]),
            Some((set(&["fe80::1", "169.254.0.3", "::1"]), Way::Same))
        );
        assert_eq!(look(&["127.0.0.1", "192.168.1.7", "2001:db8::5"]), Some((set(&[]), Way::Other)));
        assert_eq!(look(&["127.0.0.1", "2001:db8::5"]), Some((set(&["192.168.1.7"]), Way::Other)));
        assert_eq!(look(&["127.0.0.1"]), Some((set(&["2001:db8::5"]), Way::None)));
        assert_eq!(look(&["127.0.0.1"]), None);
        assert_eq!(look(&["127.0.0.1", "10.0.0.2"]), Some((set(&[]), Way::Again)));
    }
}
