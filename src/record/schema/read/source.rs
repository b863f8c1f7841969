//! Bytes, taken apart as the schema has them: leaves, counts, what is passed over.

use super::super::{Kind, Leaf, Node, Schema, Shape};
use super::{ReadError, Unknown};

/// Values that may take no bytes at all, and those that one byte may stand for: ours take two or three.
const FREE_VALUES: usize = 64;
const VALUES_PER_BYTE: usize = 8;

/// The bytes to come.
pub(super) struct Source<'s, 'de> {
    pub(super) schema: &'s Schema,
    unknown: &'s Unknown,
    rest: &'de [u8],
    /// How many bytes there were, and how many values were met in those that were read: few bytes must not stand for
    /// many values.
    length: usize,
    values: usize,
}

/// A place in the bytes.
pub(super) struct Place<'de> {
    rest: &'de [u8],
    values: usize,
}

impl<'s, 'de> Source<'s, 'de> {
    pub(super) fn new(schema: &'s Schema, unknown: &'s Unknown, bytes: &'de [u8]) -> Self {
        Self { schema, unknown, rest: bytes, length: bytes.len(), values: 0 }
    }

    /// The bytes that were not read.
    pub(super) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// Where it is, to come back to.
    pub(super) fn place(&self) -> Place<'de> {
        Place { rest: self.rest, values: self.values }
    }

    /// Reads on from where it was.
    pub(super) fn go_back(&mut self, place: Place<'de>) {
        (self.rest, self.values) = (place.rest, place.values);
    }

    pub(super) fn shape(&mut self, node: Node) -> Result<&'s Shape, ReadError> {
        self.values += 1;
        let read = self.length - self.rest.len();
        if self.values > FREE_VALUES + VALUES_PER_BYTE * read {
            return Err(ReadError::broken("more values than bytes"));
        }
        Ok(self.schema.shape(node))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'de [u8], ReadError> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| ReadError::broken("it ends early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn flag(&mut self) -> Result<bool, ReadError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ReadError::broken("neither 0 nor 1")),
        }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, ReadError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ReadError::broken("a number longer than any"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, ReadError> {
        let folded = self.unsigned()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }

    pub(super) fn count(&mut self) -> Result<usize, ReadError> {
        let count = self.unsigned()?;
        usize::try_from(count).map_err(|_| ReadError::broken("a list longer than any"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'de [u8], ReadError> {
        let count = self.count()?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Result<&'de str, ReadError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ReadError::broken("text that is not UTF-8"))
    }

    pub(super) fn read_leaf(&mut self, node: Node) -> Result<Read<'de>, ReadError> {
        let leaf = match self.shape(node)? {
            Shape::Leaf(leaf) => leaf,
            Shape::Unseen => return Err(ReadError::broken("a value without a shape")),
            _ => return Err(ReadError::other_shape()),
        };
        Ok(match leaf {
            Leaf::Unit => Read::Unit,
            Leaf::Bool => Read::Bool(self.flag()?),
            Leaf::Byte => Read::Byte(self.byte()?),
            Leaf::SignedByte => Read::SignedByte(self.byte()?.cast_signed()),
            Leaf::Unsigned => Read::Unsigned(self.unsigned()?),
            Leaf::Signed => Read::Signed(self.signed()?),
            Leaf::Float => {
                let bytes = self.take(8)?.first_chunk().copied().unwrap_or_default();
                Read::Float(f64::from_le_bytes(bytes))
            }
            Leaf::Text => Read::Text(self.text()?),
            Leaf::Bytes => Read::Bytes(self.bytes()?),
        })
    }

    pub(super) fn kind(&mut self, kinds: &'s [Kind]) -> Result<&'s Kind, ReadError> {
        let number = self.unsigned()?;
        let kind = kinds.iter().find(|kind| u64::from(kind.number) == number);
        kind.ok_or_else(|| ReadError::broken("a kind that the schema does not name"))
    }

    /// Skips a value; says whether it can be read at all, as far as unknown kinds go.
    pub(super) fn skip(&mut self, node: Node) -> Result<bool, ReadError> {
        let mut known = true;
        match self.shape(node)? {
            Shape::Unseen => return Err(ReadError::broken("a value without a shape")),
            Shape::Leaf(leaf) => match leaf {
                Leaf::Unit => {}
                Leaf::Bool | Leaf::Byte | Leaf::SignedByte => drop(self.byte()?),
                Leaf::Unsigned | Leaf::Signed => drop(self.unsigned()?),
                Leaf::Float => drop(self.take(8)?),
                Leaf::Bytes => drop(self.bytes()?),
                Leaf::Text => {
                    let text = self.text()?;
                    known = !self.unknown.has(node, text);
                }
            },
            Shape::Option(value) => {
                if self.flag()? {
                    self.skip(*value)?;
                }
            }
            Shape::List(item) => {
                for _ in 0..self.count()? {
                    self.skip(*item)?;
                }
            }
            Shape::Table(key, value) => {
                for _ in 0..self.count()? {
                    self.skip(*key)?;
                    self.skip(*value)?;
                }
            }
            Shape::Tuple(items) => {
                for item in items {
                    known &= self.skip(*item)?;
                }
            }
            Shape::Struct(fields) => {
                for field in fields {
                    known &= self.skip(field.node)?;
                }
            }
            Shape::Kinds(kinds) => {
                let kind = self.kind(kinds)?;
                known = !self.unknown.has(node, &kind.name);
                known &= self.skip(kind.node)?;
            }
        }
        Ok(known)
    }

    /// Skips values of these shapes that stand next, where they cannot be read; says whether it did.
    pub(super) fn leaves_out(&mut self, nodes: &[Node]) -> Result<bool, ReadError> {
        if self.unknown.0.is_empty() {
            return Ok(false);
        }
        let (rest, values) = (self.rest, self.values);
        let mut known = true;
        for node in nodes {
            known &= self.skip(*node)?;
        }
        if known {
            (self.rest, self.values) = (rest, values);
        }
        Ok(!known)
    }
}

/// What a leaf holds.
pub(super) enum Read<'de> {
    Unit,
    Bool(bool),
    Byte(u8),
    SignedByte(i8),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'de str),
    Bytes(&'de [u8]),
}
