//! How far a handshake has come, and what is told of it.

use crate::event::{At, Encryption, Event, PeerKey};
use crate::wire::LooksLike;
use crate::wire::mse::Payload;

/// How far an attempt has come. Its end is not among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The connection is open.
    Connected,
    /// These bytes, our handshake, are written.
    Sent(Vec<u8>),
    /// These bytes came where its handshake belongs: all 68, or as many as came before it ended. Told once, and
    /// not when none came.
    Received(Vec<u8>),
    /// What came is no handshake; it looks like this.
    LooksLike(LooksLike),
    /// Under encryption, both sides agreed on what follows.
    Agreed(Payload),
}

impl Step {
    /// What is told of it.
    pub fn event(self, peer: PeerKey) -> Event {
        match self {
            Self::Connected => Event::Connected { peer },
            Self::Sent(sent) => Event::HandshakeSent { peer, sent },
            Self::Received(received) => Event::HandshakeBytes { peer, received },
            Self::LooksLike(what) => Event::LooksLike { peer, what },
            Self::Agreed(payload) => Event::Agreed { peer, payload },
        }
    }

    /// Whether a connection that came this way is encrypted.
    pub fn encryption(so_far: &[(At, Self)]) -> Encryption {
        let agreed = so_far.iter().any(|(_, step)| matches!(step, Self::Agreed(_)));
        if agreed { Encryption::Mse } else { Encryption::Plain }
    }
}
