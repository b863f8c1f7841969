//! How a peer is dialled, over TCP or uTP, plain or encrypted, and how next when that fails.

use crate::event::{At, Cause, DialWay, Encryption, LooksLike, OtherWay, Transport};
use crate::peer::Step;

/// Over what peers are dialled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TransportPolicy {
    /// TCP first, and uTP where that does not get through.
    #[default]
    Both,
    /// TCP only.
    Tcp,
    /// uTP only.
    Utp,
}

impl TransportPolicy {
    /// What a peer is dialled over of which nothing is known.
    pub fn first(self) -> Transport {
        match self {
            Self::Both | Self::Tcp => Transport::Tcp,
            Self::Utp => Transport::Utp,
        }
    }

    /// Whether it is used.
    pub fn uses(self, transport: Transport) -> bool {
        self == Self::Both || self.first() == transport
    }
}

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
}

/// The ways in which peers may be dialled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DialPolicy {
    /// Over what.
    pub transport: TransportPolicy,
    /// Under what.
    pub encryption: EncryptionPolicy,
}

impl DialPolicy {
    /// How a peer is dialled of which nothing is known.
    pub fn first(self) -> DialWay {
        DialWay { transport: self.transport.first(), encryption: self.encryption.first() }
    }

    fn allows(self, way: DialWay) -> bool {
        let encryption = self.encryption.second().is_some() || way.encryption == self.encryption.first();
        self.transport.uses(way.transport) && encryption
    }

    /// How a probe dials on, that tries each peer each way once, TCP before uTP: encrypted where plain opened and nobody
    /// shook hands, or the other way round. `cause`: why the dial failed; `None`: it shook hands.
    pub fn after(self, tried: DialWay, opened: bool, cause: Option<Cause>) -> Option<DialWay> {
        let DialWay { transport, encryption } = tried;
        let other_encryption = DialWay { encryption: encryption.other(), transport };
        let other_transport = DialWay { transport: transport.other(), ..self.first() };
        let climbs = opened && encryption == self.encryption.first() && self.allows(other_encryption);
        let next = match transport {
            _ if matches!(cause, Some(Cause::InfoHashMismatch | Cause::SelfConnection)) => None,
            _ if cause.is_some() && climbs => Some(other_encryption),
            Transport::Tcp => Some(other_transport),
            Transport::Utp => None,
        };
        next.filter(|way| self.allows(*way))
    }
}

/// How far a dial came that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Came {
    pub(super) opened: bool,
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
    works: Option<DialWay>,
    /// It is said to prefer encryption.
    said_to_encrypt: bool,
    /// It is said to speak uTP, or says so.
    said_to_speak_utp: bool,
    /// The ways that failed since the climb began.
    failed: Ways,
    /// The way after those, while it is due or under way.
    next: Option<DialWay>,
}

/// A set of ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Ways(u8);

impl Ways {
    fn bit(way: DialWay) -> u8 {
        1 << (u8::from(way.transport == Transport::Utp) * 2 + u8::from(way.encryption == Encryption::Mse))
    }

    fn insert(&mut self, way: DialWay) {
        self.0 |= Self::bit(way);
    }

    fn has(self, way: DialWay) -> bool {
        self.0 & Self::bit(way) != 0
    }
}

impl Fallback {
    /// How to dial it now.
    pub(super) fn way(&self, policy: DialPolicy) -> DialWay {
        let known = self.next.or(self.works).filter(|way| policy.allows(*way));
        known.unwrap_or_else(|| {
            let mut way = policy.first();
            if self.said_to_speak_utp && policy.transport.uses(Transport::Utp) {
                way.transport = Transport::Utp;
            }
            if self.said_to_encrypt && policy.encryption.second().is_some() {
                way.encryption = Encryption::Mse;
            }
            way
        })
    }

    /// How to dial it over this transport.
    pub(super) fn way_over(&self, policy: DialPolicy, transport: Transport) -> DialWay {
        DialWay { transport, ..self.way(policy) }
    }

    /// The way that may race that one, which is where nobody knows over what the peer is reached.
    pub(super) fn rival(&self, policy: DialPolicy) -> Option<DialWay> {
        let way = self.way(policy);
        let rival = DialWay { transport: way.transport.other(), ..way };
        (self.works.is_none() && self.next.is_none() && policy.allows(rival)).then_some(rival)
    }

    /// It is said to prefer encryption: where it was never dialled, that is tried first.
    pub(super) fn is_said_to_encrypt(&mut self) {
        self.said_to_encrypt = true;
    }

    /// It is said to speak uTP: where it was never dialled, that is tried first.
    pub(super) fn is_said_to_speak_utp(&mut self) {
        self.said_to_speak_utp = true;
    }

    /// Whether it last shook hands encrypted, or is said to.
    pub(super) fn works_encrypted(self) -> bool {
        self.works.map_or(self.said_to_encrypt, |way| way.encryption == Encryption::Mse)
    }

    /// It was dialled so and shook hands.
    pub(super) fn works(&mut self, how: DialWay) {
        self.works = Some(how);
        self.end_climb();
    }

    /// The way that a probe tries next of a peer that shook hands, if there is one.
    pub(super) fn after_success(self, policy: DialPolicy) -> Option<DialWay> {
        self.works.and_then(|way| policy.after(way, true, None))
    }

    /// A probe tries that way.
    pub(super) fn probe_on(&mut self, policy: DialPolicy) {
        self.next = self.after_success(policy);
    }

    /// It was dialled so in vain, and another dial of it goes on.
    pub(super) fn failed_beside(&mut self, way: DialWay) {
        self.failed.insert(way);
    }

    /// The dial ended without a handshake. True: another way is worth a try at once. `once`: each is tried once, as by
    /// a probe.
    pub(super) fn failed(
        &mut self,
        policy: DialPolicy,
        way: DialWay,
        cause: Cause,
        came: Came,
        once: bool,
    ) -> bool {
        self.failed.insert(way);
        let next = match once {
            true => policy.after(way, came.opened, Some(cause)),
            false => self.after(policy, way, cause, came),
        };
        self.next = next.filter(|way| policy.allows(*way) && !self.failed.has(*way));
        if self.next.is_none() {
            self.end_climb();
        }
        self.next.is_some()
    }

    /// The way that may help: encrypted instead of plain or the reverse first, then over the other transport.
    fn after(&self, policy: DialPolicy, way: DialWay, cause: Cause, came: Came) -> Option<DialWay> {
        let encrypted = DialWay { encryption: way.encryption.other(), ..way };
        let helps = opens_the_other(way.encryption, cause, came.looks_encrypted);
        if helps && policy.allows(encrypted) && !self.failed.has(encrypted) {
            return Some(encrypted);
        }
        // What was never open tells nothing of plain and encrypted.
        let encryption = if came.opened { policy.encryption.first() } else { way.encryption };
        let transport = way.transport.other();
        cause.info().other_transport.then_some(DialWay { transport, encryption })
    }

    fn end_climb(&mut self) {
        self.next = None;
        self.failed = Ways::default();
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
mod tests;
