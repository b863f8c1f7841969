//! Scans foreign bencode (BEP 3) without recursion and without trust, and lets one walk what it found.
//!
//! [`parse`] reads one value and notes where each value in it begins and ends: twelve bytes a token, never more
//! than the limits allow, whatever lengths the input claims. Nothing is copied, and the raw bytes of any value
//! stay at hand, which is what an info-hash is taken over.
//!
//! ```
//! use ttui::metainfo::bencode::{self, Limits};
//!
//! let answer = b"d8:intervali1800e5:peers6:\x7f\0\0\x01\x1a\xe1e";
//! let document = bencode::parse(answer, Limits::bytes(2 << 20))?;
//! assert_eq!(document.root().dict_get(b"interval").and_then(|value| value.uint()), Some(1800));
//! assert_eq!(document.root().dict_get(b"peers").and_then(|value| value.bytes()).map(<[u8]>::len), Some(6));
//! # Ok::<(), ttui::metainfo::bencode::BencodeError>(())
//! ```

use std::ops::Range;

use thiserror::Error;

/// How much of foreign bencode is taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of input, at most 4 GiB.
    pub bytes: usize,
    /// Lists and dictionaries inside each other.
    pub depth: usize,
    /// Values and keys.
    pub tokens: usize,
}

impl Limits {
    /// As deep as any real bencode and up to three million tokens, for input of at most `bytes` bytes.
    pub const fn bytes(bytes: usize) -> Self {
        Self { bytes, depth: 100, tokens: 3_000_000 }
    }
}

/// Why input is not the bencode that was asked for. Offsets count from the start of the input.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BencodeError {
    /// A byte that cannot stand here, or the input ended.
    #[error("byte {offset}: expected {expected}, found {}", found_shown(*.found))]
    Unexpected {
        /// Where.
        offset: usize,
        /// What could have stood there.
        expected: &'static str,
        /// What did; `None`: the end of the input.
        found: Option<u8>,
    },
    /// A string says it is longer than the rest of the input.
    #[error("byte {offset}: a string of {claimed} bytes is announced, {left} are left")]
    StringTooLong {
        /// Where the string begins.
        offset: usize,
        /// The length it claims.
        claimed: u64,
        /// Bytes left.
        left: usize,
    },
    /// More input than the limit.
    #[error("{length} bytes, at most {limit} are taken")]
    TooLong {
        /// Bytes of input.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than the limit.
    #[error("byte {offset}: nested deeper than {limit}")]
    TooDeep {
        /// Where the container one too deep begins.
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// More values than the limit.
    #[error("byte {offset}: more than {limit} values")]
    TooMany {
        /// Where the value one too many begins.
        offset: usize,
        /// The limit.
        limit: usize,
    },
}

fn found_shown(found: Option<u8>) -> String {
    match found {
        None => "the end".to_owned(),
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
        Some(byte) => format!("0x{byte:02x}"),
    }
}

/// A key that is not greater than the one before it in its dictionary. BEP 3 forbids it, real torrents do it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disorder {
    /// Where the key begins.
    pub offset: usize,
    /// Whether it equals the one before.
    pub duplicate: bool,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A string of bytes.
    Bytes,
    /// An integer.
    Int,
    /// A list.
    List,
    /// A dictionary.
    Dict,
}

/// Where one value or key lies: `start..end` in the input, `next` the token after it and all inside it.
#[derive(Clone, Copy, Debug)]
struct Token {
    start: u32,
    end: u32,
    next: u32,
}

/// One scanned value with everything in it.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    bytes: &'a [u8],
    tokens: Vec<Token>,
    disorder: Option<Disorder>,
}

/// Scans the first value of `bytes`; what follows it is in [`Document::trailing`].
///
/// # Errors
/// When the input does not begin with a whole value, or passes a limit. Integers and lengths must be written
/// without leading zeros, `-0` is refused, keys must be strings. Keys out of order are no error, see
/// [`Document::disorder`].
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Document<'_>, BencodeError> {
    let limit = limits.bytes.min(u32::MAX as usize);
    if bytes.len() > limit {
        return Err(BencodeError::TooLong { length: bytes.len(), limit });
    }
    Scanner { bytes, at: 0, limits, tokens: Vec::new(), open: Vec::new(), disorder: None }.run()
}

impl<'a> Document<'a> {
    /// The value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    /// What follows the value: nothing, in clean input.
    pub fn trailing(&self) -> &'a [u8] {
        &self.bytes[self.tokens[0].end as usize..]
    }

    /// The first key out of order anywhere in the value.
    pub fn disorder(&self) -> Option<Disorder> {
        self.disorder
    }
}

/// A value inside a [`Document`]: as cheap to copy as a reference.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

impl<'d> Value<'d> {
    /// What it is.
    pub fn kind(self) -> Kind {
        match self.raw()[0] {
            b'i' => Kind::Int,
            b'l' => Kind::List,
            b'd' => Kind::Dict,
            _ => Kind::Bytes,
        }
    }

    /// Where it lies in the input, its own marks included.
    pub fn span(self) -> Range<usize> {
        let token = self.token();
        token.start as usize..token.end as usize
    }

    /// Its bytes in the input, its own marks included.
    pub fn raw(self) -> &'d [u8] {
        &self.document.bytes[self.span()]
    }

    /// The content of a string; `None` when it is none.
    pub fn bytes(self) -> Option<&'d [u8]> {
        let raw = self.raw();
        let colon = raw.iter().take(MOST_LENGTH_DIGITS + 1).position(|&byte| byte == b':')?;
        (self.kind() == Kind::Bytes).then(|| &raw[colon + 1..])
    }

    /// The content of a string that is valid UTF-8.
    pub fn str(self) -> Option<&'d str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// An integer; `None` when it is none or does not fit.
    pub fn int(self) -> Option<i64> {
        self.digits()?.parse().ok()
    }

    /// An integer that is not negative; `None` when it is none or does not fit.
    pub fn uint(self) -> Option<u64> {
        self.digits()?.parse().ok()
    }

    /// The values in a list; `None` when it is no list.
    pub fn list(self) -> Option<Items<'d>> {
        (self.kind() == Kind::List).then(|| self.items())
    }

    /// Keys and values of a dictionary in the order they are written; `None` when it is none.
    pub fn dict(self) -> Option<impl Iterator<Item = (&'d [u8], Value<'d>)>> {
        let mut items = (self.kind() == Kind::Dict).then(|| self.items())?;
        Some(std::iter::from_fn(move || Some((items.next()?.bytes()?, items.next()?))))
    }

    /// The first value under `key`; `None` when this is no dictionary or has no such key.
    pub fn dict_get(self, key: &[u8]) -> Option<Self> {
        self.dict()?.find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn digits(self) -> Option<&'d str> {
        let raw = self.raw();
        (self.kind() == Kind::Int).then(|| std::str::from_utf8(&raw[1..raw.len() - 1]).ok())?
    }

    fn items(self) -> Items<'d> {
        Items { document: self.document, index: self.index + 1, end: self.token().next as usize }
    }

    fn token(self) -> Token {
        self.document.tokens[self.index]
    }
}

/// The values in a list, in order.
#[derive(Clone, Debug)]
pub struct Items<'d> {
    document: &'d Document<'d>,
    index: usize,
    end: usize,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        (self.index < self.end).then(|| {
            let value = Value { document: self.document, index: self.index };
            self.index = value.token().next as usize;
            value
        })
    }
}

/// Digits of the longest length that can matter: 4 GiB has ten.
const MOST_LENGTH_DIGITS: usize = 10;

/// A list or dictionary whose end has not come yet.
struct Open {
    token: usize,
    dict: bool,
    /// In a dictionary: the token of the last key, and whether its value is due.
    key: Option<usize>,
    value_due: bool,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    tokens: Vec<Token>,
    open: Vec<Open>,
    disorder: Option<Disorder>,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<Document<'a>, BencodeError> {
        loop {
            let closes = self.peek() == Some(b'e') && self.open.last().is_some_and(|open| !open.value_due);
            if closes {
                self.at += 1;
                self.close();
            } else {
                self.begin()?;
            }
            if self.open.is_empty() {
                return Ok(Document { bytes: self.bytes, tokens: self.tokens, disorder: self.disorder });
            }
        }
    }

    fn begin(&mut self) -> Result<(), BencodeError> {
        let offset = self.at;
        let is_key = self.open.last().is_some_and(|open| open.dict && !open.value_due);
        if self.tokens.len() == self.limits.tokens {
            return Err(BencodeError::TooMany { offset, limit: self.limits.tokens });
        }
        let container = match self.peek() {
            Some(b'0'..=b'9') => {
                self.string()?;
                None
            }
            _ if is_key => return Err(self.unexpected("a key (a string) or `e`")),
            Some(b'i') => {
                self.integer()?;
                None
            }
            Some(mark @ (b'l' | b'd')) => {
                if self.open.len() == self.limits.depth {
                    return Err(BencodeError::TooDeep { offset, limit: self.limits.depth });
                }
                self.at += 1;
                Some(mark == b'd')
            }
            _ if self.open.last().is_some_and(|open| !open.dict) => {
                return Err(self.unexpected("a value or `e`"));
            }
            _ => return Err(self.unexpected("a value: `i`, `l`, `d` or the length of a string")),
        };
        let token = self.tokens.len();
        self.tokens.push(Token { start: offset as u32, end: self.at as u32, next: token as u32 + 1 });
        if is_key {
            self.note_key(token);
        } else if let Some(open) = self.open.last_mut() {
            open.value_due = false;
        }
        if let Some(dict) = container {
            self.open.push(Open { token, dict, key: None, value_due: false });
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            let next = self.tokens.len() as u32;
            let token = &mut self.tokens[open.token];
            token.end = self.at as u32;
            token.next = next;
        }
    }

    fn note_key(&mut self, token: usize) {
        let Some(open) = self.open.last_mut() else { return };
        open.value_due = true;
        let before = open.key.replace(token);
        if let (Some(before), None) = (before, self.disorder) {
            let (before, key) = (self.key_bytes(before), self.key_bytes(token));
            if key <= before {
                let offset = self.tokens[token].start as usize;
                self.disorder = Some(Disorder { offset, duplicate: key == before });
            }
        }
    }

    fn key_bytes(&self, token: usize) -> &'a [u8] {
        let Token { start, end, .. } = self.tokens[token];
        let raw = &self.bytes[start as usize..end as usize];
        let colon = raw.iter().position(|&byte| byte == b':').map_or(0, |at| at + 1);
        &raw[colon..]
    }

    fn string(&mut self) -> Result<(), BencodeError> {
        let offset = self.at;
        let claimed = self.number(MOST_LENGTH_DIGITS, "`:` after the length of a string")?;
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:` after the length of a string"));
        }
        self.at += 1;
        let left = self.bytes.len() - self.at;
        if claimed > left as u64 {
            return Err(BencodeError::StringTooLong { offset, claimed, left });
        }
        self.at += claimed as usize;
        Ok(())
    }

    fn integer(&mut self) -> Result<(), BencodeError> {
        self.at += 1;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
            if self.peek() == Some(b'0') {
                return Err(self.unexpected("a digit from 1 to 9 after `-`"));
            }
        }
        self.number(usize::MAX, "`e` after an integer")?;
        if self.peek() != Some(b'e') {
            return Err(self.unexpected("a digit, or `e` after an integer"));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads digits without a leading zero; `most` of them at most, then `after` is due.
    fn number(&mut self, most: usize, after: &'static str) -> Result<u64, BencodeError> {
        let start = self.at;
        let mut number = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == most || (self.at > start && self.bytes[start] == b'0') {
                return Err(self.unexpected(after));
            }
            number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return Err(self.unexpected("a digit"));
        }
        Ok(number)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> BencodeError {
        BencodeError::Unexpected { offset: self.at, expected, found: self.peek() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(bytes: &[u8]) -> Result<Document<'_>, BencodeError> {
        parse(bytes, Limits { bytes: 1 << 20, depth: 10, tokens: 1000 })
    }

    fn error(bytes: &[u8]) -> String {
        scan(bytes).unwrap_err().to_string()
    }

    #[test]
    fn walks_what_it_scanned() {
        let document = scan(b"d1:ai-42e1:bl3:xyzi7elee1:cd1:d0:eetail").unwrap();
        let root = document.root();
        assert_eq!(root.dict_get(b"a").unwrap().int(), Some(-42));
        assert_eq!(root.dict_get(b"a").unwrap().uint(), None);
        let list: Vec<_> = root.dict_get(b"b").unwrap().list().unwrap().collect();
        assert_eq!(list[0].str(), Some("xyz"));
        assert_eq!((list[1].int(), list[1].bytes()), (Some(7), None));
        assert_eq!(list[2].list().unwrap().count(), 0);
        assert_eq!(list[2].kind(), Kind::List);
        assert_eq!(root.dict_get(b"c").unwrap().dict_get(b"d").unwrap().bytes(), Some(&b""[..]));
        assert_eq!(root.dict_get(b"c").unwrap().raw(), b"d1:d0:e");
        assert!(root.dict_get(b"d").is_none());
        assert_eq!(document.trailing(), b"tail");
        assert_eq!(document.disorder(), None);
    }

    #[test]
    fn reports_keys_out_of_order_as_a_fact() {
        let disorder = |bytes| scan(bytes).unwrap().disorder();
        assert_eq!(disorder(b"d1:bi1e1:ai2ee"), Some(Disorder { offset: 7, duplicate: false }));
        assert_eq!(disorder(b"ld1:ai1e1:ai2eee"), Some(Disorder { offset: 8, duplicate: true }));
        assert_eq!(scan(b"d1:ai1e1:ai2ee").unwrap().root().dict_get(b"a").unwrap().int(), Some(1));
    }

    #[test]
    fn names_the_byte_and_what_was_expected() {
        for (bytes, message) in [
            (&b""[..], "byte 0: expected a value: `i`, `l`, `d` or the length of a string, found the end"),
            (b"<html>", "byte 0: expected a value: `i`, `l`, `d` or the length of a string, found `<`"),
            (b"i01e", "byte 2: expected `e` after an integer, found `1`"),
            (b"i-0e", "byte 2: expected a digit from 1 to 9 after `-`, found `0`"),
            (b"ie", "byte 1: expected a digit, found `e`"),
            (b"i-e", "byte 2: expected a digit, found `e`"),
            (b"i1", "byte 2: expected a digit, or `e` after an integer, found the end"),
            (b"01:a", "byte 1: expected `:` after the length of a string, found `1`"),
            (b"1\x1ba", "byte 1: expected `:` after the length of a string, found 0x1b"),
            (b"5:abc", "byte 0: a string of 5 bytes is announced, 3 are left"),
            (b"9999999999:a", "byte 0: a string of 9999999999 bytes is announced, 1 are left"),
            (b"99999999999:a", "byte 10: expected `:` after the length of a string, found `9`"),
            (b"di1e1:ae", "byte 1: expected a key (a string) or `e`, found `i`"),
            (b"d1:ae", "byte 4: expected a value: `i`, `l`, `d` or the length of a string, found `e`"),
            (b"li1e", "byte 4: expected a value or `e`, found the end"),
        ] {
            assert_eq!(error(bytes), message, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn holds_the_limits() {
        assert!(scan(&[b"l".repeat(10), b"e".repeat(10)].concat()).is_ok());
        assert_eq!(error(&b"l".repeat(1_000_000)), "byte 10: nested deeper than 10");
        assert!(scan(&[&b"l"[..], &b"le".repeat(999), b"e"].concat()).is_ok());
        assert_eq!(
            error(&[&b"l"[..], &b"le".repeat(1000), b"e"].concat()),
            "byte 1999: more than 1000 values"
        );
        assert_eq!(error(&vec![b'x'; (1 << 20) + 1]), "1048577 bytes, at most 1048576 are taken");
    }

    #[test]
    fn takes_integers_of_any_length_and_knows_which_fit() {
        let document =
            scan(b"li-9223372036854775808ei18446744073709551615ei123456789012345678901234ei0ee").unwrap();
        let items: Vec<_> =
            document.root().list().unwrap().map(|value| (value.int(), value.uint())).collect();
        assert_eq!(items, [(Some(i64::MIN), None), (None, Some(u64::MAX)), (None, None), (Some(0), Some(0))]);
    }

    #[derive(Clone, Debug)]
    enum Tree {
        Int(i64),
        Bytes(Vec<u8>),
        List(Vec<Self>),
        Dict(Vec<(Vec<u8>, Self)>),
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..12);
        prop_oneof![any::<i64>().prop_map(Tree::Int), bytes().prop_map(Tree::Bytes)].prop_recursive(
            6,
            60,
            6,
            move |inner| {
                prop_oneof![
                    proptest::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
                    proptest::collection::vec((bytes(), inner), 0..6).prop_map(Tree::Dict),
                ]
            },
        )
    }

    fn write(tree: &Tree, out: &mut Vec<u8>) {
        let string = |bytes: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
        };
        match tree {
            Tree::Int(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
            Tree::Bytes(bytes) => string(bytes, out),
            Tree::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| write(item, out));
                out.push(b'e');
            }
            Tree::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    string(key, out);
                    write(value, out);
                }
                out.push(b'e');
            }
        }
    }

    fn same(tree: &Tree, value: Value<'_>) -> bool {
        let mut raw = Vec::new();
        write(tree, &mut raw);
        raw == value.raw()
            && match tree {
                Tree::Int(number) => value.int() == Some(*number),
                Tree::Bytes(bytes) => value.bytes() == Some(bytes),
                Tree::List(items) => {
                    value.list().unwrap().count() == items.len()
                        && items.iter().zip(value.list().unwrap()).all(|(item, value)| same(item, value))
                }
                Tree::Dict(entries) => {
                    value.dict().unwrap().count() == entries.len()
                        && entries
                            .iter()
                            .zip(value.dict().unwrap())
                            .all(|((key, item), (name, value))| key == name && same(item, value))
                }
            }
    }

    proptest! {
        #[test]
        fn finds_every_value_where_it_was_written(tree in tree(), tail in proptest::collection::vec(any::<u8>(), 0..4)) {
            let mut bytes = Vec::new();
            write(&tree, &mut bytes);
            let whole = bytes.len();
            bytes.extend_from_slice(&tail);
            let document = parse(&bytes, Limits::bytes(1 << 20)).unwrap();
            prop_assert!(same(&tree, document.root()));
            prop_assert_eq!(document.trailing(), &tail[..]);
            for cut in 0..whole {
                prop_assert!(parse(&bytes[..cut], Limits::bytes(1 << 20)).is_err());
            }
        }

        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(&b"ilde0123456789:-"[..])], 0..200)) {
            if let Ok(document) = scan(&bytes) {
                let root = document.root();
                prop_assert_eq!(root.span().end + document.trailing().len(), bytes.len());
                let _ = (root.int(), root.uint(), root.bytes(), root.dict_get(b""));
                prop_assert!(root.list().map_or(0, Iterator::count) <= bytes.len());
            }
        }
    }
}
