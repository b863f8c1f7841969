//! Values for serde, made of a source by the names that the schema has for them.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Visitor};

use super::super::{Leaf, Node, Shape};
use super::ReadError;
use super::source::{Place, Read, Source};

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
            Shape::List(_) | Shape::Tuple(_) => self.items(visitor),
            Shape::Table(..) => self.table(visitor),
            Shape::Struct(_) => self.fields(&[], visitor),
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
        leaf: deserialize_bool deserialize_unit;
        number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
            deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64;
        text: deserialize_char deserialize_str deserialize_string deserialize_identifier;
        items: deserialize_seq;
        table: deserialize_map;
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
        self.items(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.items(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.fields(asked, visitor)
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

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.read_leaf(self.node)? {
            Read::Byte(byte) => visitor.visit_u8(byte),
            Read::SignedByte(byte) => visitor.visit_i8(byte),
            Read::Unsigned(number) => visitor.visit_u64(number),
            Read::Signed(number) => visitor.visit_i64(number),
            Read::Float(number) => visitor.visit_f64(number),
            _ => Err(ReadError::other_shape()),
        }
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.read_leaf(self.node)? {
            Read::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(ReadError::other_shape()),
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

    fn items<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        let mut items = Items::new(source, node, met)?;
        let value = visitor.visit_seq(&mut items)?;
        items.close().map(|()| value)
    }

    fn table<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        let Shape::Table(key, value) = source.shape(node)? else { return Err(ReadError::other_shape()) };
        let left = source.count()?;
        visitor.visit_map(Table { source, key: *key, value: *value, left, met })
    }

    /// A struct, of which the fields `asked` for are known.
    fn fields<V: Visitor<'de>>(
        self,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        visitor.visit_map(Struct::new(source, node, asked, met)?)
    }

    fn kind<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { source, node, met } = self;
        let Shape::Kinds(kinds) = source.shape(node)? else { return Err(ReadError::other_shape()) };
        let kind = source.kind(kinds)?;
        visitor.visit_enum(Kind { source, node, name: &kind.name, value: Some(kind.node), met })
    }
}

struct Items<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    left: Left<'s>,
    met: &'a Met,
}

/// The items to come.
enum Left<'s> {
    /// Alike, and how many of them.
    List(Node, usize),
    Tuple(&'s [Node]),
}

impl<'a, 's, 'de> Items<'a, 's, 'de> {
    fn new(source: &'a mut Source<'s, 'de>, node: Node, met: &'a Met) -> Result<Self, ReadError> {
        let left = match source.shape(node)? {
            Shape::List(item) => Left::List(*item, source.count()?),
            Shape::Tuple(items) => Left::Tuple(items),
            _ => return Err(ReadError::other_shape()),
        };
        Ok(Self { source, left, met })
    }

    fn next(&mut self) -> Result<Option<Value<'_, 's, 'de>>, ReadError> {
        let node = loop {
            match &mut self.left {
                Left::List(_, 0) | Left::Tuple([]) => return Ok(None),
                Left::List(item, left) => {
                    *left -= 1;
                    if !self.source.leaves_out(&[*item])? {
                        break *item;
                    }
                }
                Left::Tuple([node, rest @ ..]) => {
                    let node = *node;
                    self.left = Left::Tuple(rest);
                    break node;
                }
            }
        };
        Ok(Some(Value { source: self.source, node, met: self.met }))
    }

    /// Skips the items that nobody asked for.
    fn close(self) -> Result<(), ReadError> {
        match self.left {
            Left::List(item, left) => (0..left).try_for_each(|_| self.source.skip(item).map(drop)),
            Left::Tuple(items) => items.iter().try_for_each(|node| self.source.skip(*node).map(drop)),
        }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.next()?.map(|value| seed.deserialize(value)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        match self.left {
            Left::List(_, left) => Some(left.min(self.source.rest().len())),
            Left::Tuple(_) => None,
        }
    }
}

struct Table<'a, 's, 'de> {
    source: &'a mut Source<'s, 'de>,
    key: Node,
    value: Node,
    left: usize,
    met: &'a Met,
}

impl<'s, 'de> Table<'_, 's, 'de> {
    fn next(&mut self) -> Result<Option<Value<'_, 's, 'de>>, ReadError> {
        while self.left > 0 {
            self.left -= 1;
            if !self.source.leaves_out(&[self.key, self.value])? {
                return Ok(Some(Value { source: self.source, node: self.key, met: self.met }));
            }
        }
        Ok(None)
    }
}

impl<'de> de::MapAccess<'de> for Table<'_, '_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.next()?.map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        seed.deserialize(Value { source: self.source, node: self.value, met: self.met })
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

impl<'a, 's, 'de> Struct<'a, 's, 'de> {
    fn new(
        source: &'a mut Source<'s, 'de>,
        node: Node,
        asked: &'static [&'static str],
        met: &'a Met,
    ) -> Result<Self, ReadError> {
        let Shape::Struct(fields) = source.shape(node)? else { return Err(ReadError::other_shape()) };
        let lacks = |name: &&&str| !fields.iter().any(|field| field.name == **name);
        let moved = asked.iter().filter(|name| MOVED.contains(name)).find(lacks).copied();
        Ok(Self { source, node, fields, moved, met })
    }

    fn name(&self) -> Option<&'s str> {
        self.moved.or_else(|| self.fields.first().map(|field| &field.name[..]))
    }

    /// The next value, and the place to go back to where it is not taken out of the fields.
    fn next(&mut self) -> Result<(Value<'_, 's, 'de>, Option<Place<'de>>), ReadError> {
        let (node, place) = if self.moved.take().is_some() {
            (self.node, Some(self.source.place()))
        } else {
            let (field, rest) =
                self.fields.split_first().ok_or_else(|| ReadError::broken("a value without a name"))?;
            self.fields = rest;
            (field.node, None)
        };
        Ok((Value { source: self.source, node, met: self.met }, place))
    }
}

impl<'de> de::MapAccess<'de> for Struct<'_, '_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.name().map(|name| seed.deserialize(StrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (value, place) = self.next()?;
        let value = seed.deserialize(value)?;
        place.into_iter().for_each(|place| self.source.go_back(place));
        Ok(value)
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

impl Kind<'_, '_, '_, '_> {
    /// What it holds; `None` where it holds nothing.
    fn held(&self) -> Option<Node> {
        self.value.filter(|node| *self.source.schema.shape(*node) != Shape::Leaf(Leaf::Unit))
    }
}

impl<'de> de::VariantAccess<'de> for Kind<'_, '_, 'de, '_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        self.held().map_or(Ok(()), |node| self.source.skip(node).map(drop))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let node = self.held().ok_or_else(|| ReadError::broken("a kind that holds nothing"))?;
        seed.deserialize(Value { source: self.source, node, met: self.met })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        let mut items = match self.held() {
            Some(node) => Items::new(self.source, node, self.met)?,
            None => Items { source: self.source, left: Left::Tuple(&[]), met: self.met },
        };
        let value = visitor.visit_seq(&mut items)?;
        items.close().map(|()| value)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        asked: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let fields = match self.held() {
            Some(node) => Struct::new(self.source, node, asked, self.met)?,
            None => Struct { source: self.source, node: self.node, moved: None, fields: &[], met: self.met },
        };
        visitor.visit_map(fields)
    }
}
