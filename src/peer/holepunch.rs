//! Holepunch on one connection (BEP 55): what goes out under the peer's number, and what is heard.

use crate::wire::{BadHolepunch, ExtensionHandshake, HOLEPUNCH_NAME, Holepunch, Message};

/// The number we ask for such messages under.
pub const HOLEPUNCH_MESSAGE: u8 = 3;

/// Holepunch as it stands on a connection.
#[derive(Debug, Default)]
pub(super) struct Punching {
    /// The number that the peer takes such messages under, if it does.
    theirs: Option<u8>,
}

impl Punching {
    /// The peer introduces itself.
    pub(super) fn introduced(&mut self, theirs: &ExtensionHandshake) {
        self.theirs = theirs.id_of(HOLEPUNCH_NAME);
    }

    /// The message for the peer; none where it takes none.
    pub(super) fn message(&self, said: &Holepunch) -> Option<Message> {
        Some(Message::Extended { id: self.theirs?, payload: said.encode().into() })
    }

    /// What the peer says; a kind of message that we do not know says nothing.
    ///
    /// # Errors
    ///
    /// When the message is cut short.
    pub(super) fn hear(payload: &[u8]) -> Result<Option<Holepunch>, BadHolepunch> {
        match Holepunch::decode(payload) {
            Err(BadHolepunch::Kind(_) | BadHolepunch::Family(_)) => Ok(None),
            heard => heard.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HolepunchKind;

    const SAID: Holepunch = Holepunch {
        kind: HolepunchKind::Connect,
        addr: std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 6881),
    };

    #[test]
    fn a_message_goes_out_under_the_number_the_peer_asked_for() {
        let mut punching = Punching::default();
        assert_eq!(punching.message(&SAID), None);
        let messages = vec![(HOLEPUNCH_NAME.to_owned(), 9)];
        punching.introduced(&ExtensionHandshake { messages, ..ExtensionHandshake::default() });
        let payload = SAID.encode().into();
        assert_eq!(punching.message(&SAID), Some(Message::Extended { id: 9, payload }));
        punching.introduced(&ExtensionHandshake::default());
        assert_eq!(punching.message(&SAID), None, "it takes them no more");
    }

    #[test]
    fn what_is_cut_short_is_a_fault_and_what_is_new_is_passed_over() {
        let bytes = SAID.encode();
        assert_eq!(Punching::hear(&bytes), Ok(Some(SAID)));
        assert_eq!(Punching::hear(&bytes[..5]), Err(BadHolepunch::TooShort(5)));
        for (at, byte) in [(0, 3), (1, 2)] {
            let mut new = bytes.clone();
            new[at] = byte;
            assert_eq!(Punching::hear(&new), Ok(None));
        }
    }
}
