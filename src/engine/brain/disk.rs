//! Blocks on their way to the disk, and what the disk says.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::super::EngineError;
use super::super::assembly::Advanced;
use super::super::disk::{Advance, DiskDone, DiskPool, Keeper};
use super::super::pool::BlockBuf;
use super::super::upload::{BlockSource, ReadFuture};
use super::Brain;
use crate::command::Command;
use crate::event::{Event, Severity};
use crate::metainfo::{BlockRef, PieceIndex};
use crate::storage::StorageError;
use crate::swarm::{BlockDigest, ConnKey, Input};

impl Brain {
    /// Takes a block that was missing.
    pub(super) fn assemble(&mut self, conn: ConnKey, block: BlockRef, bytes: BlockBuf) {
        let put = self.assembly.put(block, bytes, conn);
        if let Some(job) = put.job {
            self.disk.advance(job);
        }
    }

    /// Forgets what is here of the piece; the swarm charges it no more, whatever a worker still has of it.
    pub(super) fn discard(&mut self, piece: PieceIndex) {
        let _ = self.assembly.abandon(piece);
    }

    pub(super) fn disk_done(&mut self, done: DiskDone) {
        match done {
            DiskDone::Advanced { piece, hasher } => {
                let Advanced { freed_bytes, job } = self.assembly.advanced(piece, hasher);
                if let Some(job) = job {
                    self.disk.advance(job);
                }
                self.feed(Input::Written { piece, bytes: freed_bytes });
            }
            DiskDone::Verified { piece } => self.piece_done(piece, true, Vec::new()),
            DiskDone::Mismatch { piece, blocks } => self.piece_done(piece, false, blocks),
            DiskDone::Digested { piece, blocks } => self.feed(Input::Digested { piece, blocks }),
            DiskDone::Stuck { job, error } => self.stuck(job, &error),
            // Pieces are hashed again only by order of a later check; there is none in a running download.
            DiskDone::Checked { .. } => {}
            DiskDone::Unsynced(error) => {
                self.feed(Input::DiskFailed { piece: None, reason: error.to_string() });
            }
            DiskDone::Trouble(error) => {
                let text = error.to_string();
                let note = Event::Note { severity: Severity::Warn, text, answer: false };
                self.learned(self.clock.now(), &note);
            }
        }
    }

    fn piece_done(&mut self, piece: PieceIndex, good: bool, blocks: Vec<BlockDigest>) {
        self.assembly.settled(piece);
        let was_missing = !self.swarm.have().is_full();
        let now = self.clock.now();
        self.swarm.handle(now, Input::PieceDone { piece, good, blocks });
        self.completed_here = was_missing && self.swarm.have().is_full();
        self.settle();
    }

    /// The disk refused: everything waits until the user says go on. Nothing is lost: the job is kept.
    fn stuck(&mut self, job: Box<Advance>, error: &StorageError) {
        if let Some(next) = self.assembly.stuck(job) {
            self.disk.advance(next);
        }
        self.feed(Input::DiskFailed { piece: None, reason: error.to_string() });
    }

    /// The user says go on: looks whether there is room now.
    pub(super) fn ask_disk_again(&mut self) {
        let (keeper, have) = (Arc::clone(&self.keeper), self.swarm.have().clone());
        let prepared = self.outlets.prepared.clone();
        self.tasks.spawn(async move {
            if let Ok(answer) = tokio::task::spawn_blocking(move || keeper.prepare(&have)).await {
                // Nobody listens only when the run is over.
                let _ = prepared.send(answer).await;
            }
        });
    }

    /// If there is room, everything the disk refused is handed in again, and the download goes on.
    pub(super) fn disk_answered(&mut self, prepared: Result<(), StorageError>) {
        let now = self.clock.now();
        match prepared {
            Err(error) => {
                let note = Event::Note { severity: Severity::Error, text: error.to_string(), answer: true };
                self.learned(now, &note);
            }
            Ok(()) => {
                for job in self.assembly.retry() {
                    self.disk.advance(job);
                }
                self.feed(Input::Command(Command::Resume));
            }
        }
        self.publish(now);
    }
}

/// Ends the disk threads and saves the resume file. Blocks a thread of its own, not the runtime.
pub(super) async fn finish(disk: Arc<DiskPool>, keeper: Arc<Keeper>, sync: bool) -> Result<(), EngineError> {
    let finished = tokio::task::spawn_blocking(move || {
        if let Some(disk) = Arc::into_inner(disk) {
            disk.stop();
        }
        keeper.finish(sync)
    });
    match finished.await {
        Ok(saved) => saved.map_err(EngineError::Storage),
        // The thread panicked and has said so; what was verified is on disk all the same.
        Err(_) => Ok(()),
    }
}

impl BlockSource for DiskPool {
    /// What is in memory anyway is worth neither a thread's waking up nor the way back.
    fn read_at_once(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
        Self::read_at_once(self, piece, begin, length)
    }

    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
        let answer = Self::read(self, piece, begin, length);
        Box::pin(async move {
            match answer.await {
                Ok(read) => read.map_err(io::Error::other),
                Err(_) => Err(io::Error::other("the disk threads have ended")),
            }
        })
    }
}
