//! Torrents that are added while others run: read, kept, and added to the session.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::Librarian;
use crate::command::{Addition, SessionCommand, Stood, What};
use crate::library::{LibraryError, Named, Source};
use crate::metainfo::{InfoHash, Torrent, TorrentError};

/// A torrent file that was read for an addition.
pub(super) type Read = (Box<Addition>, Result<(Torrent, Vec<u8>), TorrentError>);

impl Librarian {
    /// Has a torrent read that is a file, and adds it.
    pub(super) fn add(&mut self, addition: Box<Addition>) {
        match &addition.what {
            What::File(path) => {
                let (path, to) = (path.clone(), self.read.0.clone());
                tokio::spawn(async move {
                    let read = spawn_blocking(move || Torrent::with_bytes(path)).await;
                    // A thread that panicked has said so; and nobody listens only when the run is over.
                    if let Ok(read) = read {
                        let _ = to.send((addition, read));
                    }
                });
            }
            What::Magnet(magnet) => {
                let magnet = magnet.clone();
                self.keep(addition, Named::Magnet(&magnet));
            }
            What::Torrent(_) => self.pass_on(SessionCommand::Add(addition)),
        }
    }

    /// What has a kept torrent run as it stood before.
    pub(super) fn addition(
        &self,
        id: InfoHash,
        paused: bool,
        place: Option<usize>,
    ) -> Result<Box<Addition>, LibraryError> {
        let (from, output) = self.shelf.begin(id)?;
        let what = match from {
            Source::Torrent(torrent) => What::Torrent(Arc::from(torrent)),
            Source::Magnet(magnet) => What::Magnet(magnet),
        };
        let limits = self.shelf.entry(id).map(|entry| (entry.down_bps, entry.up_bps)).unwrap_or_default();
        let seeded = Duration::from_secs(self.shelf.before(id).seeded_s);
        let stood = Stood { place, limits, seeded };
        Ok(Box::new(Addition { ticket: None, what, output: Some(output), paused, stood }))
    }

    /// Adds what was read.
    pub(super) fn add_read(&mut self, addition: Addition, read: Result<(Torrent, Vec<u8>), TorrentError>) {
        match read {
            Ok((torrent, file)) => {
                let torrent = Arc::new(torrent);
                let what = What::Torrent(Arc::clone(&torrent));
                self.keep(Box::new(Addition { what, ..addition }), Named::Torrent(&torrent, &file));
            }
            Err(error) => self.refuse(addition.ticket, None, error.to_string()),
        }
    }

    /// Keeps what is to be added, and has it added.
    fn keep(&mut self, mut addition: Box<Addition>, named: Named<'_>) {
        let (id, ticket) = (named.info_hash(), addition.ticket);
        // The session says that it is there.
        if self.shelf.entry(id).is_none() {
            match self.shelf.keep(named, addition.output.as_deref(), (self.now)()) {
                Ok(output) => {
                    addition.output = Some(output);
                    let paused = addition.paused;
                    self.write(|shelf| shelf.change(id, |entry| entry.paused = paused));
                }
                Err(error @ (LibraryError::Elsewhere { .. } | LibraryError::OtherFolder { .. })) => {
                    return self.refuse(ticket, Some(id), error.to_string());
                }
                Err(error) => self.refuse(None, Some(id), format!("It is not kept: {error}")),
            }
        }
        self.pass_on(SessionCommand::Add(addition));
    }
}
