//! The extension handshake (BEP 10): which extension messages a peer takes, and what it says of itself.

use std::net::IpAddr;

use thiserror::Error;

use crate::metainfo::bencode::{self, BencodeError, Limits, Value};
use crate::text;

/// What we call ourselves.
pub const OUR_NAME: &str = concat!("ttui ", env!("CARGO_PKG_VERSION"));

/// Far more than any client sends, and little enough to be read in no time.
const LIMITS: Limits = Limits { bytes: super::MAX_FRAME, depth: 20, tokens: 10_000 };
/// The most extension messages kept of one peer.
const MOST_MESSAGES: usize = 64;
const MOST_NAME_CHARS: usize = 40;
const MOST_CLIENT_CHARS: usize = 80;

/// What an extension handshake says. Whatever is missing, negative or out of range is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExtensionHandshake {
    /// `m`: names of the extension messages it takes, cleaned, with the ids it wants them under. Never id 0.
    pub messages: Vec<(String, u8)>,
    /// `v`: what the client calls itself, cleaned.
    pub client: Option<String>,
    /// `p`: the port it listens on, never 0.
    pub listen_port: Option<u16>,
    /// `reqq`: requests it keeps in its queue, never 0.
    pub reqq: Option<u32>,
    /// `yourip`: the address it sees us at.
    pub your_ip: Option<IpAddr>,
    /// `upload_only` (BEP 21): it wants nothing any more.
    pub upload_only: Option<bool>,
    /// `metadata_size` (BEP 9): bytes of the torrent's `info`, never 0.
    pub metadata_bytes: Option<u32>,
}

/// Why the payload of an extension message is not understood.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ExtensionError {
    /// It is not bencode, or too much of it.
    #[error("{0}")]
    Bencode(#[from] BencodeError),
    /// It is bencode, but not a dictionary.
    #[error("not a dictionary")]
    NotADictionary,
    /// A key that it cannot do without is missing, or its value cannot stand there.
    #[error("`{0}`: expected a whole number")]
    NoNumber(&'static str),
}

impl ExtensionHandshake {
    /// Reads the payload of extended message 0. What follows the dictionary is not looked at.
    ///
    /// # Errors
    ///
    /// [`ExtensionError`] when there is no dictionary, or one of more than ten thousand values.
    ///
    /// ```
    /// use ttui::wire::ExtensionHandshake;
    ///
    /// let theirs = ExtensionHandshake::decode(b"d1:md6:ut_pexi1ee4:reqqi500e1:v10:Client 1.2e")?;
    /// assert_eq!(theirs.id_of("ut_pex"), Some(1));
    /// assert_eq!(theirs.client.as_deref(), Some("Client 1.2"));
    /// # Ok::<(), ttui::wire::ExtensionError>(())
    /// ```
    pub fn decode(payload: &[u8]) -> Result<Self, ExtensionError> {
        let document = bencode::parse(payload, LIMITS)?;
        let entries = document.root().dict().ok_or(ExtensionError::NotADictionary)?;
        let mut theirs = Self::default();
        for (key, value) in entries {
            match key {
                b"m" => theirs.messages = messages(value),
                b"v" => theirs.client = value.bytes().and_then(shown_client),
                b"p" => theirs.listen_port = positive(value).and_then(|port| u16::try_from(port).ok()),
                b"reqq" => theirs.reqq = positive(value),
                b"yourip" => theirs.your_ip = value.bytes().and_then(address),
                b"upload_only" => theirs.upload_only = value.int().map(|flag| flag != 0),
                b"metadata_size" => theirs.metadata_bytes = positive(value),
                _ => {}
            }
        }
        Ok(theirs)
    }

    /// The payload to send in extended message 0.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![b'd'];
        let mut messages: Vec<_> = self.messages.iter().collect();
        messages.sort();
        string(&mut out, b"m");
        out.push(b'd');
        for (name, id) in messages {
            string(&mut out, name.as_bytes());
            integer(&mut out, u64::from(*id));
        }
        out.push(b'e');
        let numbers = [
            ("metadata_size", self.metadata_bytes.map(u64::from)),
            ("p", self.listen_port.map(u64::from)),
            ("reqq", self.reqq.map(u64::from)),
            ("upload_only", self.upload_only.map(u64::from)),
        ];
        for (key, number) in numbers.into_iter().filter_map(|(key, number)| Some((key, number?))) {
            string(&mut out, key.as_bytes());
            integer(&mut out, number);
        }
        if let Some(client) = &self.client {
            string(&mut out, b"v");
            string(&mut out, client.as_bytes());
        }
        if let Some(address) = self.your_ip {
            string(&mut out, b"yourip");
            match address {
                IpAddr::V4(address) => string(&mut out, &address.octets()),
                IpAddr::V6(address) => string(&mut out, &address.octets()),
            }
        }
        out.push(b'e');
        out
    }

    /// The id it wants this extension message under, if it takes it.
    pub fn id_of(&self, name: &str) -> Option<u8> {
        self.messages.iter().find(|(known, _)| known == name).map(|(_, id)| *id)
    }
}

/// The entries of `m`; an id of 0 means switched off, one over 255 cannot be sent.
fn messages(value: Value<'_>) -> Vec<(String, u8)> {
    let entries = value.dict().into_iter().flatten();
    let usable = entries.filter_map(|(name, id)| {
        let id = u8::try_from(id.int()?).ok().filter(|&id| id != 0)?;
        Some((text::clean_bytes(name, MOST_NAME_CHARS), id)).filter(|(name, _)| !name.is_empty())
    });
    usable.take(MOST_MESSAGES).collect()
}

fn shown_client(name: &[u8]) -> Option<String> {
    Some(text::clean_bytes(name, MOST_CLIENT_CHARS).trim().to_owned()).filter(|name| !name.is_empty())
}

/// A number from 1 up; one too large for 32 bits counts as the largest.
fn positive(value: Value<'_>) -> Option<u32> {
    let number = value.uint().filter(|&number| number > 0)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Appends a string of bencode.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes.len().to_string().as_bytes());
    out.push(b':');
    out.extend(bytes);
}

/// Appends an integer of bencode.
pub(super) fn integer(out: &mut Vec<u8>, number: u64) {
    out.extend(format!("i{number}e").as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_who_we_are() {
        let ours = ExtensionHandshake {
            client: Some(OUR_NAME.into()),
            listen_port: Some(6881),
            reqq: Some(500),
            your_ip: Some("10.0.0.1".parse().unwrap()),
            ..ExtensionHandshake::default()
        };
        assert_eq!(ours.encode(), b"d1:mde1:pi6881e4:reqqi500e1:v10:ttui 0.1.06:yourip4:\x0a\0\0\x01e");
    }

    #[test]
    fn leaves_out_what_makes_no_sense() {
        let hostile = b"d1:md3:offi0e3:neg\
            i-3e3:bigi256e2:oki7e4:text2:noe13:metadata_sizei-1e1:pi65536e4:reqqi-9223372036854775808e\
            11:upload_onlyi1e1:v8:\x1b]0;x\x07ab6:yourip3:abce";
        let theirs = ExtensionHandshake::decode(hostile).unwrap();
        let expected = ExtensionHandshake {
            messages: vec![("ok".into(), 7)],
            client: Some("·]0;x·ab".into()),
            upload_only: Some(true),
            ..ExtensionHandshake::default()
        };
        assert_eq!(theirs, expected);
        let zeros = ExtensionHandshake::decode(b"d13:metadata_sizei0e1:pi0e4:reqqi0ee").unwrap();
        assert_eq!(zeros, ExtensionHandshake::default());
        let huge = ExtensionHandshake::decode(b"d4:reqqi18446744073709551615ee").unwrap();
        assert_eq!(huge.reqq, Some(u32::MAX));
    }

    #[test]
    fn refuses_what_is_no_dictionary() {
        assert_eq!(ExtensionHandshake::decode(b"le"), Err(ExtensionError::NotADictionary));
        assert!(matches!(ExtensionHandshake::decode(b""), Err(ExtensionError::Bencode(_))));
        assert!(matches!(ExtensionHandshake::decode(&b"l".repeat(100_000)), Err(ExtensionError::Bencode(_))));
        assert!(ExtensionHandshake::decode(b"deand more").is_ok());
    }

    #[test]
    fn keeps_few_of_many_messages_and_refuses_a_hundred_thousand() {
        let flood = |count: usize| {
            let mut out = b"d1:md".to_vec();
            for number in 0..count {
                string(&mut out, format!("x{number:06}").as_bytes());
                integer(&mut out, 1);
            }
            out.extend(b"ee");
            ExtensionHandshake::decode(&out)
        };
        assert_eq!(flood(1000).unwrap().messages.len(), MOST_MESSAGES);
        assert!(matches!(flood(100_000), Err(ExtensionError::Bencode(_))));
    }

    proptest! {
        #[test]
        fn round_trips(
            messages in proptest::collection::btree_map("[a-z_]{1,12}", 1u8.., 0..10),
            client in proptest::option::of("[a-zA-Z0-9][a-zA-Z0-9. µ]{0,20}[a-z]"),
            listen_port in proptest::option::of(1u16..),
            reqq in proptest::option::of(1u32..),
            your_ip in proptest::option::of(any::<IpAddr>()),
            upload_only in proptest::option::of(any::<bool>()),
            metadata_bytes in proptest::option::of(1u32..),
        ) {
            let said = ExtensionHandshake {
                messages: messages.into_iter().collect(),
                client, listen_port, reqq, your_ip, upload_only, metadata_bytes,
            };
            let bytes = said.encode();
            for end in 0..bytes.len() {
                prop_assert!(ExtensionHandshake::decode(&bytes[..end]).is_err());
            }
            prop_assert_eq!(ExtensionHandshake::decode(&bytes), Ok(said));
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), open: bool) {
            let payload = if open { [b"d1:m".as_slice(), &bytes].concat() } else { bytes };
            let _ = ExtensionHandshake::decode(&payload);
        }
    }
}
