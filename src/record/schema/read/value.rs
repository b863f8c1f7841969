//! Values for serde, made of a source by the names that the schema has for them.

use std::cell::RefCell;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Visitor};

use super::super::{Leaf, Node, Shape};
use super::ReadError;
use super::source::{Read, Source};

/// Structs whose fields once stood in what holds them now: where such a one was not written, they are read from there.
const MOVED: [&str; 1] = ["info"];

/// Where an unknown kind was met.
pub(super) type Met = RefCell<Option<(Node, String)>>;

/// Methods of a deserializer that all do the same.
macro_rules! as_the_schema_has_it {
    ($($as:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.$as(visitor)
        }
    )*)*};
}

/// A value to be read.
pub(super) struct Value<'a, 's, 'de> {
    pub(super) source: &'a mut Source<'s, 'de>,
    pub(super) node: Node,
    pub(super) met: &'a Met,
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
        Some(self.left.min(self.source.rest().len()))
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
    fields: &'s [super::super::Field],
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
            let place = self.source.place();
            let value = seed.deserialize(Value { source: self.source, node: self.node, met: self.met })?;
            self.source.go_back(place);
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
