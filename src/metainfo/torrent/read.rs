//! Reads a torrent from the spans of its bencode.

mod hybrid;

use std::ops::Range;

use bytes::Bytes;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::{Fault, Info, MOST_TORRENT_BYTES, Torrent, Warning};
use crate::metainfo::bencode::{self, Document, Kind, Limits, Value};
use crate::metainfo::paths::{self, MOST_ELEMENTS, SafePath};
use crate::metainfo::urls::{MOST_TRACKERS, Urls};
use crate::metainfo::{Files, Geometry, InfoHash};
use crate::text;

pub(super) fn torrent(bytes: &[u8]) -> Result<Torrent, Fault> {
    let document = scan(bytes)?;
    let root = document.root();
    let info = required(root, "info", "a dictionary", dict)?;
    let mut warnings = file_warnings(&document);
    let is_v2 = hybrid::has_v2(info)?;
    if is_v2 && info.dict_get(b"pieces").is_none() {
        return Err(Fault::V2Only);
    }

    let piece_bytes =
        required(info, "info.piece length", "a whole number from 1 to 536870912 (512 MiB)", |value| {
            let bytes = u32::try_from(value.uint()?).ok()?;
            (1..=Geometry::MAX_PIECE_BYTES).contains(&bytes).then_some(bytes)
        })?;
    let info_hash = InfoHash(Sha1::digest(info.raw()).into());
    let utf8 = info.dict_get(b"name.utf-8").filter(|name| name.bytes().is_some());
    let written_name = match utf8 {
        Some(name) => name,
        None => required(info, "info.name", "a string", |name| name.bytes().map(|_| name))?,
    };
    let name_bytes = written_name.bytes().unwrap_or_default();
    if !name_bytes.is_empty() && name_bytes.iter().all(u8::is_ascii_control) {
        return Err(wrong("info.name", written_name, "a name, not control characters alone"));
    }
    let name = paths::safe_element(name_bytes).unwrap_or_else(|| info_hash.to_string());
    let files = files(info, &name, &mut warnings)?;
    if is_v2 {
        hybrid::validate(info, written_name, piece_bytes, &files)?;
    }
    let geometry = geometry(&files, piece_bytes)?;
    let hashes = hashes(info, geometry)?;
    let begin = (info.raw().as_ptr().addr() - bytes.as_ptr().addr()) as u64;
    let raw = Bytes::copy_from_slice(info.raw());
    let (trackers, web_seeds) = urls(root, &mut warnings);

    Ok(Torrent {
        name,
        info_hash,
        info_hash_v2: is_v2.then(|| Sha256::digest(info.raw()).into()),
        geometry,
        files,
        trackers,
        web_seeds,
        comment: string(root, "comment"),
        created_by: string(root, "created by"),
        creation_date: root.dict_get(b"creation date").and_then(Value::int),
        private: info.dict_get(b"private").and_then(Value::int).is_some_and(|flag| flag != 0),
        warnings,
        info: Info::new(raw, info_hash, begin, hashes),
    })
}

fn scan(bytes: &[u8]) -> Result<Document<'_>, Fault> {
    let start = bytes.trim_ascii_start();
    if start.is_empty() {
        return Err(Fault::Empty);
    }
    if start[0] == b'<' {
        return Err(Fault::WebPage);
    }
    let document = bencode::parse(bytes, Limits::bytes(MOST_TORRENT_BYTES as usize))?;
    if document.root().kind() != Kind::Dict {
        return Err(Fault::Bencode(bencode::BencodeError::Unexpected {
            offset: 0,
            expected: "a dictionary (`d`)",
            found: bytes.first().copied(),
        }));
    }
    Ok(document)
}

fn file_warnings(document: &Document<'_>) -> Vec<Warning> {
    let trailing = document.trailing();
    let trailing = (!trailing.trim_ascii().is_empty()).then_some(Warning::TrailingBytes(trailing.len()));
    let disorder = document.disorder().map(|disorder| Warning::KeysOutOfOrder(disorder.offset));
    trailing.into_iter().chain(disorder).collect()
}

fn files(info: Value<'_>, name: &str, warnings: &mut Vec<Warning>) -> Result<Files, Fault> {
    let Some(list) = info.dict_get(b"files") else {
        let length = required(info, "info.length", LENGTH, length)?;
        return Files::lay_out([(SafePath::new([name.as_bytes()]), length, false)]).ok_or(Fault::Overflow);
    };
    let entries = list.list().ok_or_else(|| wrong("info.files", list, "a list"))?;
    let mut symlinks = 0;
    let mut found = Vec::new();
    for (number, entry) in entries.enumerate() {
        if is_symlink(entry) {
            symlinks += 1;
            continue;
        }
        found.push(file(entry, number, name, has_attribute(entry, b'p'))?);
    }
    if found.is_empty() {
        return Err(wrong("info.files", list, "a list of at least one file"));
    }
    let mut files = Files::lay_out(found).ok_or(Fault::Overflow)?;
    let renamed = paths::tell_apart(files.paths_mut()).ok_or(Fault::TooManyDuplicates)?;
    warnings.extend((renamed > 0).then_some(Warning::FilesRenamed(renamed)));
    warnings.extend((symlinks > 0).then_some(Warning::SymlinksLeftOut(symlinks)));
    Ok(files)
}

/// Whether it is a symbolic link (BEP 47).
fn is_symlink(entry: Value<'_>) -> bool {
    has_attribute(entry, b'l')
}

fn has_attribute(entry: Value<'_>, attribute: u8) -> bool {
    entry.dict_get(b"attr").and_then(Value::bytes).is_some_and(|attributes| attributes.contains(&attribute))
}

/// The list of a file's path, in UTF-8 where that is there.
fn path_of(entry: Value<'_>) -> Option<Value<'_>> {
    [&b"path.utf-8"[..], b"path"]
        .iter()
        .find_map(|key| entry.dict_get(key).filter(|path| path.kind() == Kind::List))
}

/// What the name of a padding file begins with where a client marks it by name only.
const PAD_NAME: &str = "_____padding_file_";

fn file(entry: Value<'_>, number: usize, name: &str, pad: bool) -> Result<(SafePath, u64, bool), Fault> {
    let field = |key: &str| format!("info.files[{number}]{key}");
    if entry.kind() != Kind::Dict {
        return Err(wrong(&field(""), entry, "a dictionary"));
    }
    let length = required(entry, &field(".length"), LENGTH, length)?;
    let elements: Option<Vec<&[u8]>> = match path_of(entry).and_then(Value::list) {
        Some(items) => items.take(MOST_ELEMENTS + 1).map(Value::bytes).collect(),
        None => Some(Vec::new()),
    };
    let path = match elements {
        Some(elements) if (1..=MOST_ELEMENTS).contains(&elements.len()) => {
            SafePath::new([name.as_bytes()].into_iter().chain(elements))
        }
        Some(elements) if elements.is_empty() && pad => {
            SafePath::new([name.as_bytes(), b".pad", length.to_string().as_bytes()])
        }
        _ => {
            let expected = format!("a list of 1 to {MOST_ELEMENTS} strings");
            return Err(match entry.dict_get(b"path") {
                Some(path) => wrong(&field(".path"), path, &expected),
                None => Fault::Field { field: field(".path"), offset: None, expected, found: None },
            });
        }
    };
    let pad = pad || path.file_name().starts_with(PAD_NAME);
    Ok((path, length, pad))
}

fn geometry(files: &Files, piece_bytes: u32) -> Result<Geometry, Fault> {
    let total_bytes = files.total_bytes();
    if files.iter().all(|file| file.pad || file.length == 0) {
        return Err(Fault::NoContent);
    }
    let pieces = total_bytes.div_ceil(u64::from(piece_bytes));
    Geometry::new(total_bytes, piece_bytes).ok_or(Fault::TooManyPieces { total_bytes, piece_bytes, pieces })
}

/// Where in the raw bytes of `info` the hashes of the pieces are.
fn hashes(info: Value<'_>, geometry: Geometry) -> Result<Range<usize>, Fault> {
    let bytes = required(info, "info.pieces", "a string whose length is a multiple of 20", |value| {
        value.bytes().filter(|bytes| bytes.len().is_multiple_of(20))
    })?;
    let (hashes, _) = bytes.as_chunks::<20>();
    if hashes.len() != geometry.piece_count() as usize {
        return Err(Fault::HashCount {
            found: hashes.len() as u64,
            expected: u64::from(geometry.piece_count()),
            total_bytes: geometry.total_bytes(),
            piece_bytes: geometry.piece_bytes(),
        });
    }
    let begin = bytes.as_ptr().addr() - info.raw().as_ptr().addr();
    Ok(begin..begin + bytes.len())
}

/// Trackers by tier, and web seeds.
fn urls(root: Value<'_>, warnings: &mut Vec<Warning>) -> (Vec<Vec<String>>, Vec<String>) {
    let mut urls = Urls::default();
    let mut usable = |value: Value<'_>| urls.take(value.str());

    let mut trackers: Vec<Vec<String>> = Vec::new();
    for tier in root.dict_get(b"announce-list").and_then(Value::list).into_iter().flatten() {
        trackers.push(one_or_many(tier).filter_map(&mut usable).collect());
    }
    trackers.retain(|tier| !tier.is_empty());
    if trackers.is_empty() {
        trackers.extend(root.dict_get(b"announce").and_then(&mut usable).map(|url| vec![url]));
    }
    let web_seeds = root.dict_get(b"url-list").into_iter().flat_map(one_or_many).filter_map(usable).collect();

    let left_out = keep_first(&mut trackers, MOST_TRACKERS);
    warnings.extend((urls.bad > 0).then_some(Warning::BadUrls(urls.bad)));
    warnings.extend((left_out > 0).then_some(Warning::TrackersLeftOut(left_out)));
    (trackers, web_seeds)
}

/// The values of a list, or the value itself where it is none: both are written.
fn one_or_many(value: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let one = value.list().is_none().then_some(value);
    value.list().into_iter().flatten().chain(one)
}

/// Cuts the tiers after `most` URLs and tells how many were cut off.
fn keep_first(tiers: &mut Vec<Vec<String>>, most: usize) -> usize {
    let all: usize = tiers.iter().map(Vec::len).sum();
    let mut left = most;
    for tier in tiers.iter_mut() {
        tier.truncate(left);
        left -= tier.len();
    }
    tiers.retain(|tier| !tier.is_empty());
    all.saturating_sub(most)
}

fn string(root: Value<'_>, key: &str) -> Option<String> {
    let utf8 = root.dict_get(format!("{key}.utf-8").as_bytes()).and_then(Value::bytes);
    let bytes = utf8.or_else(|| root.dict_get(key.as_bytes()).and_then(Value::bytes))?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

const LENGTH: &str = "a length in bytes (a whole number, not negative, of at most 63 bits)";

fn length(value: Value<'_>) -> Option<u64> {
    value.int().and_then(|length| u64::try_from(length).ok())
}

fn dict(value: Value<'_>) -> Option<Value<'_>> {
    (value.kind() == Kind::Dict).then_some(value)
}

/// Reads what stands under the last part of `field`, the name as errors show it.
fn required<'d, T>(
    dict: Value<'d>,
    field: &str,
    expected: &str,
    read: impl FnOnce(Value<'d>) -> Option<T>,
) -> Result<T, Fault> {
    let key = field.rsplit('.').next().unwrap_or_default();
    let Some(value) = dict.dict_get(key.as_bytes()) else {
        return Err(Fault::Field {
            field: field.to_owned(),
            offset: None,
            expected: expected.to_owned(),
            found: None,
        });
    };
    read(value).ok_or_else(|| wrong(field, value, expected))
}

fn wrong(field: &str, value: Value<'_>, expected: &str) -> Fault {
    let found = match value.kind() {
        Kind::Bytes => format!("a string of {} bytes", value.bytes().unwrap_or_default().len()),
        Kind::Int => text::clean_bytes(&value.raw()[1..value.raw().len() - 1], 24),
        Kind::List => match value.list().map_or(0, Iterator::count) {
            0 => "an empty list".to_owned(),
            items => format!("a list of {items}"),
        },
        Kind::Dict => "a dictionary".to_owned(),
    };
    Fault::Field {
        field: field.to_owned(),
        offset: Some(value.span().start),
        expected: expected.to_owned(),
        found: Some(found),
    }
}
