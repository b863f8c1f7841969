//! Tells by its first bytes which protocol a packet is of.

/// What a packet is of. All share one port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A message of the DHT (BEP 5), which is a dictionary.
    Dht,
    /// The answer of a UDP tracker (BEP 15): it begins with an action of 0 to 3, and has a transaction.
    Tracker,
    /// A packet of uTP (BEP 29): it begins with one of five types, and its version, 1.
    Utp,
    /// Anything else.
    Other,
}

/// Action and transaction.
const TRACKER_HEAD: usize = 8;
const LAST_ACTION: u8 = 3;
/// The shortest header of uTP.
const UTP_HEAD: usize = 20;

impl Kind {
    pub(super) fn of(packet: &[u8]) -> Self {
        match packet {
            [b'd', ..] => Self::Dht,
            [0, 0, 0, ..=LAST_ACTION, ..] if packet.len() >= TRACKER_HEAD => Self::Tracker,
            [0x01 | 0x11 | 0x21 | 0x31 | 0x41, ..] if packet.len() >= UTP_HEAD => Self::Utp,
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
            (&[0x41; 20], Kind::Utp),
            (&[0x01; 1_472], Kind::Utp),
            (&[0x51; 20], Kind::Other),
            (&[0x42; 20], Kind::Other),
            (b"d1:ad2:id20:", Kind::Dht),
            (b"GET / HTTP/1.1\r\n", Kind::Other),
        ];
        for (packet, kind) in table {
            assert_eq!(Kind::of(packet), *kind, "{packet:?}");
        }
    }
}
