//! The torrent's facts, written down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::Unsound;
use crate::event::sound::{few, shown, sound};
use crate::ledger::{FileFacts, TorrentFacts};
use crate::metainfo::{Geometry, InfoHash};

/// Files of a torrent: more do not fit into the values that one may have.
const MOST_FILES: usize = 1_000_000;

#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    info_hash: InfoHash,
    geometry: Geometry,
    private: bool,
    #[serde(deserialize_with = "few::<_, _, MOST_FILES>")]
    files: Vec<FileFacts>,
    output: String,
    peer_id: String,
}

pub(super) fn write(facts: &TorrentFacts) -> Vec<u8> {
    let TorrentFacts { name, info_hash, geometry, private, files, output, peer_id } = facts.clone();
    let output = output.to_string_lossy().into_owned();
    let written = Written { name, info_hash, geometry, private, files, output, peer_id };
    postcard::to_stdvec(&written).expect("facts are plain data, and a vector takes all of it")
}

pub(super) fn read(body: &[u8]) -> Result<Arc<TorrentFacts>, Unsound> {
    let written: Written =
        postcard::from_bytes(body).map_err(|_| Unsound("facts of the torrent that cannot be read"))?;
    let Written { mut name, info_hash, geometry, private, mut files, mut output, mut peer_id } = written;
    let inside = files.iter().all(|file| {
        let end = file.offset_bytes.checked_add(file.length_bytes);
        end.is_some_and(|end| end <= geometry.total_bytes())
    });
    sound(inside, "a file outside its torrent")?;
    let paths = files.iter_mut().map(|file| &mut file.path);
    paths.chain([&mut name, &mut output, &mut peer_id]).for_each(shown);
    let output = output.into();
    Ok(Arc::new(TorrentFacts { name, info_hash, geometry, private, files, output, peer_id }))
}
