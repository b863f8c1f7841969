//! Bytes to values, by the names that the schema has for them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Visitor};
use thiserror::Error;

use super::{Leaf, Node, Root, Schema, Shape};

/// Kinds that a file may have and we do not know, before it is not worth trying.
const MOST_UNKNOWN: usize = 64;
/// Values that may take no bytes at all, and those that one byte may stand for: ours take two or three.
const FREE_VALUES: usize = 64;
const VALUES_PER_BYTE: usize = 8;
/// Structs whose fields once stood in what holds them now: where such a one was not written, they are read from there.
const MOVED: [&str; 1] = ["info"];

/// Why a value cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(in crate::record) enum ReadError {
    /// It is whole, and holds something that this version does not know.
    #[error("{0:?} is nothing this version knows")]
    Unknown(String),
    /// It is not what the schema says, or not what is asked for.
    #[error("{0}")]
    Broken(String),
}

impl ReadError {
    pub(in crate::record) fn broken(what: &str) -> Self {
        Self::Broken(what.to_owned())
    }

    fn other_shape() -> Self {
        Self::broken("a value of another shape than is asked for")
    }
}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::Broken(what.to_string())
    }

    fn unknown_variant(name: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown(name.to_owned())
    }
}

/// The kinds of a file that turned out to be unknown. Items of lists and tables that hold one are left out, options
/// that hold one are empty; what has to be there and holds one cannot be read.
#[derive(Debug, Default)]
pub(in crate::record) struct Unknown(BTreeSet<(Node, String)>);

impl Unknown {
    /// Whether everything is known so far.
    pub(in crate::record) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, node: Node, name: &str) -> bool {
        // Nearly always there is none.
        !self.0.is_empty() && self.0.contains(&(node, name.to_owned()))
    }
}

/// Reads a value from the front of the bytes; returns it and the bytes after it.
///
/// # Errors
///
/// When the bytes hold nothing like it, or something in it that has to be there is unknown.
pub(in crate::record) fn read<'de, T: Deserialize<'de>>(
    schema: &Schema,
    unknown: &mut Unknown,
    root: Root,
    bytes: &'de [u8],
) -> Result<(T, &'de [u8]), ReadError> {
    loop {
        let mut source = Source { schema, unknown, rest: bytes, length: bytes.len(), values: 0 };
        let met = RefCell::new(None);
        let error = match T::deserialize(Value { source: &mut source, node: root.node(), met: &met }) {
            Ok(value) => return Ok((value, source.rest)),
            Err(error) => error,
        };
        // Now that it is known to be unknown, it may be left out.
        let met = met.into_inner().filter(|_| matches!(error, ReadError::Unknown(_)));
        if !met.is_some_and(|met| unknown.0.len() < MOST_UNKNOWN && unknown.0.insert(met)) {
            return Err(error);
        }
    }
}

/// The bytes to come.
struct Source<'s, 'de> {
    schema: &'s Schema,
    unknown: &'s Unknown,
    rest: &'de [u8],
    /// How many bytes there were, and how many values were met in those that were read: few bytes must not stand for
    /// many values.
    length: usize,
    values: usize,
}

impl<'s, 'de> Source<'s, 'de> {
    fn shape(&mut self, node: Node) -> Result<&'s Shape, ReadError> {
        self.values += 1;
        let read = self.length - self.rest.len();
        if self.values > FREE_VALUES + VALUES_PER_BYTE * read {
            return Err(ReadError::broken("more values than bytes"));
        }
        Ok(self.schema.shape(node))
    }

    fn take(&mut self, count: usize) -> Result<&'de [u8], ReadError> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| ReadError::broken("it ends early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, ReadError> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn flag(&mut self) -> Result<bool, ReadError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ReadError::broken("neither 0 nor 1")),
        }
    }

    fn unsigned(&mut self) -> Result<u64, ReadError> {
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

    fn signed(&mut self) -> Result<i64, ReadError> {
        let folded = self.unsigned()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }

    fn count(&mut self) -> Result<usize, ReadError> {
        let count = self.unsigned()?;
        usize::try_from(count).map_err(|_| ReadError::broken("a list longer than any"))
    }

    fn bytes(&mut self) -> Result<&'de [u8], ReadError> {
        let count = self.count()?;
        self.take(count)
    }

    fn text(&mut self) -> Result<&'de str, ReadError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ReadError::broken("text that is not UTF-8"))
    }

    fn read_leaf(&mut self, node: Node) -> Result<Read<'de>, ReadError> {
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

    fn kind(&mut self, kinds: &'s [super::Kind]) -> Result<&'s super::Kind, ReadError> {
        let number = self.unsigned()?;
        let kind = kinds.iter().find(|kind| u64::from(kind.number) == number);
        kind.ok_or_else(|| ReadError::broken("a kind that the schema does not name"))
    }

    /// Skips a value; says whether it can be read at all, as far as unknown kinds go.
    fn skip(&mut self, node: Node) -> Result<bool, ReadError> {
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
    fn leaves_out(&mut self, nodes: &[Node]) -> Result<bool, ReadError> {
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

/// Where an unknown kind was met.
type Met = RefCell<Option<(Node, String)>>;

/// What a leaf holds.
enum Read<'de> {
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

/// Methods of a deserializer that all do the same.
macro_rules! as_the_schema_has_it {
    ($($as:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$as(visitor)
        }
    )*)*};
}

/// A value to be read.
struct Value<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    node: Node,
    met: &'a Met,
}

impl<'de> de::Deserializer<'de> for Value<'_, '_, 'de> {
    type Error = ReadError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.schema.shape(self.node) {
            Shape::Unseen | Shape::Leaf(_) => self.leaf(visitor),
            Shape::Option(_) => self.option(visitor),
            Shape::List(_) | Shape::Table(..) | Shape::Tuple(_) | Shape::Struct(_) => {
                self.several(&[], visitor)
            }
            Shape::Kinds(_) => self.kind(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.schema.shape(self.node) {
            Shape::Option(_) => self.option(visitor),
            // It was no option when it was written.
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        match source.schema.shape(node) {
            // A kind that was written by its name.
            Shape::Leaf(Leaf::Text) => {
                let name = source.text()?;
                visitor.visit_enum(Kind { source, node, name, value: None, met })
            }
            _ => Value { source, node, met }.kind(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.source.skip(self.node)?;
        visitor.visit_unit()
    }

    as_the_schema_has_it! {
        leaf: deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
            deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_unit
            deserialize_identifier;
        unnamed: deserialize_seq deserialize_map;
        deserialize_any: deserialize_bytes deserialize_byte_buf;
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.leaf(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.several(&[], visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.several(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.several(asked, visitor)
    }
}

/// What is read, by its kind. A visitor is compiled with the one it asks for alone: hundreds of them with all are a
/// tenth of the program.
impl<'de> Value<'_, '_, 'de> {
    fn leaf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.read_leaf(self.node)? {
            Read::Unit => visitor.visit_unit(),
            Read::Bool(flag) => visitor.visit_bool(flag),
            Read::Byte(byte) => visitor.visit_u8(byte),
            Read::SignedByte(byte) => visitor.visit_i8(byte),
            Read::Unsigned(number) => visitor.visit_u64(number),
            Read::Signed(number) => visitor.visit_i64(number),
            Read::Float(number) => visitor.visit_f64(number),
            Read::Text(text) => visitor.visit_borrowed_str(text),
            Read::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }

    fn option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        let Shape::Option(node) = source.shape(node)? else { return Err(ReadError::other_shape()) };
        if source.flag()? && !source.leaves_out(&[*node])? {
            visitor.visit_some(Value { source, node: *node, met })
        } else {
            visitor.visit_none()
        }
    }

    fn unnamed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.several(&[], visitor)
    }

    /// Several values, `asked` of which are asked for by name.
    fn several<V: Visitor<'de>>(
        self,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        match source.shape(node)? {
            Shape::List(item) => {
                let left = source.count()?;
                let mut list = List { source, item: *item, left, met };
                let value = visitor.visit_seq(&mut list)?;
                list.close().map(|()| value)
            }
            Shape::Table(key, value) => {
                let left = source.count()?;
                visitor.visit_map(Table { source, key: *key, value: *value, left, met })
            }
            Shape::Tuple(items) => {
                let mut tuple = Tuple { source, items, met };
                let value = visitor.visit_seq(&mut tuple)?;
                tuple.close().map(|()| value)
            }
            Shape::Struct(fields) => {
                let lacks = |name: &&&str| !fields.iter().any(|field| field.name == **name);
                let moved = asked.iter().filter(|name| MOVED.contains(name)).find(lacks).copied();
                visitor.visit_map(Struct { source, node, fields, moved, met })
            }
            _ => Err(ReadError::other_shape()),
        }
    }

    fn kind<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        let Shape::Kinds(kinds) = source.shape(node)? else { return Err(ReadError::other_shape()) };
        let kind = source.kind(kinds)?;
        visitor.visit_enum(Kind { source, node, name: &kind.name, value: Some(kind.node), met })
    }
}

struct List<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    item: Node,
    left: usize,
    met: &'a Met,
}

impl<'de> de::SeqAccess<'de> for List<'_, '_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        while self.left > 0 {
            self.left -= 1;
            if !self.source.leaves_out(&[self.item])? {
                return seed
                    .deserialize(Value { source: self.source, node: self.item, met: self.met })
                    .map(Some);
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.source.rest.len()))
    }
}

impl List<'_, '_, '_> {
    /// Skips the items that nobody asked for.
    fn close(self) -> Result<(), ReadError> {
        (0..self.left).try_for_each(|_| self.source.skip(self.item).map(drop))
    }
}

struct Table<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    key: Node,
    value: Node,
    left: usize,
    met: &'a Met,
}

impl<'de> de::MapAccess<'de> for Table<'_, '_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        while self.left > 0 {
            self.left -= 1;
            if !self.source.leaves_out(&[self.key, self.value])? {
                return seed
                    .deserialize(Value { source: self.source, node: self.key, met: self.met })
                    .map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        seed.deserialize(Value { source: self.source, node: self.value, met: self.met })
    }
}

struct Tuple<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    /// Those to come.
    items: &'s [Node],
    met: &'a Met,
}

impl<'de> de::SeqAccess<'de> for Tuple<'_, '_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some((node, rest)) = self.items.split_first() else { return Ok(None) };
        self.items = rest;
        seed.deserialize(Value { source: self.source, node: *node, met: self.met }).map(Some)
    }
}

impl Tuple<'_, '_, '_> {
    /// Skips the items that nobody asked for.
    fn close(self) -> Result<(), ReadError> {
        self.items.iter().try_for_each(|node| self.source.skip(*node).map(drop))
    }
}

struct Struct<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    /// The whole.
    node: Node,
    /// A struct that is asked for and whose fields stand in this one.
    moved: Option<&'static str>,
    /// Those to come.
    fields: &'s [super::Field],
    met: &'a Met,
}

impl<'de> de::MapAccess<'de> for Struct<'_, '_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let name = self.moved.or_else(|| self.fields.first().map(|field| &field.name[..]));
        name.map(|name| seed.deserialize(StrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        if self.moved.take().is_some() {
            let (rest, values) = (self.source.rest, self.source.values);
            let value = seed.deserialize(Value { source: self.source, node: self.node, met: self.met })?;
            (self.source.rest, self.source.values) = (rest, values);
            return Ok(value);
        }
        let Some((field, rest)) = self.fields.split_first() else {
            return Err(ReadError::broken("a value without a name"));
        };
        self.fields = rest;
        seed.deserialize(Value { source: self.source, node: field.node, met: self.met })
    }
}

/// A kind, by its name.
struct Kind<'a, 's, 'de, 'n> {
    source: &'a mut Source<'s, 'de>,
    /// What has the kinds.
    node: Node,
    name: &'n str,
    /// What the kind holds; `None` where only its name was written.
    value: Option<Node>,
    met: &'a Met,
}

impl<'de> de::EnumAccess<'de> for Kind<'_, '_, 'de, '_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let named = seed.deserialize(StrDeserializer::<ReadError>::new(self.name)).inspect_err(|error| {
            if matches!(error, ReadError::Unknown(_)) {
                self.met.replace(Some((self.node, self.name.to_owned())));
            }
        })?;
        Ok((named, self))
    }
}

impl<'a, 's, 'de> Kind<'a, 's, 'de, '_> {
    /// What it holds; `None` where it holds nothing.
    fn value(self) -> Option<Value<'a, 's, 'de>> {
        let Self { source, value, met, .. } = self;
        let node = value.filter(|node| *source.schema.shape(*node) != Shape::Leaf(Leaf::Unit))?;
        Some(Value { source, node, met })
    }
}

impl<'de> de::VariantAccess<'de> for Kind<'_, '_, 'de, '_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        self.value().map_or(Ok(()), |value| value.source.skip(value.node).map(drop))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.value().ok_or_else(|| ReadError::broken("a kind that holds nothing"))?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        match self.value() {
            Some(value) => de::Deserializer::deserialize_any(value, visitor),
            None => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<()>())),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.value() {
            Some(value) => value.several(asked, visitor),
            None => visitor.visit_map(MapDeserializer::new(std::iter::empty::<((), ())>())),
        }
    }
}
