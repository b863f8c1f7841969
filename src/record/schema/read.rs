//! Bytes to values, by the names that the schema has for them.

mod source;
mod value;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize};
use thiserror::Error;

use self::source::Source;
use self::value::Value;
use super::{Node, Root, Schema};

/// Kinds that a file may have and we do not know, before it is not worth trying.
const MOST_UNKNOWN: usize = 64;

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
        let mut source = Source::new(schema, unknown, bytes);
        let met = RefCell::new(None);
        let error = match T::deserialize(Value { source: &mut source, node: root.node(), met: &met }) {
            Ok(value) => return Ok((value, source.rest())),
            Err(error) => error,
        };
        // Now that it is known to be unknown, it may be left out.
        let met = met.into_inner().filter(|_| matches!(error, ReadError::Unknown(_)));
        if !met.is_some_and(|met| unknown.0.len() < MOST_UNKNOWN && unknown.0.insert(met)) {
            return Err(error);
        }
    }
}
