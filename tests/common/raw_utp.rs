//! A uTP packet (BEP 29) field by field, for those who say what no real peer says.

/// The kinds of packets.
pub const DATA: u8 = 0;
pub const FIN: u8 = 1;
pub const STATE: u8 = 2;
pub const RESET: u8 = 3;
pub const SYN: u8 = 4;

const HEADER_BYTES: usize = 20;

/// One packet, whatever it holds.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub kind: u8,
    pub version: u8,
    /// What kind of extension comes first; 0: none.
    pub extension: u8,
    pub id: u16,
    pub sent_us: u32,
    pub delay_us: u32,
    pub window: u32,
    pub seq: u16,
    pub ack: u16,
    /// Extensions and payload.
    pub rest: Vec<u8>,
}

impl Raw {
    /// The fields of a packet that is long enough.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (header, rest) = packet.split_at_checked(HEADER_BYTES)?;
        let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let long = |at: usize| u32::from(short(at)) << 16 | u32::from(short(at + 2));
        Some(Self {
            kind: header[0] >> 4,
            version: header[0] & 15,
            extension: header[1],
            id: short(2),
            sent_us: long(4),
            delay_us: long(8),
            window: long(12),
            seq: short(16),
            ack: short(18),
            rest: rest.to_vec(),
        })
    }

    pub fn write(&self) -> Vec<u8> {
        let mut packet = vec![self.kind << 4 | self.version & 15, self.extension];
        packet.extend(self.id.to_be_bytes());
        for field in [self.sent_us, self.delay_us, self.window] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(self.seq.to_be_bytes());
        packet.extend(self.ack.to_be_bytes());
        packet.extend(&self.rest);
        packet
    }

    /// Puts an extension with this content before what is there.
    pub fn extend(&mut self, kind: u8, content: &[u8]) {
        let mut rest = vec![self.extension, content.len() as u8];
        rest.extend(content);
        rest.append(&mut self.rest);
        (self.extension, self.rest) = (kind, rest);
    }
}
