//! What stands where in the bodies of a recording, told by names.
//!
//! A body holds values one after the other and no names ([postcard](https://docs.rs/postcard)'s wire format). The
//! schema says what they are: a tree of nodes, each with the shape of the value that stands there. It is learned
//! while values are written ([`mod@write`]): what a node is stands in the file before the first value that needs it,
//! and is never told twice. Readers ask by name ([`mod@read`]): a field that was not written is missing, a
//! field that nobody asks for is skipped, and a kind that the reader does not know is reported as such.
//!
//! So a type that is written gets a new field (with `#[serde(default)]`, or an `Option`) or a new kind in one place, its
//! own declaration.

mod read;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

pub(super) use read::{ReadError, Unknown, read};
pub(super) use write::{WriteError, write};

use crate::event::Invalid;
use crate::event::validate::ensure;

/// Nodes of a schema; ours have about a thousand.
const MOST_NODES: usize = 1 << 16;
/// Nodes above each other.
const MOST_DEPTH: u8 = 32;
/// Bytes of a name.
const LONGEST_NAME: usize = 200;
/// Nodes that are there from the start: one for each [`Root`], some to spare.
const ROOTS: usize = 8;

/// What a body, or a part of it, holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Root {
    /// The facts of a torrent.
    Facts,
    /// A snapshot.
    Snapshot,
    /// One of the entries of a second.
    Entry,
    /// A peer's sample, whose numbers entries tell by what changed.
    Sample,
}

impl Root {
    fn node(self) -> Node {
        Node(self as u32)
    }
}

/// A place in the tree, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Node(u32);

/// A value that holds no others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Leaf {
    /// No bytes at all.
    Unit,
    /// One byte, 0 or 1.
    Bool,
    /// One byte.
    Byte,
    /// One byte in two's complement.
    SignedByte,
    /// Seven bits a byte, the lowest first.
    Unsigned,
    /// The same of a number folded so that small negative ones are short.
    Signed,
    /// Eight bytes.
    Float,
    /// Its length in bytes, and UTF-8.
    Text,
    /// Their number, and the bytes.
    Bytes,
}

#[derive(Clone, PartialEq, Debug)]
enum Shape {
    /// Nothing was written there yet.
    Unseen,
    Leaf(Leaf),
    /// A byte, 0 or 1; after 1 the value.
    Option(Node),
    /// Their number, and the values.
    List(Node),
    /// Their number, and keys and values in turn.
    Table(Node, Node),
    /// Values of several shapes.
    Tuple(Vec<Node>),
    /// Values with names.
    Struct(Vec<Field>),
    /// The number of a kind, and its value.
    Kinds(Vec<Kind>),
}

#[derive(Clone, PartialEq, Debug)]
struct Field {
    name: String,
    node: Node,
}

#[derive(Clone, PartialEq, Debug)]
struct Kind {
    number: u32,
    name: String,
    node: Node,
}

/// One thing more that is known of a node. Nodes below it get the next free numbers, in their order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Addition {
    node: Node,
    what: Definition,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Definition {
    Leaf(Leaf),
    Option,
    List,
    Table,
    Tuple(u32),
    /// A struct; its fields follow.
    Struct,
    /// The next field of a struct.
    Field(String),
    /// A kind, of the first of which a node is known to have kinds.
    Kind(u32, String),
}

/// The schema of a recording, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    shapes: Vec<Shape>,
    /// How far below its root each node is.
    depths: Vec<u8>,
    /// What was learned and not written down yet.
    added: Vec<Addition>,
}

impl Default for Schema {
    fn default() -> Self {
        Self { shapes: vec![Shape::Unseen; ROOTS], depths: vec![0; ROOTS], added: Vec::new() }
    }
}

impl Schema {
    fn shape(&self, node: Node) -> &Shape {
        // Every number that stands in a shape has a node.
        self.shapes.get(node.0 as usize).unwrap_or(&Shape::Unseen)
    }

    /// What was learned since this was asked last, as it is written down; `None` when nothing was.
    pub(super) fn take_added(&mut self) -> Option<Vec<u8>> {
        let added = std::mem::take(&mut self.added);
        let written =
            || postcard::to_stdvec(&added).expect("additions are plain data, and a vector takes all of it");
        (!added.is_empty()).then(written)
    }

    /// Takes in what was written down.
    ///
    /// # Errors
    ///
    /// When no schema can have grown like this.
    pub(super) fn read_added(&mut self, body: &[u8]) -> Result<(), Invalid> {
        const UNREADABLE: Invalid = Invalid("a schema that cannot be read");
        let mut rest = body;
        let (count, behind) = postcard::take_from_bytes::<u32>(rest).map_err(|_| UNREADABLE)?;
        rest = behind;
        for _ in 0..count {
            let (addition, behind) = postcard::take_from_bytes(rest).map_err(|_| UNREADABLE)?;
            rest = behind;
            self.apply(&addition)?;
        }
        ensure(rest.is_empty(), UNREADABLE.0)
    }

    /// Learns something, to be written down.
    fn learn(&mut self, node: Node, what: Definition) -> Result<(), Invalid> {
        let addition = Addition { node, what };
        self.apply(&addition)?;
        self.added.push(addition);
        Ok(())
    }

    fn apply(&mut self, addition: &Addition) -> Result<(), Invalid> {
        let Addition { node, what } = addition;
        let node = *node;
        ensure((node.0 as usize) < self.shapes.len(), "a schema that names a node before it is there")?;
        let fresh = *self.shape(node) == Shape::Unseen;
        let shape = match what {
            Definition::Field(name) => {
                let child = self.below(node)?;
                let Some(Shape::Struct(fields)) = self.shapes.get_mut(node.0 as usize) else {
                    return Err(Invalid("a schema with a field of something else"));
                };
                fields.push(Field { name: named(name)?, node: child });
                return Ok(());
            }
            Definition::Kind(number, name) => {
                let kind = Kind { number: *number, name: named(name)?, node: self.below(node)? };
                match self.shapes.get_mut(node.0 as usize) {
                    Some(Shape::Kinds(kinds)) => {
                        ensure(
                            kinds.iter().all(|known| known.number != *number),
                            "a schema with a kind twice",
                        )?;
                        kinds.push(kind);
                        return Ok(());
                    }
                    _ => Shape::Kinds(vec![kind]),
                }
            }
            Definition::Leaf(leaf) => Shape::Leaf(*leaf),
            Definition::Option => Shape::Option(self.below(node)?),
            Definition::List => Shape::List(self.below(node)?),
            Definition::Table => Shape::Table(self.below(node)?, self.below(node)?),
            Definition::Tuple(count) => {
                Shape::Tuple((0..*count).map(|_| self.below(node)).collect::<Result<_, _>>()?)
            }
            Definition::Struct => Shape::Struct(Vec::new()),
        };
        ensure(fresh, "a schema that changes")?;
        if let Some(place) = self.shapes.get_mut(node.0 as usize) {
            *place = shape;
        }
        Ok(())
    }

    /// A new node below this one.
    fn below(&mut self, node: Node) -> Result<Node, Invalid> {
        let depth = self.depths.get(node.0 as usize).map_or(0, |depth| depth + 1);
        ensure(self.shapes.len() < MOST_NODES && depth <= MOST_DEPTH, "a schema larger than any can be")?;
        self.shapes.push(Shape::Unseen);
        self.depths.push(depth);
        Ok(Node(self.shapes.len() as u32 - 1))
    }

    /// The names of the fields of what stands at this root, where that is a struct of nothing but numbers.
    pub(super) fn numbers(&self, root: Root) -> Option<Vec<&str>> {
        let Shape::Struct(fields) = self.shape(root.node()) else { return None };
        let number =
            |field: &Field| matches!(self.shape(field.node), Shape::Leaf(Leaf::Unsigned | Leaf::Bool));
        fields.iter().all(number).then(|| fields.iter().map(|field| &field.name[..]).collect())
    }
}

/// Appends a number as [`Leaf::Unsigned`] has it.
pub(super) fn unsigned(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn named(name: &str) -> Result<String, Invalid> {
    ensure(name.len() <= LONGEST_NAME, "a schema with a name longer than any")?;
    Ok(name.to_owned())
}

/// A shape written by hand: how a schema is told that does not stand in the file.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Leaf(Leaf),
    Option(Box<Self>),
    List(Box<Self>),
    Table(Box<Self>, Box<Self>),
    Tuple(Vec<Self>),
    Struct(Vec<(&'static str, Self)>),
    /// Kinds, numbered from 0.
    Kinds(Vec<(&'static str, Self)>),
}

impl Schema {
    /// The schema whose roots are these.
    pub(super) fn of(roots: impl IntoIterator<Item = (Root, Form)>) -> Self {
        let mut schema = Self::default();
        for (root, form) in roots {
            schema.plant(root.node(), form).expect("a schema that fits its own bounds");
        }
        schema.added.clear();
        schema
    }

    fn plant(&mut self, node: Node, form: Form) -> Result<(), Invalid> {
        let next = |schema: &Self| Node(schema.shapes.len() as u32);
        let first = next(self);
        match form {
            Form::Leaf(leaf) => self.learn(node, Definition::Leaf(leaf))?,
            Form::Option(value) => {
                self.learn(node, Definition::Option)?;
                self.plant(first, *value)?;
            }
            Form::List(item) => {
                self.learn(node, Definition::List)?;
                self.plant(first, *item)?;
            }
            Form::Table(key, value) => {
                self.learn(node, Definition::Table)?;
                self.plant(first, *key)?;
                self.plant(Node(first.0 + 1), *value)?;
            }
            Form::Tuple(items) => {
                self.learn(node, Definition::Tuple(items.len() as u32))?;
                for (at, item) in (first.0..).zip(items) {
                    self.plant(Node(at), item)?;
                }
            }
            Form::Struct(fields) => {
                self.learn(node, Definition::Struct)?;
                for (name, field) in fields {
                    let at = next(self);
                    self.learn(node, Definition::Field(name.to_owned()))?;
                    self.plant(at, field)?;
                }
            }
            Form::Kinds(kinds) => {
                for (number, (name, kind)) in (0..).zip(kinds) {
                    let at = next(self);
                    self.learn(node, Definition::Kind(number, name.to_owned()))?;
                    self.plant(at, kind)?;
                }
            }
        }
        Ok(())
    }
}
