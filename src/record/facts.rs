//! What stays the same of a torrent, and what a ledger knew of it, written down.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::schema::{self, ReadError, Root, Schema, Unknown, WriteError};
use crate::event::validate::{bounded, ensure, sanitise};
use crate::event::{Invalid, TorrentKey};
use crate::ledger::{FileFacts, Snapshot, TorrentFacts};
use crate::metainfo::{Geometry, InfoHash};

/// Files of a torrent: more do not fit into the values that one may have.
const MOST_FILES: usize = 1_000_000;

#[derive(Serialize, Deserialize)]
struct Facts {
    #[serde(default)]
    torrent: TorrentKey,
    /// Unknown as long as the metadata are on their way (BEP 9).
    name: Option<String>,
    info_hash: InfoHash,
    /// Unknown as long as the metadata are on their way.
    geometry: Option<Geometry>,
    #[serde(default)]
    private: bool,
    #[serde(default, deserialize_with = "bounded::<_, _, MOST_FILES>")]
    files: Vec<FileFacts>,
    #[serde(default)]
    output: String,
    #[serde(default)]
    peer_id: String,
}

/// Appends the facts of a torrent.
pub(super) fn write(
    schema: &mut Schema,
    torrent: TorrentKey,
    facts: &TorrentFacts,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let TorrentFacts { name, info_hash, geometry, private, files, output, peer_id } = facts.clone();
    let output = output.to_string_lossy().into_owned();
    let (name, geometry) = (Some(name), Some(geometry));
    let facts = Facts { torrent, name, info_hash, geometry, private, files, output, peer_id };
    schema::write(schema, Root::Facts, &facts, out)
}

/// The facts of a torrent; `None` as long as it is not known what it is made of.
pub(super) fn read(schema: &Schema, body: &[u8]) -> Result<(TorrentKey, Option<Arc<TorrentFacts>>), Invalid> {
    let read = schema::read::<Facts>(schema, &mut Unknown::default(), Root::Facts, body);
    let (facts, _) = read.map_err(|_| Invalid("facts of the torrent that cannot be read"))?;
    let Facts { torrent, name, info_hash, geometry, private, mut files, mut output, mut peer_id } = facts;
    let Some(geometry) = geometry else { return Ok((torrent, None)) };
    let inside = files.iter().all(|file| {
        let end = file.offset_bytes.checked_add(file.length_bytes);
        end.is_some_and(|end| end <= geometry.total_bytes())
    });
    ensure(inside, "a file outside its torrent")?;
    let mut name = name.unwrap_or_else(|| info_hash.to_string());
    let paths = files.iter_mut().map(|file| &mut file.path);
    paths.chain([&mut name, &mut output, &mut peer_id]).for_each(sanitise);
    let output = output.into();
    let facts = TorrentFacts { name, info_hash, geometry, private, files, output, peer_id };
    Ok((torrent, Some(Arc::new(facts))))
}

/// What the ledger of a torrent knows. The body of a snapshot holds those of all torrents, one after the other.
#[derive(Serialize, Deserialize)]
struct Known<L> {
    #[serde(default)]
    torrent: TorrentKey,
    ledger: L,
}

/// Appends what the ledger of a torrent knows.
pub(super) fn write_ledger(
    schema: &mut Schema,
    torrent: TorrentKey,
    ledger: &Snapshot,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    schema::write(schema, Root::Snapshot, &Known { torrent, ledger }, out)
}

/// What the ledger of this torrent knew; `None` where it is not in the snapshot.
pub(super) fn read_ledger(
    schema: &Schema,
    unknown: &mut Unknown,
    torrent: TorrentKey,
    mut body: &[u8],
) -> Result<Option<Snapshot>, ReadError> {
    while !body.is_empty() {
        let (known, rest) = schema::read::<Known<IgnoredAny>>(schema, unknown, Root::Snapshot, body)?;
        if known.torrent == torrent {
            let read = schema::read::<Known<Snapshot>>(schema, unknown, Root::Snapshot, body);
            return read.map(|(known, _)| Some(known.ledger));
        }
        if rest.len() == body.len() {
            return Err(ReadError::broken("a ledger without bytes"));
        }
        body = rest;
    }
    Ok(None)
}
