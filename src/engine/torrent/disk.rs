//! Blocks on their way to the disk, and what the disk says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::super::EngineError;
use super::super::assembly::Ended;
use super::super::disk::{DiskDone, DiskPool, Keeper, WriteJob};
use super::super::pool::BlockBuf;
use super::super::upload::{BlockSource, ReadFuture};
use super::TorrentTask;
use crate::command::Command;
use crate::event::{At, DiskSample, Event, Severity};
use crate::metainfo::{BlockRef, PieceIndex};
use crate::storage::StorageError;
use crate::swarm::{BlockDigest, Input};

/// How long what is in memory may take to the disk at the end.
const FLUSH_WITHIN: Duration = Duration::from_millis(1500);

impl TorrentTask {
    /// Takes a block that was missing.
    pub(super) fn assemble(&mut self, now: At, block: BlockRef, bytes: BlockBuf) {
        let put = self.assembly.put(block, bytes, now);
        if let Some(job) = put.job {
            self.disk.advance(job);
        }
        for spill in self.assembly.relieve(now) {
            self.disk.spill(spill);
        }
    }

    /// Brings blocks to disk that wait for long.
    pub(super) fn spill_old(&mut self, now: At) {
        for spill in self.assembly.spills(now) {
            self.disk.spill(spill);
        }
    }

    /// Forgets what is here of the piece; the swarm charges it no more, whatever a worker still has of it.
    pub(super) fn discard(&mut self, piece: PieceIndex) {
        let _ = self.assembly.abandon(piece);
        self.keeper.given_up(piece);
    }

    /// Hands over everything that waits: what is in memory must not be lost with it.
    pub(super) fn flush(&mut self) {
        for spill in self.assembly.flush() {
            self.disk.spill(spill);
        }
    }

    /// Waits until everything handed over is written, and what follows from it; but not for ever.
    pub(super) async fn flushed(&mut self, done: &mut mpsc::UnboundedReceiver<DiskDone>) {
        self.flush();
        let written = async {
            while self.assembly.is_writing() {
                let Some(done) = done.recv().await else { return };
                self.disk_done(done);
            }
        };
        // A disk that does not answer has what it has.
        let _ = tokio::time::timeout(FLUSH_WITHIN, written).await;
    }

    pub(super) fn disk_done(&mut self, done: DiskDone) {
        match done {
            DiskDone::Advanced { piece, hasher } => {
                let ended = self.assembly.advanced(piece, hasher);
                if ended.current {
                    self.keeper.advanced(piece, ended.hashed.clone());
                }
                self.written(piece, ended);
            }
            DiskDone::Spilled { piece, blocks } => {
                let ended = self.assembly.spilled(piece, &blocks);
                if ended.current {
                    self.keeper.spilled(piece, &blocks);
                }
                self.written(piece, ended);
            }
            DiskDone::Verified { piece } => self.piece_done(piece, true, Vec::new()),
            DiskDone::Mismatch { piece, blocks } => self.piece_done(piece, false, blocks),
            DiskDone::Digested { piece, blocks } => self.feed(Input::Digested { piece, blocks }),
            DiskDone::Stuck { job, error } => {
                let next = self.assembly.stuck(job);
                self.refused(next, &error);
            }
            DiskDone::Unspilled { job, error } => {
                let next = self.assembly.unspilled(job);
                self.refused(next, &error);
            }
            DiskDone::Lost { job, blocks } => {
                let piece = job.piece;
                let (blocks, next) = self.assembly.lost(*job, &blocks);
                self.write(next);
                self.feed(Input::BlocksLost { piece, blocks });
            }
            // Pieces are hashed again only by order of a later check; there is none in a running download.
            DiskDone::Checked { .. } => {}
            DiskDone::Unsynced(error) => {
                self.feed(Input::DiskFailed { piece: None, reason: error.to_string() });
            }
            DiskDone::Trouble(error) => {
                let text = error.to_string();
                let note = Event::Note { severity: Severity::Warn, text, answer: false };
                self.emit(self.clock.now(), &note);
            }
        }
    }

    /// Tells how a slow disk keeps up. To be called every second or so.
    pub(super) fn sample_disk(&mut self, now: At) {
        let load = self.disk.load();
        let (at, written) = std::mem::replace(&mut self.disk_sampled, (now, load.written_bytes));
        if !load.lags && !self.disk_lags {
            return;
        }
        self.disk_lags = load.lags;
        let passed = now.saturating_sub(at).as_secs_f64().max(0.001);
        let sample = DiskSample {
            written_bps: ((load.written_bytes - written) as f64 / passed) as u64,
            pending_bytes: load.pending_bytes,
            memory_bytes: self.memory_bytes,
            write_ms: u32::try_from(load.write_takes.as_millis()).unwrap_or(u32::MAX),
        };
        self.emit(now, &Event::Disk(sample));
    }

    fn write(&self, job: Option<WriteJob>) {
        if let Some(job) = job {
            self.disk.write(job);
        }
    }

    /// Blocks of the piece were written, and the piece goes on.
    fn written(&mut self, piece: PieceIndex, ended: Ended) {
        self.write(ended.job);
        self.feed(Input::Written { piece, bytes: ended.freed_bytes });
    }

    fn piece_done(&mut self, piece: PieceIndex, good: bool, blocks: Vec<BlockDigest>) {
        self.assembly.settled(piece);
        if !good {
            self.keeper.given_up(piece);
        }
        let was_missing = !self.swarm.have().is_full();
        let now = self.clock.now();
        self.swarm.handle(now, Input::PieceDone { piece, good, blocks });
        self.completed_here = was_missing && self.swarm.have().is_full();
        self.settle();
    }

    /// The disk refused: everything waits until the user says go on. Nothing is lost: what it refused is kept.
    fn refused(&mut self, next: Option<WriteJob>, error: &StorageError) {
        self.write(next);
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
                self.emit(now, &note);
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
