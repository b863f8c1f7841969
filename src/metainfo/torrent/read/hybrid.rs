//! Holds the two parts of a hybrid torrent against each other: both must describe the same files (BEP 52).
//!
//! Peers of version 1 and of version 2 would otherwise share different files under one name. The rules are those
//! of libtorrent: files come in the same order with the same paths and lengths, and in version 1 each begins where
//! it begins in version 2, at the start of a piece. An empty file may have another path.

use super::{LENGTH, is_symlink, length, path_of, required, wrong};
use crate::metainfo::bencode::{Kind, Value};
use crate::metainfo::torrent::Fault;
use crate::metainfo::{File, Files};
use crate::text;

/// Characters of a foreign path or name in an error.
const SHOWN_CHARS: usize = 120;
/// Where errors say version 2 has it.
const TREE: &str = "`info.file tree`";
/// The shortest piece of version 2; every piece is a power of two.
const LEAST_PIECE_BYTES: u32 = 16384;

/// Whether the torrent has a part of version 2.
///
/// # Errors
/// Where `meta version` is above 2, or stands against the rest of `info`.
pub(super) fn has_v2(info: Value<'_>) -> Result<bool, Fault> {
    let version = info.dict_get(b"meta version");
    if let Some(value) = version.filter(|value| value.uint().is_some_and(|version| version > 2)) {
        return Err(wrong("info.meta version", value, "1 or 2"));
    }
    let is_v2 = version.and_then(Value::uint) == Some(2);
    if is_v2 || info.dict_get(b"file tree").is_none() {
        return Ok(is_v2);
    }
    let expected = "2, because `info.file tree` is there";
    Err(match version {
        Some(value) => wrong("info.meta version", value, expected),
        None => missing("info.meta version", expected.to_owned()),
    })
}

/// Compares the part of version 2 with the files of version 1; `name` is where their name was read.
///
/// # Errors
/// The first field of either that contradicts the other, or that no torrent of version 2 may have.
pub(super) fn validate(
    info: Value<'_>,
    name: Value<'_>,
    piece_bytes: u32,
    files: &Files,
) -> Result<(), Fault> {
    if !piece_bytes.is_power_of_two() || piece_bytes < LEAST_PIECE_BYTES {
        let value = info.dict_get(b"piece length").unwrap_or(info);
        let expected = format!("a power of two of at least {LEAST_PIECE_BYTES}, as version 2 needs");
        return Err(wrong("info.piece length", value, &expected));
    }
    let tree = required(info, "info.file tree", "a dictionary, because `info.meta version` is 2", |tree| {
        (tree.kind() == Kind::Dict).then_some(tree)
    })?;
    let mut v1 = v1_files(info, name, files);
    let mut v2_end = 0u64;
    walk(tree, &mut Vec::new(), &mut |path, properties| {
        let bytes = v2_length(path, properties)?;
        let begins = v2_end.checked_next_multiple_of(u64::from(piece_bytes)).ok_or(Fault::Overflow)?;
        if bytes > 0 {
            v2_end = begins.checked_add(bytes).ok_or(Fault::Overflow)?;
        }
        let file = v1.next().ok_or_else(|| {
            let list = if info.dict_get(b"files").is_some() { "info.files" } else { "info.length" };
            missing(list, format!("a further file, {} as in {TREE}", shown(path)))
        })?;
        file.agrees(path, bytes, begins)
    })?;
    match v1.next() {
        Some(file) => Err(file.path_contradicts("no further file")),
        None => Ok(()),
    }
}

/// Calls `each` for every file below `node`: its path and its properties. No deeper than the scanner goes.
fn walk<'d>(
    node: Value<'d>,
    path: &mut Vec<&'d [u8]>,
    each: &mut impl FnMut(&[&'d [u8]], Value<'d>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for (name, child) in node.dict().into_iter().flatten() {
        path.push(name);
        let properties = child.dict_get(b"");
        match properties {
            _ if child.kind() != Kind::Dict || name.is_empty() => {
                return Err(wrong(&tree_field(path), child, "a dictionary of names"));
            }
            Some(_) if child.dict().is_some_and(|entries| entries.count() > 1) => {
                return Err(wrong(&tree_field(path), child, "either a file or a folder, not both"));
            }
            Some(properties) => each(path, properties)?,
            None => walk(child, path, each)?,
        }
        path.pop();
    }
    Ok(())
}

fn v2_length(path: &[&[u8]], properties: Value<'_>) -> Result<u64, Fault> {
    let field = |key: &str| format!("{}.{key}", tree_field(path));
    let bytes = required(properties, &field("length"), LENGTH, length)?;
    if bytes > 0 {
        required(properties, &field("pieces root"), "a SHA-256 of 32 bytes, not all zero", |root| {
            root.bytes().filter(|root| root.len() == 32 && root.iter().any(|&byte| byte != 0))
        })?;
    }
    Ok(bytes)
}

/// A file of version 1 with what is written about it.
struct V1File<'d> {
    /// Its place in `info.files`, which a torrent of one file has not.
    number: Option<usize>,
    /// The dictionary with its length.
    entry: Value<'d>,
    /// The list of its path, or the name in a torrent of one file.
    path: Value<'d>,
    file: &'d File,
}

/// The files of version 1 in order, without padding and links.
fn v1_files<'d>(info: Value<'d>, name: Value<'d>, files: &'d Files) -> impl Iterator<Item = V1File<'d>> {
    let list = info.dict_get(b"files").and_then(Value::list);
    let single = list.is_none().then_some((None, info, Some(name)));
    let listed = list.into_iter().flatten().enumerate().filter(|(_, entry)| !is_symlink(*entry));
    let listed = listed.map(|(number, entry)| (Some(number), entry, path_of(entry)));
    let written = listed.chain(single).zip(files).filter(|(_, file)| !file.pad);
    written.filter_map(|((number, entry, path), file)| Some(V1File { number, entry, path: path?, file }))
}

impl V1File<'_> {
    /// Whether version 2 has the same: this path, so many bytes, the first of them at `begins`.
    fn agrees(&self, path: &[&[u8]], bytes: u64, begins: u64) -> Result<(), Fault> {
        let is_empty = bytes == 0 && self.file.length == 0;
        if !is_empty && !self.has_path(path) {
            return Err(self.path_contradicts(&shown(path)));
        }
        let field = self.number.map_or_else(|| "info".to_owned(), |number| format!("info.files[{number}]"));
        if self.file.length != bytes {
            let at = self.entry.dict_get(b"length").unwrap_or(self.entry);
            return Err(contradiction(
                format!("{field}.length"),
                at,
                &bytes.to_string(),
                self.file.length.to_string(),
            ));
        }
        if !is_empty && self.file.offset != begins {
            let expected = format!("its first byte at {begins} of the torrent");
            return Err(contradiction(field, self.entry, &expected, self.file.offset.to_string()));
        }
        Ok(())
    }

    fn has_path(&self, path: &[&[u8]]) -> bool {
        let path = path.iter().map(|name| Some(*name));
        match self.path.list() {
            Some(elements) => elements.map(Value::bytes).eq(path),
            None => [self.path.bytes()].into_iter().eq(path),
        }
    }

    fn path_contradicts(&self, expected: &str) -> Fault {
        let field =
            self.number.map_or_else(|| "info.name".to_owned(), |number| format!("info.files[{number}].path"));
        let elements: Vec<&[u8]> = match self.path.list() {
            Some(elements) => elements.filter_map(Value::bytes).collect(),
            None => self.path.bytes().into_iter().collect(),
        };
        contradiction(field, self.path, expected, shown(&elements))
    }
}

fn contradiction(field: String, at: Value<'_>, expected: &str, found: String) -> Fault {
    let expected = format!("{expected} as in {TREE}");
    Fault::Field { field, offset: Some(at.span().start), expected, found: Some(found) }
}

fn missing(field: &str, expected: String) -> Fault {
    Fault::Field { field: field.to_owned(), offset: None, expected, found: None }
}

fn tree_field(path: &[&[u8]]) -> String {
    format!("info.file tree.{}", shown(path))
}

fn shown(path: &[&[u8]]) -> String {
    text::clean_bytes(&path.join(&b'/'), SHOWN_CHARS)
}
