//! A packet, read without a copy and written to the end of a buffer.

use thiserror::Error;

use super::CloseReason;

/// Bytes of a header without extensions.
pub const HEADER_BYTES: usize = 20;
/// Extensions of one packet that are read. One or two are usual.
pub const MOST_EXTENSIONS: usize = 32;

const VERSION: u8 = 1;

const NO_EXTENSION: u8 = 0;
const SELECTIVE_ACK: u8 = 1;
const EXTENSION_BITS: u8 = 2;
const CLOSE_REASON: u8 = 3;
/// Nobody knows it, hence everybody skips it.
const PADDING: u8 = 0x7f;

const EXTENSION_BITS_BYTES: u8 = 8;
const CLOSE_REASON_BYTES: u8 = 4;

/// What a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Bytes of the stream.
    Data,
    /// The last packet of the stream.
    Fin,
    /// No bytes, only what the header says.
    State,
    /// There is no such stream, or none any more.
    Reset,
    /// Asks for a stream.
    Syn,
}

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Data, Self::Fin, Self::State, Self::Reset, Self::Syn].get(usize::from(number)).copied()
    }

    fn number(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Fin => 1,
            Self::State => 2,
            Self::Reset => 3,
            Self::Syn => 4,
        }
    }
}

/// The numbers that every packet begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Which stream it belongs to, as its receiver numbers them; in a SYN, as its sender will.
    pub id: u16,
    /// When it was sent, microseconds by the sender's clock. They wrap.
    pub sent: u32,
    /// How long the packet before took to its sender, by the two clocks, microseconds; 0 where there was none.
    pub delay: u32,
    /// Bytes that its sender has room for.
    pub window: u32,
    /// Its number; of one that has none, the next that will be used.
    pub seq: u16,
    /// Up to here everything came.
    pub ack: u16,
}

/// Why bytes are no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PacketError {
    /// Fewer bytes than a header has.
    #[error("{0} bytes are no uTP header")]
    Short(usize),
    /// Another version than 1.
    #[error("uTP version {0} is not known")]
    Version(u8),
    /// A type of packet that nobody defined.
    #[error("uTP packet type {0} is not known")]
    Kind(u8),
    /// An extension reaches past the end, or there are too many.
    #[error("malformed uTP extensions")]
    Extensions,
}

/// A packet and what of its extensions is understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// Which packets came beyond the one after [`Header::ack`], which is missing: a bit each from [`Header::ack`] + 2 on, the lowest
    /// bit of a byte first.
    pub selective_ack: Option<&'a [u8]>,
    /// Why its sender closes.
    pub close_reason: Option<CloseReason>,
    /// Bytes of the stream.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a whole packet. Extensions that are not known are skipped; of two of a kind the first counts.
    ///
    /// # Errors
    /// When it is none of version 1.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let Some((head, mut rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(PacketError::Short(bytes.len()));
        };
        let version = head[0] & 0x0f;
        if version != VERSION {
            return Err(PacketError::Version(version));
        }
        let kind = Kind::from_number(head[0] >> 4).ok_or(PacketError::Kind(head[0] >> 4))?;
        let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let four = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let header = Header {
            kind,
            id: two(2),
            sent: four(4),
            delay: four(8),
            window: four(12),
            seq: two(16),
            ack: two(18),
        };
        let (mut selective_ack, mut close_reason) = (None, None);
        let mut extension = head[1];
        let mut extensions = 0;
        while extension != NO_EXTENSION {
            extensions += 1;
            let [next, length, after @ ..] = rest else { return Err(PacketError::Extensions) };
            let length = usize::from(*length);
            if length > after.len() || extensions > MOST_EXTENSIONS {
                return Err(PacketError::Extensions);
            }
            let (content, after) = after.split_at(length);
            match extension {
                SELECTIVE_ACK => selective_ack = selective_ack.or(Some(content)),
                CLOSE_REASON => close_reason = close_reason.or_else(|| CloseReason::read(content)),
                _ => {}
            }
            (extension, rest) = (*next, after);
        }
        Ok(Self { header, selective_ack, close_reason, payload: rest })
    }
}

impl Header {
    /// Appends a packet without extensions.
    pub fn write(&self, out: &mut Vec<u8>, payload: &[&[u8]]) {
        self.write_head(out, NO_EXTENSION);
        for part in payload {
            out.extend_from_slice(part);
        }
    }

    /// Appends a packet that says which packets came, and why its sender closes, where it does. `selective_ack` has a multiple
    /// of four bytes, at most 252.
    pub fn write_extended(
        &self,
        out: &mut Vec<u8>,
        selective_ack: Option<&[u8]>,
        close_reason: Option<CloseReason>,
    ) {
        // libutp drops packets whose first extension is none that it knows.
        let bits = selective_ack.is_none() && close_reason.is_some();
        let reason = if close_reason.is_some() { CLOSE_REASON } else { NO_EXTENSION };
        match selective_ack {
            Some(mask) => {
                self.write_head(out, SELECTIVE_ACK);
                out.extend_from_slice(&[reason, u8::try_from(mask.len()).unwrap_or(u8::MAX)]);
                out.extend_from_slice(&mask[..mask.len().min(usize::from(u8::MAX))]);
            }
            None if bits => {
                self.write_head(out, EXTENSION_BITS);
                write_extension_bits(out, reason);
            }
            None => self.write_head(out, NO_EXTENSION),
        }
        if let Some(reason) = close_reason {
            out.extend_from_slice(&[NO_EXTENSION, CLOSE_REASON_BYTES]);
            out.extend_from_slice(&u32::from(reason.0).to_be_bytes());
        }
    }

    /// Appends a packet that is made longer by `padding` bytes of extensions that everybody skips, for finding out how long
    /// packets may be. Fewer than [`Self::LEAST_PADDING`] cannot be written; none is then.
    pub fn write_padded(&self, out: &mut Vec<u8>, padding: usize, payload: &[&[u8]]) {
        if padding < Self::LEAST_PADDING {
            return self.write(out, payload);
        }
        self.write_head(out, EXTENSION_BITS);
        let mut left = padding - usize::from(EXTENSION_BITS_BYTES) - 2;
        write_extension_bits(out, PADDING);
        while left > 0 {
            // None may be left over that is too short for an extension.
            let mut length = (left - 2).min(usize::from(u8::MAX));
            if left - 2 - length == 1 {
                length -= 1;
            }
            left -= 2 + length;
            out.push(if left > 0 { PADDING } else { NO_EXTENSION });
            out.push(u8::try_from(length).unwrap_or(u8::MAX));
            out.resize(out.len() + length, 0);
        }
        for part in payload {
            out.extend_from_slice(part);
        }
    }

    /// The least that a packet can be made longer by.
    pub const LEAST_PADDING: usize = EXTENSION_BITS_BYTES as usize + 4;

    fn write_head(&self, out: &mut Vec<u8>, extension: u8) {
        let mut head = [0; HEADER_BYTES];
        head[0] = self.kind.number() << 4 | VERSION;
        head[1] = extension;
        head[2..4].copy_from_slice(&self.id.to_be_bytes());
        head[4..8].copy_from_slice(&self.sent.to_be_bytes());
        head[8..12].copy_from_slice(&self.delay.to_be_bytes());
        head[12..16].copy_from_slice(&self.window.to_be_bytes());
        head[16..18].copy_from_slice(&self.seq.to_be_bytes());
        head[18..20].copy_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&head);
    }
}

/// Nothing that is supported beyond the specification.
fn write_extension_bits(out: &mut Vec<u8>, next: u8) {
    out.extend_from_slice(&[next, EXTENSION_BITS_BYTES]);
    out.extend_from_slice(&[0; EXTENSION_BITS_BYTES as usize]);
}
