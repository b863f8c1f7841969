//! Metadata from peers (BEP 9): the bytes of a torrent's `info`, asked for and given in parts.

use bytes::Bytes;

use super::extension::{ExtensionError, integer, string};
use crate::metainfo::bencode::{self, Limits, Value};

/// The name of the extension.
pub const METADATA_NAME: &str = "ut_metadata";
/// Bytes of every part but the last.
pub const METADATA_PART_BYTES: u32 = 16 * 1024;
/// The longest metadata taken, in bytes: as long as a torrent file may be.
pub const MOST_METADATA_BYTES: u32 = 64 * 1024 * 1024;

const LIMITS: Limits = Limits { bytes: super::MAX_FRAME, depth: 10, tokens: 100 };

const REQUEST: u64 = 0;
const DATA: u64 = 1;
const REJECT: u64 = 2;

/// A message about a part of the metadata. Nothing is known of there being such a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataMessage {
    /// Wants the part.
    Request {
        /// Its number, from 0.
        part: u32,
    },
    /// Brings the part.
    Data {
        /// Its number, from 0.
        part: u32,
        /// Bytes of the whole metadata, where it says that; one too large for 32 bits counts as the largest.
        total_bytes: Option<u32>,
        /// What follows the dictionary.
        bytes: Bytes,
    },
    /// Will not send the part.
    Reject {
        /// Its number, from 0.
        part: u32,
    },
}

impl MetadataMessage {
    /// Reads the payload of a message; `None`: it is of a type that we do not know, to be ignored.
    ///
    /// # Errors
    ///
    /// [`ExtensionError`] when there is no dictionary, or it does not say which part of what.
    ///
    /// ```
    /// use ttui::wire::MetadataMessage;
    ///
    /// let asked = MetadataMessage::decode(b"d8:msg_typei0e5:piecei3ee")?;
    /// assert_eq!(asked, Some(MetadataMessage::Request { part: 3 }));
    /// # Ok::<(), ttui::wire::ExtensionError>(())
    /// ```
    pub fn decode(payload: &[u8]) -> Result<Option<Self>, ExtensionError> {
        let document = bencode::parse(payload, LIMITS)?;
        let root = document.root();
        if root.dict().is_none() {
            return Err(ExtensionError::NotADictionary);
        }
        let number = |key: &'static str| {
            let value = root.dict_get(key.as_bytes()).and_then(Value::uint);
            value.ok_or(ExtensionError::NoNumber(key))
        };
        let kind = number("msg_type")?;
        if kind > REJECT {
            return Ok(None);
        }
        let part = u32::try_from(number("piece")?).map_err(|_| ExtensionError::NoNumber("piece"))?;
        Ok(Some(match kind {
            REQUEST => Self::Request { part },
            DATA => Self::Data {
                part,
                total_bytes: number("total_size").ok().map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
                // A copy: what is kept of a message must not keep a dictionary of a megabyte with it.
                bytes: Bytes::copy_from_slice(document.trailing()),
            },
            _ => Self::Reject { part },
        }))
    }

    /// The payload to send.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, part, total_bytes, bytes) = match self {
            Self::Request { part } => (REQUEST, *part, None, None),
            Self::Data { part, total_bytes, bytes } => (DATA, *part, *total_bytes, Some(bytes)),
            Self::Reject { part } => (REJECT, *part, None, None),
        };
        let mut out = vec![b'd'];
        let numbers = [
            ("msg_type", Some(kind)),
            ("piece", Some(part.into())),
            ("total_size", total_bytes.map(u64::from)),
        ];
        for (key, number) in numbers.into_iter().filter_map(|(key, number)| Some((key, number?))) {
            string(&mut out, key.as_bytes());
            integer(&mut out, number);
        }
        out.push(b'e');
        out.extend(bytes.into_iter().flatten());
        out
    }
}

/// How many parts metadata of this length have.
pub fn metadata_parts(total_bytes: u32) -> u32 {
    total_bytes.div_ceil(METADATA_PART_BYTES)
}

/// Bytes of a part of metadata of this length; 0 where there is no such part.
pub fn metadata_part_bytes(total_bytes: u32, part: u32) -> u32 {
    let begin = part.saturating_mul(METADATA_PART_BYTES);
    total_bytes.saturating_sub(begin).min(METADATA_PART_BYTES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(payload: &[u8]) -> Result<Option<MetadataMessage>, ExtensionError> {
        MetadataMessage::decode(payload)
    }

    #[test]
    fn reads_and_writes_what_clients_send() {
        for (payload, message) in [
            (&b"d8:msg_typei0e5:piecei0ee"[..], MetadataMessage::Request { part: 0 }),
            (
                b"d8:msg_typei1e5:piecei2e10:total_sizei34256eexxxxxxxx",
                MetadataMessage::Data {
                    part: 2,
                    total_bytes: Some(34256),
                    bytes: Bytes::from_static(b"xxxxxxxx"),
                },
            ),
            (b"d8:msg_typei2e5:piecei4294967295ee", MetadataMessage::Reject { part: u32::MAX }),
        ] {
            assert_eq!(read(payload), Ok(Some(message.clone())));
            assert_eq!(message.encode(), payload);
        }
    }

    #[test]
    fn a_type_that_nobody_knows_is_ignored_and_so_are_keys() {
        assert_eq!(read(b"d8:msg_typei3ee"), Ok(None));
        assert_eq!(read(b"d8:msg_typei18446744073709551615e5:piecei0ee"), Ok(None));
        let asked = read(b"d1:ali1ee8:msg_typei0e5:piecei1ee");
        assert_eq!(asked, Ok(Some(MetadataMessage::Request { part: 1 })));
        let without_length = read(b"d8:msg_typei1e5:piecei0eeabc");
        let bytes = Bytes::from_static(b"abc");
        assert_eq!(without_length, Ok(Some(MetadataMessage::Data { part: 0, total_bytes: None, bytes })));
    }

    #[test]
    fn says_what_is_wrong_with_a_message() {
        for (payload, wrong) in [
            (&b"le"[..], "not a dictionary"),
            (b"d5:piecei0ee", "`msg_type`: expected a whole number"),
            (b"d8:msg_typei-1e5:piecei0ee", "`msg_type`: expected a whole number"),
            (b"d8:msg_type1:05:piecei0ee", "`msg_type`: expected a whole number"),
            (b"d8:msg_typei0ee", "`piece`: expected a whole number"),
            (b"d8:msg_typei0e5:piecei-1ee", "`piece`: expected a whole number"),
            (b"d8:msg_typei1e5:piecei4294967296e10:total_sizei1ee", "`piece`: expected a whole number"),
            (b"", "byte 0: expected a value: `i`, `l`, `d` or the length of a string, found the end"),
        ] {
            assert_eq!(read(payload).unwrap_err().to_string(), wrong, "{}", payload.escape_ascii());
        }
        let many = [&b"d1:al"[..], &b"le".repeat(100), b"ee"].concat();
        assert!(matches!(read(&many), Err(ExtensionError::Bencode(_))));
    }

    #[test]
    fn a_length_beyond_32_bits_counts_as_the_largest() {
        let claimed = |size: &str| read(format!("d8:msg_typei1e5:piecei0e10:total_size{size}e").as_bytes());
        for (size, total_bytes) in [
            ("i4294967296e", Some(u32::MAX)),
            ("i99999999999999999999999e", None),
            ("i0e", Some(0)),
            ("i-1e", None),
        ] {
            let bytes = Bytes::new();
            assert_eq!(claimed(size), Ok(Some(MetadataMessage::Data { part: 0, total_bytes, bytes })));
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        for total in [1, 16_383, 16_384, 16_385, 100_000, MOST_METADATA_BYTES, u32::MAX] {
            let parts = metadata_parts(total);
            let sum: u64 = (0..parts).map(|part| u64::from(metadata_part_bytes(total, part))).sum();
            assert_eq!(sum, u64::from(total));
            assert_eq!(metadata_part_bytes(total, parts), 0);
        }
        assert_eq!(metadata_parts(0), 0);
        assert_eq!(metadata_part_bytes(100, u32::MAX), 0);
    }

    proptest! {
        #[test]
        fn round_trips(
            part in any::<u32>(),
            total_bytes in proptest::option::of(any::<u32>()),
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let data = MetadataMessage::Data { part, total_bytes, bytes: bytes.into() };
            for message in [MetadataMessage::Request { part }, data, MetadataMessage::Reject { part }] {
                prop_assert_eq!(read(&message.encode()), Ok(Some(message)));
            }
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
