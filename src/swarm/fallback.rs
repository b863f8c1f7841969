//! Plain or encrypted: which a peer is dialled with, and which next when that fails.

use crate::event::{At, Cause, Encryption, LooksLike, OtherWay};
use crate::peer::Step;

/// When encryption is used. What the messages travel under is agreed on with each peer, plain where both can, unless
/// encryption is required.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum EncryptionPolicy {
    /// Dial plain first and encrypted where that fails; take both.
    #[default]
    PreferPlain,
    /// Dial encrypted first and plain where that fails; take both.
    Prefer,
    /// Dial and take encrypted only, the messages too.
    Require,
    /// Dial and take plain only.
    Off,
}

impl EncryptionPolicy {
    /// How a peer is dialled of which nothing is known.
    pub fn first(self) -> Encryption {
        match self {
            Self::PreferPlain | Self::Off => Encryption::Plain,
            Self::Prefer | Self::Require => Encryption::Mse,
        }
    }

    /// How it is dialled where the first way fails, if at all.
    pub(super) fn second(self) -> Option<Encryption> {
        match self {
            Self::PreferPlain => Some(Encryption::Mse),
            Self::Prefer => Some(Encryption::Plain),
            Self::Require | Self::Off => None,
        }
    }

    /// How a probe dials on, that tries each peer each way once: where the first way opened and nobody shook hands.
    pub fn after(self, tried: Encryption, opened: bool, cause: Cause) -> Option<Encryption> {
        let shook_hands = matches!(cause, Cause::InfoHashMismatch | Cause::SelfConnection);
        self.second().filter(|_| tried == self.first() && opened && !shook_hands)
    }
}

/// How far a dial came that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Came {
    opened: bool,
    pub(super) sent_bytes: u64,
    /// What answers looks like encryption.
    looks_encrypted: bool,
    /// When bytes came where its handshake belongs.
    pub(super) received_at: Option<At>,
}

impl Came {
    /// It came a step further.
    pub(super) fn step(&mut self, at: At, step: &Step) {
        match step {
            Step::Connected => self.opened = true,
            Step::LooksLike(what) => self.looks_encrypted = *what == LooksLike::Encrypted,
            Step::Received(_) => self.received_at = Some(at),
            Step::Sent(sent) => self.sent_bytes = sent.len() as u64,
            Step::Agreed(_) => {}
        }
    }
}

/// Where one peer stands on the fallback.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Fallback {
    /// How it last shook hands when we dialled it.
    works: Option<Encryption>,
    /// The second encryption, while it is due or under way.
    second: Option<Encryption>,
}

impl Fallback {
    /// How to dial it now.
    pub(super) fn encryption_for(&self, policy: EncryptionPolicy) -> Encryption {
        let known = self.second.or(self.works).filter(|_| policy.second().is_some());
        known.unwrap_or_else(|| policy.first())
    }

    /// It is said to prefer encryption: where it was never dialled, that is tried first.
    pub(super) fn is_said_to_encrypt(&mut self) {
        self.works = self.works.or(Some(Encryption::Mse));
    }

    /// Whether it last shook hands so.
    pub(super) fn works_encrypted(self) -> bool {
        self.works == Some(Encryption::Mse)
    }

    /// It was dialled so and shook hands.
    pub(super) fn works(&mut self, how: Encryption) {
        *self = Self { works: Some(how), second: None };
    }

    /// The dial ended without a handshake. True: the other encryption is worth a try at once. `once`: each is tried once, as by
    /// a probe.
    pub(super) fn failed(&mut self, policy: EncryptionPolicy, cause: Cause, came: Came, once: bool) -> bool {
        let tried = self.encryption_for(policy);
        let may_help = match once {
            true => policy.after(tried, came.opened, cause).is_some(),
            false => opens_the_other(tried, cause, came.looks_encrypted),
        };
        let climbs = policy.second().is_some() && self.second.is_none() && may_help;
        let other = match tried {
            Encryption::Plain => Encryption::Mse,
            Encryption::Mse => Encryption::Plain,
        };
        self.second = climbs.then_some(other);
        climbs
    }
}

/// Whether the end may be due to how it was dialled.
fn opens_the_other(tried: Encryption, cause: Cause, looked_encrypted: bool) -> bool {
    match cause.info().other_way {
        OtherWay::No => false,
        OtherWay::Both => true,
        OtherWay::Encrypted => tried == Encryption::Mse,
        OtherWay::PlainIfItLookedEncrypted => tried == Encryption::Plain && looked_encrypted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Cause::{
        ClosedBeforeHandshake, ConnectTimeout, ConnectionRefused, EncryptionFailed, EncryptionMismatch,
        HandshakeTimeout, HandshakeTruncated, InfoHashMismatch, NotBittorrent, ResetBeforeHandshake,
    };
    use Encryption::{Mse, Plain};
    use EncryptionPolicy::{Off, Prefer, PreferPlain, Require};

    #[test]
    fn begins_as_the_setting_says() {
        let table = [(PreferPlain, Plain), (Prefer, Mse), (Require, Mse), (Off, Plain)];
        for (policy, first) in table {
            assert_eq!(Fallback::default().encryption_for(policy), first, "{policy:?}");
        }
    }

    #[test]
    fn climbs_once_where_the_other_way_may_help() {
        for policy in [PreferPlain, Prefer, Require, Off] {
            for cause in [ClosedBeforeHandshake, ResetBeforeHandshake, HandshakeTimeout] {
                let mut fallback = Fallback::default();
                let first = fallback.encryption_for(policy);
                let climbs = matches!(policy, PreferPlain | Prefer);
                assert_eq!(
                    fallback.failed(policy, cause, Came::default(), false),
                    climbs,
                    "{policy:?} {cause:?}"
                );
                assert_eq!(fallback.encryption_for(policy) != first, climbs);
                assert!(!fallback.failed(policy, cause, Came::default(), false), "there are two rungs");
                assert_eq!(fallback.encryption_for(policy), first, "the next climb begins below");
            }
        }
    }

    #[test]
    fn other_ends_have_nothing_to_do_with_it() {
        let ends = [ConnectionRefused, ConnectTimeout, InfoHashMismatch, HandshakeTruncated, NotBittorrent];
        for cause in ends {
            assert!(!Fallback::default().failed(PreferPlain, cause, Came::default(), false), "{cause:?}");
            assert!(!Fallback::default().failed(Prefer, cause, Came::default(), false), "{cause:?}");
        }
        for cause in [EncryptionFailed, EncryptionMismatch] {
            assert!(Fallback::default().failed(Prefer, cause, Came::default(), false));
        }
    }

    #[test]
    fn bytes_that_look_encrypted_open_it() {
        let (mut fallback, mut came) = (Fallback::default(), Came::default());
        came.step(At::ZERO, &Step::LooksLike(LooksLike::Encrypted));
        assert!(fallback.failed(PreferPlain, NotBittorrent, came, false));
        assert_eq!(fallback.encryption_for(PreferPlain), Mse);
        assert!(!fallback.failed(PreferPlain, EncryptionFailed, Came::default(), false));
        assert!(!fallback.failed(PreferPlain, NotBittorrent, Came::default(), false));
    }

    #[test]
    fn what_works_comes_first_and_is_given_up_when_it_works_no_more() {
        let mut fallback = Fallback::default();
        fallback.works(Mse);
        assert_eq!((fallback.encryption_for(PreferPlain), fallback.encryption_for(Off)), (Mse, Plain));
        assert!(fallback.failed(PreferPlain, HandshakeTimeout, Came::default(), false));
        assert_eq!(fallback.encryption_for(PreferPlain), Plain);
        fallback.works(Plain);
        assert_eq!((fallback.encryption_for(PreferPlain), fallback.encryption_for(Prefer)), (Plain, Plain));
    }
}
