//! Values to bytes; what they are is learned on the way.

use std::fmt;

use serde::ser::{self, Serialize};
use thiserror::Error;

use super::{Definition, Leaf, Node, Root, Schema, Shape, unsigned};
use crate::event::Invalid;

/// Why a value cannot be written: a fault of its type, not of the value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("cannot be recorded: {0}")]
pub(in crate::record) struct WriteError(String);

impl ser::Error for WriteError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

impl From<Invalid> for WriteError {
    fn from(Invalid(what): Invalid) -> Self {
        Self(what.to_owned())
    }
}

/// Appends a value. What the schema learns of it is to be written down before the bytes are
/// ([`Schema::take_added`]).
///
/// # Errors
///
/// When its type is none that can be written: one whose fields are not always the same, whose lists have no known
/// length, or that is nested too deep.
pub(in crate::record) fn write<T: Serialize>(
    schema: &mut Schema,
    root: Root,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let mut sink = Sink { schema, out };
    value.serialize(Slot { sink: &mut sink, node: root.node() })
}

struct Sink<'a> {
    schema: &'a mut Schema,
    out: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn unsigned(&mut self, number: u64) {
        unsigned(number, self.out);
    }

    fn is(&mut self, node: Node, leaf: Leaf) -> Result<(), WriteError> {
        match self.schema.shape(node) {
            Shape::Leaf(known) if *known == leaf => Ok(()),
            Shape::Unseen => Ok(self.schema.learn(node, Definition::Leaf(leaf))?),
            _ => Err(changes()),
        }
    }

    fn bytes(&mut self, node: Node, leaf: Leaf, bytes: &[u8]) -> Result<(), WriteError> {
        self.is(node, leaf)?;
        self.unsigned(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// The only node below an option or a list.
    fn single(&mut self, node: Node, what: Definition) -> Result<Node, WriteError> {
        loop {
            match (self.schema.shape(node), &what) {
                (Shape::Option(below), Definition::Option) | (Shape::List(below), Definition::List) => {
                    return Ok(*below);
                }
                (Shape::Unseen, _) => self.schema.learn(node, what.clone())?,
                _ => return Err(changes()),
            }
        }
    }

    fn kind(&mut self, node: Node, number: u32, name: &str) -> Result<Node, WriteError> {
        self.unsigned(u64::from(number));
        loop {
            match self.schema.shape(node) {
                Shape::Kinds(kinds) => {
                    if let Some(kind) = kinds.iter().find(|kind| kind.number == number) {
                        return if kind.name == name { Ok(kind.node) } else { Err(changes()) };
                    }
                }
                Shape::Unseen => {}
                _ => return Err(changes()),
            }
            self.schema.learn(node, Definition::Kind(number, name.to_owned()))?;
        }
    }
}

fn changes() -> WriteError {
    WriteError("a type that is not written alike every time".to_owned())
}

/// Where a value goes.
struct Slot<'s, 'a> {
    sink: &'s mut Sink<'a>,
    node: Node,
}

impl<'s, 'a> Slot<'s, 'a> {
    fn number(self, number: u64) -> Result<(), WriteError> {
        self.sink.is(self.node, Leaf::Unsigned)?;
        self.sink.unsigned(number);
        Ok(())
    }

    fn signed(self, number: i64) -> Result<(), WriteError> {
        self.sink.is(self.node, Leaf::Signed)?;
        self.sink.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
        Ok(())
    }

    fn byte(self, leaf: Leaf, byte: u8) -> Result<(), WriteError> {
        self.sink.is(self.node, leaf)?;
        self.sink.out.push(byte);
        Ok(())
    }

    fn tuple(self, length: usize) -> Result<Items<'s, 'a>, WriteError> {
        let Self { sink, node } = self;
        if *sink.schema.shape(node) == Shape::Unseen {
            sink.schema.learn(node, Definition::Tuple(length as u32))?;
        }
        match sink.schema.shape(node) {
            Shape::Tuple(items) if items.len() == length => Ok(Items { sink, node, at: 0 }),
            _ => Err(changes()),
        }
    }

    fn fields(self) -> Result<Fields<'s, 'a>, WriteError> {
        let Self { sink, node } = self;
        let learning = *sink.schema.shape(node) == Shape::Unseen;
        if learning {
            sink.schema.learn(node, Definition::Struct)?;
        }
        match sink.schema.shape(node) {
            Shape::Struct(_) => Ok(Fields { sink, node, at: 0, learning }),
            _ => Err(changes()),
        }
    }

    fn kind(self, number: u32, name: &str) -> Result<Self, WriteError> {
        let node = self.sink.kind(self.node, number, name)?;
        Ok(Self { sink: self.sink, node })
    }
}

fn length(length: Option<usize>) -> Result<u64, WriteError> {
    length.map(|length| length as u64).ok_or_else(|| WriteError("a list of unknown length".to_owned()))
}

impl<'s, 'a> ser::Serializer for Slot<'s, 'a> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Alike<'s, 'a>;
    type SerializeTuple = Items<'s, 'a>;
    type SerializeTupleStruct = Items<'s, 'a>;
    type SerializeTupleVariant = Items<'s, 'a>;
    type SerializeMap = Alike<'s, 'a>;
    type SerializeStruct = Fields<'s, 'a>;
    type SerializeStructVariant = Fields<'s, 'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), WriteError> {
        self.byte(Leaf::Bool, value.into())
    }

    fn serialize_i8(self, value: i8) -> Result<(), WriteError> {
        self.byte(Leaf::SignedByte, value.cast_unsigned())
    }

    fn serialize_i16(self, value: i16) -> Result<(), WriteError> {
        self.signed(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), WriteError> {
        self.signed(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), WriteError> {
        self.signed(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), WriteError> {
        self.byte(Leaf::Byte, value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), WriteError> {
        self.number(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), WriteError> {
        self.number(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), WriteError> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), WriteError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), WriteError> {
        self.sink.is(self.node, Leaf::Float)?;
        self.sink.out.extend(value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        self.sink.bytes(self.node, Leaf::Text, value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), WriteError> {
        self.sink.bytes(self.node, Leaf::Bytes, value)
    }

    fn serialize_none(self) -> Result<(), WriteError> {
        self.sink.single(self.node, Definition::Option)?;
        self.sink.out.push(0);
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), WriteError> {
        let node = self.sink.single(self.node, Definition::Option)?;
        self.sink.out.push(1);
        value.serialize(Slot { sink: self.sink, node })
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        self.sink.is(self.node, Leaf::Unit)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        number: u32,
        name: &'static str,
    ) -> Result<(), WriteError> {
        self.kind(number, name)?.serialize_unit()
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        number: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        value.serialize(self.kind(number, name)?)
    }

    fn serialize_seq(self, items: Option<usize>) -> Result<Alike<'s, 'a>, WriteError> {
        let node = self.sink.single(self.node, Definition::List)?;
        self.sink.unsigned(length(items)?);
        Ok(Alike { sink: self.sink, node, value: node })
    }

    fn serialize_tuple(self, items: usize) -> Result<Items<'s, 'a>, WriteError> {
        self.tuple(items)
    }

    fn serialize_tuple_struct(self, _: &'static str, items: usize) -> Result<Items<'s, 'a>, WriteError> {
        self.tuple(items)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        number: u32,
        name: &'static str,
        items: usize,
    ) -> Result<Items<'s, 'a>, WriteError> {
        self.kind(number, name)?.tuple(items)
    }

    fn serialize_map(self, entries: Option<usize>) -> Result<Alike<'s, 'a>, WriteError> {
        if *self.sink.schema.shape(self.node) == Shape::Unseen {
            self.sink.schema.learn(self.node, Definition::Table)?;
        }
        let Shape::Table(node, value) = *self.sink.schema.shape(self.node) else { return Err(changes()) };
        self.sink.unsigned(length(entries)?);
        Ok(Alike { sink: self.sink, node, value })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'s, 'a>, WriteError> {
        self.fields()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        number: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields<'s, 'a>, WriteError> {
        self.kind(number, name)?.fields()
    }
}

/// A list, or a table: of each entry the key goes to `node`.
struct Alike<'s, 'a> {
    sink: &'s mut Sink<'a>,
    node: Node,
    value: Node,
}

impl Alike<'_, '_> {
    fn put<T: ?Sized + Serialize>(&mut self, node: Node, value: &T) -> Result<(), WriteError> {
        value.serialize(Slot { sink: self.sink, node })
    }
}

impl ser::SerializeSeq for Alike<'_, '_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), WriteError> {
        self.put(self.node, item)
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

impl ser::SerializeMap for Alike<'_, '_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), WriteError> {
        self.put(self.node, key)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), WriteError> {
        self.put(self.value, value)
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

/// A tuple.
struct Items<'s, 'a> {
    sink: &'s mut Sink<'a>,
    node: Node,
    at: usize,
}

impl Items<'_, '_> {
    fn put<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), WriteError> {
        let node = self.next()?;
        item.serialize(Slot { sink: self.sink, node })
    }

    fn next(&mut self) -> Result<Node, WriteError> {
        let Shape::Tuple(items) = self.sink.schema.shape(self.node) else { return Err(changes()) };
        let node = *items.get(self.at).ok_or_else(changes)?;
        self.at += 1;
        Ok(node)
    }
}

macro_rules! tuples {
    ($($trait:ident $put:ident,)*) => {$(
        impl ser::$trait for Items<'_, '_> {
            type Ok = ();
            type Error = WriteError;

            fn $put<T: ?Sized + Serialize>(&mut self, item: &T) -> Result<(), WriteError> {
                self.put(item)
            }

            fn end(self) -> Result<(), WriteError> {
                Ok(())
            }
        }
    )*};
}

tuples! {
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

/// A struct. The first one that is written teaches the schema its fields.
struct Fields<'s, 'a> {
    sink: &'s mut Sink<'a>,
    node: Node,
    at: usize,
    learning: bool,
}

impl Fields<'_, '_> {
    fn put<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), WriteError> {
        let node = self.next(name)?;
        value.serialize(Slot { sink: self.sink, node })
    }

    fn next(&mut self, name: &'static str) -> Result<Node, WriteError> {
        if self.learning {
            self.sink.schema.learn(self.node, Definition::Field(name.to_owned()))?;
        }
        let Shape::Struct(fields) = self.sink.schema.shape(self.node) else { return Err(changes()) };
        let field = fields.get(self.at).filter(|field| field.name == name).ok_or_else(changes)?;
        self.at += 1;
        Ok(field.node)
    }

    fn close(self) -> Result<(), WriteError> {
        match self.sink.schema.shape(self.node) {
            Shape::Struct(fields) if fields.len() == self.at => Ok(()),
            _ => Err(changes()),
        }
    }
}

macro_rules! structs {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for Fields<'_, '_> {
            type Ok = ();
            type Error = WriteError;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), WriteError> {
                self.put(name, value)
            }

            fn end(self) -> Result<(), WriteError> {
                self.close()
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant, }
