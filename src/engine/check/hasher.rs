//! A thread that hashes the pieces peers are tried with, so that no task of the runtime waits for it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::engine::mailbox;
use crate::engine::pool::BlockBuf;
use crate::hash::PieceHash;
use crate::metainfo::{BlockRef, Torrent};
use crate::swarm::ConnKey;
use crate::swarm::check::WHOLE_PIECE_BYTES;

/// Blocks that may wait to be hashed: 16 MiB.
const MOST_WAITING: usize = 1024;

/// A block of a piece that a connection was asked for.
type Job = (ConnKey, BlockRef, BlockBuf);

/// Hands blocks over; the thread ends when this is dropped.
#[derive(Debug)]
pub(in crate::engine) struct Hasher {
    jobs: SyncSender<Job>,
}

impl Hasher {
    /// Begins. Whether a connection's piece was right goes to `done`, once all of it is hashed.
    pub(super) fn start(
        torrent: Arc<Torrent>,
        done: mailbox::UnboundedSender<(ConnKey, bool)>,
    ) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(MOST_WAITING);
        std::thread::Builder::new()
            .name("hash".to_owned())
            .spawn(move || hash_all(&torrent, &waiting, &done))?;
        Ok(Self { jobs })
    }

    /// Takes a block. When too many wait it is thrown away, and its piece stays unjudged.
    pub(in crate::engine) fn take(&self, conn: ConnKey, block: BlockRef, bytes: BlockBuf) {
        match self.jobs.try_send((conn, block, bytes)) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

/// The piece of one connection, hashed in order whatever order its blocks came in.
#[derive(Default)]
struct Piece {
    hash: PieceHash,
    early: BTreeMap<u32, BlockBuf>,
}

fn hash_all(torrent: &Torrent, waiting: &Receiver<Job>, done: &mailbox::UnboundedSender<(ConnKey, bool)>) {
    let mut pieces: BTreeMap<ConnKey, Piece> = BTreeMap::new();
    while let Ok((conn, block, bytes)) = waiting.recv() {
        if torrent.geometry.length_of(block.piece()) > WHOLE_PIECE_BYTES {
            continue;
        }
        let piece = pieces.entry(conn).or_default();
        piece.early.insert(block.begin(), bytes);
        while let Some(bytes) =
            u32::try_from(piece.hash.fed_bytes()).ok().and_then(|at| piece.early.remove(&at))
        {
            piece.hash.update(&bytes);
        }
        if piece.hash.fed_bytes() < u64::from(torrent.geometry.length_of(block.piece())) {
            continue;
        }
        if let Some(piece) = pieces.remove(&conn) {
            let good =
                torrent.info().hashes().is_ok_and(|hashes| piece.hash.verify(hashes.of(block.piece())));
            // Nobody listens only when the run is over.
            let _ = done.send((conn, good));
        }
    }
}
