//! Peer messages: BEP 3, the fast extension (BEP 6), `port` (BEP 5) and the envelope of extensions (BEP 10).
//!
//! A message is a four-byte length, then a frame of that many bytes: one for the id, the rest its payload. The data
//! of a `piece` message is no part of a [`Message`]: it travels in a buffer of its own, behind a [`PieceHeader`].

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The longest frame taken, in bytes. The bitfield of the largest torrent (2 097 152 pieces) needs a quarter of it.
pub const MAX_FRAME: usize = 1 << 20;

/// The longest block anybody may ask for, in bytes.
pub const MAX_REQUEST: u32 = 128 * 1024;

/// Bytes of a `piece` message before its data, length prefix included.
pub const PIECE_HEADER_BYTES: usize = 13;

const CHOKE: u8 = 0;
const UNCHOKE: u8 = 1;
const INTERESTED: u8 = 2;
const NOT_INTERESTED: u8 = 3;
const HAVE: u8 = 4;
const BITFIELD: u8 = 5;
const REQUEST: u8 = 6;
const PIECE: u8 = 7;
const CANCEL: u8 = 8;
const PORT: u8 = 9;
const SUGGEST: u8 = 13;
const HAVE_ALL: u8 = 14;
const HAVE_NONE: u8 = 15;
const REJECT: u8 = 16;
const ALLOWED_FAST: u8 = 17;
const EXTENDED: u8 = 20;

/// A stretch of a piece as `request`, `cancel` and `reject` name it. Nothing is known of its being in range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BlockSpec {
    /// Number of the piece.
    pub index: u32,
    /// First byte within the piece.
    pub begin: u32,
    /// Bytes.
    pub length: u32,
}

/// A `piece` message less its data. Nothing is known of its being in range, or asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PieceHeader {
    /// Number of the piece.
    pub index: u32,
    /// First byte within the piece.
    pub begin: u32,
    /// Bytes of data that follow.
    pub length: u32,
}

impl PieceHeader {
    /// The thirteen bytes before the data.
    pub fn to_bytes(&self) -> [u8; PIECE_HEADER_BYTES] {
        let mut bytes = [0; PIECE_HEADER_BYTES];
        bytes[..4].copy_from_slice(&self.length.saturating_add(9).to_be_bytes());
        bytes[4] = PIECE;
        bytes[5..9].copy_from_slice(&self.index.to_be_bytes());
        bytes[9..].copy_from_slice(&self.begin.to_be_bytes());
        bytes
    }
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// Nothing to say, but still here: a frame of no bytes.
    KeepAlive,
    /// No requests are answered.
    Choke,
    /// Requests are answered.
    Unchoke,
    /// Would request if unchoked.
    Interested,
    /// Would not.
    NotInterested,
    /// Has this piece now.
    Have(u32),
    /// Has these pieces; the bytes of [`crate::metainfo::Bitfield`], unchecked.
    Bitfield(Bytes),
    /// Wants this block.
    Request(BlockSpec),
    /// Brings a block; its data follows.
    Piece(PieceHeader),
    /// Wants this block no more.
    Cancel(BlockSpec),
    /// Its DHT node listens on this UDP port (BEP 5).
    Port(u16),
    /// Would rather send this piece (BEP 6).
    Suggest(u32),
    /// Has every piece (BEP 6).
    HaveAll,
    /// Has no piece (BEP 6).
    HaveNone,
    /// Will not answer this request (BEP 6).
    Reject(BlockSpec),
    /// Answers requests for this piece even while choking (BEP 6).
    AllowedFast(u32),
    /// A message of an extension (BEP 10); id 0 is the extension handshake.
    Extended {
        /// The id that the receiver gave the extension.
        id: u8,
        /// What the extension says.
        payload: Bytes,
    },
    /// An id we do not know; to be ignored.
    Unknown {
        /// That id.
        id: u8,
        /// Bytes that came with it.
        length: usize,
    },
}

/// Why a frame is no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum MessageError {
    /// Longer than any frame may be.
    #[error("a message of {length} bytes, where at most {MAX_FRAME} are taken")]
    TooLarge {
        /// Bytes announced.
        length: u32,
    },
    /// The payload has not the length that this message has.
    #[error("a `{name}` message with {length} bytes of payload")]
    WrongLength {
        /// Which message.
        name: &'static str,
        /// Bytes of payload that came.
        length: usize,
    },
}

/// What the next bytes of the stream are, told without taking them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Head {
    /// Too few bytes to tell.
    Short,
    /// A `piece` message: thirteen bytes, then its data.
    Piece(PieceHeader),
    /// Any other message: four bytes, then a frame of this many.
    Frame(usize),
}

impl Head {
    /// Looks at the beginning of a stream of messages.
    ///
    /// # Errors
    ///
    /// [`MessageError::TooLarge`] when the announced length is over [`MAX_FRAME`], told from four bytes on;
    /// [`MessageError::WrongLength`] for a `piece` message too short for its own header.
    pub fn of(stream: &[u8]) -> Result<Self, MessageError> {
        let Some(length) = stream.first_chunk().map(|prefix| u32::from_be_bytes(*prefix)) else {
            return Ok(Self::Short);
        };
        if length as usize > MAX_FRAME {
            return Err(MessageError::TooLarge { length });
        }
        if length == 0 {
            return Ok(Self::Frame(0));
        }
        match stream.get(4) {
            None => Ok(Self::Short),
            Some(&PIECE) if length < 9 => Err(wrong_length(PIECE, length as usize - 1)),
            Some(&PIECE) => Ok(match (word(stream, 5), word(stream, 9)) {
                (Some(index), Some(begin)) => Self::Piece(PieceHeader { index, begin, length: length - 9 }),
                _ => Self::Short,
            }),
            Some(_) => Ok(Self::Frame(length as usize)),
        }
    }
}

impl Message {
    /// Writes the message behind what `out` holds, length prefix included; of a `piece`, the header only.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => bare(out, CHOKE),
            Self::Unchoke => bare(out, UNCHOKE),
            Self::Interested => bare(out, INTERESTED),
            Self::NotInterested => bare(out, NOT_INTERESTED),
            Self::Have(piece) => with_number(out, HAVE, *piece),
            Self::Bitfield(bits) => with_bytes(out, &[BITFIELD], bits),
            Self::Request(block) => with_block(out, REQUEST, block),
            Self::Piece(header) => out.put_slice(&header.to_bytes()),
            Self::Cancel(block) => with_block(out, CANCEL, block),
            Self::Port(port) => with_bytes(out, &[PORT], &port.to_be_bytes()),
            Self::Suggest(piece) => with_number(out, SUGGEST, *piece),
            Self::HaveAll => bare(out, HAVE_ALL),
            Self::HaveNone => bare(out, HAVE_NONE),
            Self::Reject(block) => with_block(out, REJECT, block),
            Self::AllowedFast(piece) => with_number(out, ALLOWED_FAST, *piece),
            Self::Extended { id, payload } => with_bytes(out, &[EXTENDED, *id], payload),
            Self::Unknown { id, length } => {
                out.put_u32(*length as u32 + 1);
                out.put_u8(*id);
                out.put_bytes(0, *length);
            }
        }
    }

    /// Reads a frame, without its length prefix. A `piece` frame is taken with or without its data behind the
    /// header; what follows the header counts as data.
    ///
    /// # Errors
    ///
    /// [`MessageError::WrongLength`] when the payload has not the length its id asks for,
    /// [`MessageError::TooLarge`] over [`MAX_FRAME`].
    ///
    /// ```
    /// use ttui::wire::Message;
    ///
    /// assert_eq!(Message::decode(&[4, 0, 0, 1, 0]), Ok(Message::Have(256)));
    /// assert!(Message::decode(&[4, 0, 0, 1]).is_err());
    /// ```
    pub fn decode(frame: &[u8]) -> Result<Self, MessageError> {
        if frame.len() > MAX_FRAME {
            return Err(MessageError::TooLarge { length: u32::try_from(frame.len()).unwrap_or(u32::MAX) });
        }
        let Some((&id, payload)) = frame.split_first() else {
            return Ok(Self::KeepAlive);
        };
        let wrong = wrong_length(id, payload.len());
        let empty = |message: Self| if payload.is_empty() { Ok(message) } else { Err(wrong) };
        let number = || exact(payload).map(u32::from_be_bytes).ok_or(wrong);
        let block = || {
            let whole = (payload.len() == 12).then_some(payload);
            let words = whole.and_then(|bytes| Some((word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?)));
            words.map(|(index, begin, length)| BlockSpec { index, begin, length }).ok_or(wrong)
        };
        match id {
            CHOKE => empty(Self::Choke),
            UNCHOKE => empty(Self::Unchoke),
            INTERESTED => empty(Self::Interested),
            NOT_INTERESTED => empty(Self::NotInterested),
            HAVE => number().map(Self::Have),
            BITFIELD => Ok(Self::Bitfield(Bytes::copy_from_slice(payload))),
            REQUEST => block().map(Self::Request),
            PIECE => {
                let (index, begin) = word(payload, 0).zip(word(payload, 4)).ok_or(wrong)?;
                Ok(Self::Piece(PieceHeader { index, begin, length: payload.len() as u32 - 8 }))
            }
            CANCEL => block().map(Self::Cancel),
            PORT => exact(payload).map(|port| Self::Port(u16::from_be_bytes(port))).ok_or(wrong),
            SUGGEST => number().map(Self::Suggest),
            HAVE_ALL => empty(Self::HaveAll),
            HAVE_NONE => empty(Self::HaveNone),
            REJECT => block().map(Self::Reject),
            ALLOWED_FAST => number().map(Self::AllowedFast),
            EXTENDED => {
                let (&id, payload) = payload.split_first().ok_or(wrong)?;
                Ok(Self::Extended { id, payload: Bytes::copy_from_slice(payload) })
            }
            id => Ok(Self::Unknown { id, length: payload.len() }),
        }
    }

    /// The specification's name of the message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::Choke => name_of(CHOKE),
            Self::Unchoke => name_of(UNCHOKE),
            Self::Interested => name_of(INTERESTED),
            Self::NotInterested => name_of(NOT_INTERESTED),
            Self::Have(_) => name_of(HAVE),
            Self::Bitfield(_) => name_of(BITFIELD),
            Self::Request(_) => name_of(REQUEST),
            Self::Piece(_) => name_of(PIECE),
            Self::Cancel(_) => name_of(CANCEL),
            Self::Port(_) => name_of(PORT),
            Self::Suggest(_) => name_of(SUGGEST),
            Self::HaveAll => name_of(HAVE_ALL),
            Self::HaveNone => name_of(HAVE_NONE),
            Self::Reject(_) => name_of(REJECT),
            Self::AllowedFast(_) => name_of(ALLOWED_FAST),
            Self::Extended { .. } => name_of(EXTENDED),
            Self::Unknown { id, .. } => name_of(*id),
        }
    }
}

fn name_of(id: u8) -> &'static str {
    match id {
        CHOKE => "choke",
        UNCHOKE => "unchoke",
        INTERESTED => "interested",
        NOT_INTERESTED => "not interested",
        HAVE => "have",
        BITFIELD => "bitfield",
        REQUEST => "request",
        PIECE => "piece",
        CANCEL => "cancel",
        PORT => "port",
        SUGGEST => "suggest",
        HAVE_ALL => "have all",
        HAVE_NONE => "have none",
        REJECT => "reject",
        ALLOWED_FAST => "allowed fast",
        EXTENDED => "extended",
        _ => "unknown",
    }
}

fn wrong_length(id: u8, length: usize) -> MessageError {
    MessageError::WrongLength { name: name_of(id), length }
}

/// The big-endian number at `at`, if there are four bytes.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(exact).map(u32::from_be_bytes)
}

fn exact<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn bare(out: &mut BytesMut, id: u8) {
    with_bytes(out, &[id], &[]);
}

fn with_number(out: &mut BytesMut, id: u8, number: u32) {
    with_bytes(out, &[id], &number.to_be_bytes());
}

fn with_block(out: &mut BytesMut, id: u8, block: &BlockSpec) {
    out.put_u32(13);
    out.put_u8(id);
    out.put_u32(block.index);
    out.put_u32(block.begin);
    out.put_u32(block.length);
}

fn with_bytes(out: &mut BytesMut, head: &[u8], rest: &[u8]) {
    out.put_u32((head.len() + rest.len()) as u32);
    out.put_slice(head);
    out.put_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metainfo::{Bitfield, Geometry};

    fn encoded(message: &Message) -> BytesMut {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        out
    }

    fn any_block() -> impl Strategy<Value = BlockSpec> {
        any::<(u32, u32, u32)>().prop_map(|(index, begin, length)| BlockSpec { index, begin, length })
    }

    fn any_bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
    }

    fn any_message() -> impl Strategy<Value = Message> {
        prop_oneof![
            Just(Message::KeepAlive),
            Just(Message::Choke),
            Just(Message::Unchoke),
            Just(Message::Interested),
            Just(Message::NotInterested),
            any::<u32>().prop_map(Message::Have),
            any_bytes().prop_map(Message::Bitfield),
            any_block().prop_map(Message::Request),
            any_block().prop_map(Message::Cancel),
            any::<u16>().prop_map(Message::Port),
            any::<u32>().prop_map(Message::Suggest),
            Just(Message::HaveAll),
            Just(Message::HaveNone),
            any_block().prop_map(Message::Reject),
            any::<u32>().prop_map(Message::AllowedFast),
            (any::<u8>(), any_bytes()).prop_map(|(id, payload)| Message::Extended { id, payload }),
            (21u8..=255, 0usize..300).prop_map(|(id, length)| Message::Unknown { id, length }),
        ]
    }

    #[test]
    fn writes_the_bytes_of_the_specification() {
        let block = BlockSpec { index: 1, begin: 0x4000, length: 0x4000 };
        let request = [0, 0, 0, 13, 6, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0];
        assert_eq!(encoded(&Message::Request(block))[..], request);
        assert_eq!(encoded(&Message::KeepAlive)[..], [0; 4]);
        assert_eq!(encoded(&Message::HaveAll)[..], [0, 0, 0, 1, 14]);
        let header = PieceHeader { index: 2, begin: 3, length: 16384 };
        assert_eq!(encoded(&Message::Piece(header))[..], [0, 0, 0x40, 9, 7, 0, 0, 0, 2, 0, 0, 0, 3]);
        assert_eq!(encoded(&Message::Port(0x1ae1))[..], [0, 0, 0, 3, 9, 0x1a, 0xe1]);
    }

    #[test]
    fn refuses_every_wrong_length() {
        for (id, right) in [
            (0, 0),
            (1, 0),
            (2, 0),
            (3, 0),
            (4, 4),
            (6, 12),
            (8, 12),
            (9, 2),
            (13, 4),
            (14, 0),
            (15, 0),
            (16, 12),
            (17, 4),
        ] {
            for length in 0..20 {
                let mut frame = vec![0; length + 1];
                frame[0] = id;
                assert_eq!(Message::decode(&frame).is_ok(), length == right, "id {id}, {length} bytes");
            }
        }
        assert!(Message::decode(&[7, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Message::decode(&[20]).is_err());
    }

    #[test]
    fn tells_an_oversized_frame_from_its_length_alone() {
        assert_eq!(Head::of(&[0xff; 4]), Err(MessageError::TooLarge { length: u32::MAX }));
        assert_eq!(Head::of(&[0, 0x10, 0, 1]), Err(MessageError::TooLarge { length: MAX_FRAME as u32 + 1 }));
        assert_eq!(Head::of(&[0, 0x10, 0, 0, 5]), Ok(Head::Frame(MAX_FRAME)));
        assert_eq!(Head::of(&[0, 0, 0, 8, 7]), Err(MessageError::WrongLength { name: "piece", length: 7 }));
    }

    #[test]
    fn takes_the_bitfield_of_the_largest_torrent() {
        let pieces = Bitfield::full(Geometry::MAX_PIECES as u32);
        let bytes = encoded(&Message::Bitfield(pieces.to_bytes().into()));
        assert_eq!(Head::of(&bytes), Ok(Head::Frame(bytes.len() - 4)));
        assert!(Message::decode(&bytes[4..]).is_ok());
    }

    proptest! {
        #[test]
        fn round_trips_and_is_told_alike_at_every_split(message in any_message()) {
            let bytes = encoded(&message);
            for end in 0..bytes.len() {
                let head = Head::of(&bytes[..end]);
                prop_assert!(matches!(head, Ok(Head::Short) | Ok(Head::Frame(_))), "{:?} at {}", head, end);
            }
            prop_assert_eq!(Head::of(&bytes), Ok(Head::Frame(bytes.len() - 4)));
            prop_assert_eq!(Message::decode(&bytes[4..]), Ok(message));
        }

        #[test]
        fn tells_a_block_from_its_thirteen_bytes(index: u32, begin: u32, length in 0..MAX_REQUEST) {
            let header = PieceHeader { index, begin, length };
            let bytes = header.to_bytes();
            for end in 0..PIECE_HEADER_BYTES {
                prop_assert_eq!(Head::of(&bytes[..end]), Ok(Head::Short));
            }
            prop_assert_eq!(Head::of(&bytes), Ok(Head::Piece(header)));
            let mut frame = bytes[4..].to_vec();
            frame.resize(9 + length as usize, 0xAA);
            prop_assert_eq!(Message::decode(&frame), Ok(Message::Piece(header)));
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Head::of(&bytes);
            let _ = Message::decode(&bytes);
        }
    }
}
