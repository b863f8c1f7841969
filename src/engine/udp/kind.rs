//! Tells by its first bytes which protocol a packet is of.

/// What a packet is of. All share one port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A message of the DHT (BEP 5), which is a dictionary.
    Dht,
    /// The answer of a UDP tracker (BEP 15): it begins with an action of 0 to 3, and has a transaction.
    Tracker,
    /// Anything else.
    Other,
}

/// Action and transaction.
const TRACKER_HEAD: usize = 8;
const LAST_ACTION: u8 = 3;

impl Kind {
    pub(super) fn of(packet: &[u8]) -> Self {
        match packet {
            [b'd', ..] => Self::Dht,
            [0, 0, 0, ..=LAST_ACTION, ..] if packet.len() >= TRACKER_HEAD => Self::Tracker,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_told_by_its_first_bytes() {
        let table: &[(&[u8], Kind)] = &[
            (&[], Kind::Other),
            (&[0; 7], Kind::Other),
            (&[0; 8], Kind::Tracker),
            (&[0, 0, 0, 3, 1, 2, 3, 4], Kind::Tracker),
            (&[0, 0, 0, 4, 1, 2, 3, 4], Kind::Other),
            (&[0, 0, 1, 0, 1, 2, 3, 4], Kind::Other),
            (&[0x41, 0, 0, 1, 1, 2, 3, 4], Kind::Other),
            (b"d1:ad2:id20:", Kind::Dht),
            (b"GET / HTTP/1.1\r\n", Kind::Other),
        ];
        for (packet, kind) in table {
            assert_eq!(Kind::of(packet), *kind, "{packet:?}");
        }
    }
}
