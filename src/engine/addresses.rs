//! The addresses of this machine, as the system tells them.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The addresses of all interfaces; `None` where the system does not tell. May block for a moment.
pub(super) fn of_this_machine() -> Option<BTreeSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    Some(interfaces.iter().map(|interface| interface.ip().to_canonical()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_loopback() {
        let addresses = of_this_machine().unwrap();
        assert!(addresses.iter().any(IpAddr::is_loopback), "{addresses:?}");
    }
}
