//! A magnet until its metadata is here, and what is done with it then.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::super::EngineError;
use super::super::disk::DiskDone;
use super::super::mailbox;
use super::super::opening::{Opening, Told};
use crate::event::{Event, Severity};
use crate::metainfo::{Magnet, Torrent};
use crate::storage;

/// What is wanted of a magnet.
pub(in crate::engine) struct Awaited {
    pub(in crate::engine) magnet: Box<Magnet>,
    pub(in crate::engine) opening: Opening,
    /// Its metadata alone is wanted, as a torrent file in the output folder.
    pub(in crate::engine) metadata_only: bool,
}

/// A torrent and its file, made of the metadata.
pub(super) struct Found {
    pub(super) torrent: Arc<Torrent>,
    file: Vec<u8>,
}

impl Awaited {
    /// The torrent of `info`, whose hash is right.
    ///
    /// # Errors
    ///
    /// When it cannot be downloaded all the same.
    pub(super) fn found(&self, info: &[u8]) -> Result<Found, EngineError> {
        let (torrent, file) = self.magnet.torrent(info).map_err(EngineError::Metadata)?;
        Ok(Found { torrent: Arc::new(torrent), file })
    }

    /// Goes on with the torrent: remembers its file for the next run and opens its place on the disk, or saves the file
    /// where that is all that is wanted.
    pub(super) async fn go_on(
        opening: Opening,
        metadata_only: bool,
        found: Found,
        disk: mailbox::UnboundedSender<DiskDone>,
        told: mailbox::UnboundedSender<Told>,
    ) {
        let Found { torrent, file } = found;
        if metadata_only {
            let path = torrent_path(&opening, &torrent);
            let saved = spawn_blocking(move || storage::save_metadata(&path, &file)).await;
            let saved = saved.map_err(|_| EngineError::Internal).and_then(|saved| Ok(saved?));
            // Nobody listens only when the run is over.
            let _ = told.send(Told::Done(saved.map(|()| None)));
            return;
        }
        let (state, info_hash) = (opening.state.clone(), torrent.info_hash);
        let held = Arc::clone(&torrent);
        let keep = move || storage::keep_metadata(&state, info_hash, &file).inspect(|kept| kept.holds(&held));
        let kept = spawn_blocking(keep).await;
        // The first block does not wait until the disk has it.
        let sync = async {
            let Ok(kept) = kept else { return };
            let synced = match kept {
                Ok(kept) => spawn_blocking(move || kept.sync()).await.unwrap_or(Ok(())),
                Err(error) => Err(error),
            };
            if let Err(error) = synced {
                let text = format!("the metadata is fetched again in the next run: {error}");
                let _ = told.send(Told::Event(Event::Note { severity: Severity::Warn, text, answer: false }));
            }
        };
        tokio::join!(opening.open(torrent, disk, told.clone()), sync);
    }
}

/// Where the torrent file is saved.
fn torrent_path(opening: &Opening, torrent: &Torrent) -> PathBuf {
    opening.output.join(format!("{}.torrent", torrent.name))
}
