//! What a node has to show when it announces, so that nobody announces another's address.

use std::net::IpAddr;
use std::time::Duration;

use sha1::{Digest, Sha1};

use crate::event::At;
use crate::metainfo::InfoHash;

/// For so long a token is given; it is taken for as long again (BEP 5).
const EPOCH: Duration = Duration::from_secs(5 * 60);

/// Tokens that follow from address, torrent, time and a secret: nothing is kept of those that are given.
#[derive(Debug)]
pub(super) struct Tokens {
    secret: [u8; 16],
}

impl Tokens {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self { secret: std::array::from_fn(|_| rng.u8(..)) }
    }

    pub(super) fn give(&self, now: At, ip: IpAddr, info_hash: InfoHash) -> Vec<u8> {
        self.of(now.as_secs() / EPOCH.as_secs(), ip, info_hash)
    }

    pub(super) fn takes(&self, now: At, ip: IpAddr, info_hash: InfoHash, token: &[u8]) -> bool {
        let epoch = now.as_secs() / EPOCH.as_secs();
        [Some(epoch), epoch.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|epoch| self.of(epoch, ip, info_hash) == token)
    }

    fn of(&self, epoch: u64, ip: IpAddr, info_hash: InfoHash) -> Vec<u8> {
        let mut hash = Sha1::new();
        hash.update(self.secret);
        hash.update(epoch.to_le_bytes());
        hash.update(info_hash.0);
        match ip {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => hash.update(v6.octets()),
        }
        hash.finalize()[..8].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_address_its_torrent_and_ten_minutes_at_most() {
        let tokens = Tokens::new(7);
        let [ip, other] = ["203.0.113.1", "203.0.113.2"].map(|ip| ip.parse().unwrap());
        let (hash, minute) = (InfoHash([1; 20]), Duration::from_secs(60));
        let token = tokens.give(4 * minute, ip, hash);
        assert!(tokens.takes(9 * minute, ip, hash, &token) && !tokens.takes(10 * minute, ip, hash, &token));
        assert!(!tokens.takes(4 * minute, other, hash, &token));
        assert!(!tokens.takes(4 * minute, ip, InfoHash([2; 20]), &token));
        assert!(
            !Tokens::new(8).takes(4 * minute, ip, hash, &token) && !tokens.takes(4 * minute, ip, hash, b"")
        );
    }
}
