//! Peer exchange on one connection (BEP 11): what goes out under the peer's number, and how often it is heard.

use std::time::Duration;

use crate::event::At;
use crate::wire::{
    ExtensionError, ExtensionHandshake, MOST_FIRST_PEX_ENTRIES, MOST_PEX_ENTRIES, Message, PEX_NAME, Pex,
};

/// The number we ask for such messages under.
pub const PEX_MESSAGE: u8 = 1;
/// Messages in a quicker row than a minute, less what clocks and lines differ by, are not looked at.
const HEARD_EVERY: Duration = Duration::from_secs(45);

/// Peer exchange as it stands on a connection.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The number that the peer takes such messages under, if it does.
    theirs: Option<u8>,
    /// When it was last heard.
    heard: Option<At>,
}

impl Exchange {
    /// The peer introduces itself.
    pub(super) fn introduced(&mut self, theirs: &ExtensionHandshake) {
        self.theirs = theirs.id_of(PEX_NAME);
    }

    /// The message for the peer; none where it takes none.
    pub(super) fn message(&self, pex: &Pex) -> Option<Message> {
        Some(Message::Extended { id: self.theirs?, payload: pex.encode().into() })
    }

    /// What the peer names, where it is its turn.
    ///
    /// # Errors
    ///
    /// When it is no such message.
    pub(super) fn hear(&mut self, now: At, payload: &[u8]) -> Result<Option<Pex>, ExtensionError> {
        let most = match self.heard {
            None => MOST_FIRST_PEX_ENTRIES,
            Some(heard) if now.saturating_sub(heard) >= HEARD_EVERY => MOST_PEX_ENTRIES,
            Some(_) => return Ok(None),
        };
        self.heard = Some(now);
        Pex::decode(payload, most).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PexFlags;

    #[test]
    fn a_message_goes_out_under_the_number_the_peer_asked_for() {
        let mut exchange = Exchange::default();
        let pex = Pex::default();
        assert_eq!(exchange.message(&pex), None);
        let takes = |number| ExtensionHandshake {
            messages: vec![(PEX_NAME.to_owned(), number)],
            ..ExtensionHandshake::default()
        };
        exchange.introduced(&takes(7));
        assert_eq!(exchange.message(&pex), Some(Message::Extended { id: 7, payload: pex.encode().into() }));
        exchange.introduced(&ExtensionHandshake::default());
        assert_eq!(exchange.message(&pex), None, "it takes them no more");
    }

    #[test]
    fn who_talks_all_the_time_is_heard_once_a_minute() {
        let many = |count: u16| Pex {
            added: (1..=count).map(|port| (([10, 0, 0, 1], port).into(), PexFlags::default())).collect(),
            dropped: Vec::new(),
        };
        let mut exchange = Exchange::default();
        let mut heard = |second, count| {
            let payload = many(count).encode();
            exchange.hear(Duration::from_secs(second), &payload).unwrap().map(|pex| pex.added.len())
        };
        assert_eq!(heard(0, 10_000), Some(200));
        assert_eq!(heard(1, 1), None);
        assert_eq!(heard(44, 1), None);
        assert_eq!(heard(60, 10_000), Some(50));
        assert_eq!(heard(61, 1), None);
        assert!(Exchange::default().hear(At::ZERO, b"le").is_err());
    }
}
