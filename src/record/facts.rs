//! What stays the same of a torrent, and what a ledger knew of it, written down.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::schema::{self, ReadError, Root, Schema, Unknown, WriteError};
use crate::event::validate::{bounded, ensure, sanitise};
use crate::event::{Invalid, TorrentKey};
use crate::ledger::{FileFacts, Metadata, Snapshot, TorrentFacts};
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
    /// What a magnet calls it.
    #[serde(default)]
    magnet_name: Option<String>,
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
    let TorrentFacts { info_hash, metadata, magnet_name, output, peer_id } = facts.clone();
    let output = output.to_string_lossy().into_owned();
    let (name, geometry, private, files) = match metadata {
        Some(Metadata { name, geometry, private, files }) => (Some(name), Some(geometry), private, files),
        None => (None, None, false, Vec::new()),
    };
    let facts = Facts { torrent, name, info_hash, geometry, private, files, magnet_name, output, peer_id };
    schema::write(schema, Root::Facts, &facts, out)
}

/// The facts of a torrent, as far as they are known.
pub(super) fn read(schema: &Schema, body: &[u8]) -> Result<(TorrentKey, Arc<TorrentFacts>), Invalid> {
    let read = schema::read::<Facts>(schema, &mut Unknown::default(), Root::Facts, body);
    let (facts, _) = read.map_err(|_| Invalid("facts of the torrent that cannot be read"))?;
    let Facts {
        torrent,
        name,
        info_hash,
        geometry,
        private,
        files,
        mut magnet_name,
        mut output,
        mut peer_id,
    } = facts;
    magnet_name.iter_mut().chain([&mut output, &mut peer_id]).for_each(sanitise);
    let name = name.unwrap_or_else(|| info_hash.to_string());
    let metadata = geometry.map(|geometry| metadata(name, geometry, private, files)).transpose()?;
    let output = output.into();
    Ok((torrent, Arc::new(TorrentFacts { info_hash, metadata, magnet_name, output, peer_id })))
}

/// What a torrent is made of, if any can be made so.
fn metadata(
    mut name: String,
    geometry: Geometry,
    private: bool,
    mut files: Vec<FileFacts>,
) -> Result<Metadata, Invalid> {
    let inside = files.iter().all(|file| {
        let end = file.offset_bytes.checked_add(file.length_bytes);
        end.is_some_and(|end| end <= geometry.total_bytes())
    });
    ensure(inside, "a file outside its torrent")?;
    files.iter_mut().map(|file| &mut file.path).chain([&mut name]).for_each(sanitise);
    Ok(Metadata { name, geometry, private, files })
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
