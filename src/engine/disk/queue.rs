//! What the workers have to do, and how it is shared out.
//!
//! Hashes are cheap by the dozen: a worker takes all runs that wait, up to as many as hash side by side. So that
//! they are many when much comes, one worker at a time hashes, until enough wait for a second one. Nothing is ever
//! held back: while nobody hashes, a single run is taken at once.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Advance, Spill};
use crate::metainfo::PieceIndex;
use crate::storage::StorageError;

/// Runs hashed side by side at most: eight are as cheap as sixteen and are still in the cache when they are written.
const MOST_AT_ONCE: usize = 8;

/// On a slow disk a worker takes so many bytes that follow each other, or a single run.
pub(super) const MOST_AT_ONCE_BYTES: u64 = 1 << 20;

/// What is no run of blocks.
#[derive(Debug)]
pub(super) enum Job {
    Check(PieceIndex),
    Digest(PieceIndex),
    Spill(Spill),
    Read { piece: PieceIndex, begin: u32, length: u32, reply: oneshot::Sender<Result<Bytes, StorageError>> },
}

/// What one worker does next.
#[derive(Debug)]
pub(super) enum Task {
    /// Runs of different pieces; [`Queue::advanced`] must follow.
    Advance(Vec<Advance>),
    Other(Job),
}

#[derive(Debug)]
pub(super) struct Queue {
    runs: VecDeque<Advance>,
    others: VecDeque<Job>,
    /// Runs a worker takes at once.
    most: usize,
    /// Workers that hash or write runs at the moment.
    advancing: usize,
    /// Whether the disk is slow.
    slow: bool,
    /// Whether nothing may be written yet.
    holds_writes: bool,
    /// Whether runs came last: neither kind keeps the other waiting.
    runs_last: bool,
    closing: bool,
}

impl Queue {
    /// An empty one, for hashes of `lanes` side by side.
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            runs: VecDeque::new(),
            others: VecDeque::new(),
            most: lanes.clamp(1, MOST_AT_ONCE),
            advancing: 0,
            slow: false,
            holds_writes: false,
            runs_last: false,
            closing: false,
        }
    }

    /// Adds a run. Returns whether a worker that waits can begin it.
    pub(super) fn put_run(&mut self, run: Advance) -> bool {
        self.runs.push_back(run);
        self.may_advance()
    }

    /// Adds another job, unless everything is about to end.
    pub(super) fn put(&mut self, job: Job) {
        if !self.closing {
            self.others.push_back(job);
        }
    }

    /// What the asking worker does now, if there is anything.
    pub(super) fn take(&mut self) -> Option<Task> {
        if self.may_advance() && (!self.runs_last || self.others.is_empty()) {
            self.runs_last = true;
            self.advancing += 1;
            let count = self.runs.len().min(self.most);
            let runs = if self.slow { self.neighbours() } else { self.runs.drain(..count).collect() };
            return Some(Task::Advance(runs));
        }
        self.runs_last = false;
        let next = self.others.iter().position(|job| !self.holds_writes || !matches!(job, Job::Spill(_)));
        match next.and_then(|next| self.others.remove(next)) {
            Some(job) => Some(Task::Other(job)),
            None if self.may_advance() => self.take(),
            None => None,
        }
    }

    /// Nothing is written until this is taken back: what comes waits.
    pub(super) fn hold_writes(&mut self, held: bool) {
        self.holds_writes = held;
    }

    /// The run that waits longest, with those that follow it in the file.
    fn neighbours(&mut self) -> Vec<Advance> {
        let mut taken: Vec<Advance> = self.runs.pop_front().into_iter().collect();
        let mut bytes = taken.iter().map(Advance::bytes).sum::<u64>();
        while let Some(last) = taken.last()
            && let Some(next) = self.runs.iter().position(|run| run.follows(last))
            && self.runs.get(next).is_some_and(|run| bytes + run.bytes() <= MOST_AT_ONCE_BYTES)
            && let Some(run) = self.runs.remove(next)
        {
            bytes += run.bytes();
            taken.push(run);
        }
        taken
    }

    /// A worker is done with the runs it took.
    pub(super) fn advanced(&mut self) {
        self.advancing -= 1;
    }

    /// The disk is slow, or no more. Returns whether others that wait can begin something by that.
    pub(super) fn set_slow(&mut self, slow: bool) -> bool {
        self.slow = slow;
        self.may_advance()
    }

    /// Nothing is done any more but what writes.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.others.retain(|job| matches!(job, Job::Spill(_)));
    }

    /// Whether a worker with nothing to do should end. Runs that wait are taken by those still at work.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Jobs no worker has begun.
    pub(super) fn len(&self) -> usize {
        self.runs.len() + self.others.len()
    }

    fn may_advance(&self) -> bool {
        let enough = if self.advancing == 0 || self.slow { 1 } else { 2 * self.most };
        !self.holds_writes && self.runs.len() >= enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::PieceHash;
    use crate::metainfo::Geometry;

    fn piece(number: u32) -> PieceIndex {
        Geometry::new(100, 1).unwrap().piece(number).unwrap()
    }

    fn run(number: u32) -> Advance {
        Advance::new(piece(number), PieceHash::new(), 0, Vec::new(), true)
    }

    fn taken(task: Option<Task>) -> Vec<u32> {
        match task {
            Some(Task::Advance(runs)) => runs.iter().map(|run| run.piece.number()).collect(),
            other => panic!("expected runs, got {other:?}"),
        }
    }

    #[test]
    fn a_single_run_is_begun_at_once() {
        let mut queue = Queue::new(16);
        assert!(queue.put_run(run(0)));
        assert_eq!(taken(queue.take()), [0]);
        assert!(queue.take().is_none());
    }

    #[test]
    fn what_comes_while_one_hashes_is_taken_together() {
        let mut queue = Queue::new(4);
        queue.put_run(run(0));
        taken(queue.take());
        assert!(!queue.put_run(run(1)) && queue.take().is_none(), "one hashes");
        queue.advanced();
        queue.put_run(run(2));
        assert_eq!(taken(queue.take()), [1, 2]);
        (3..10).for_each(|number| assert!(!queue.put_run(run(number))));
        assert!(queue.put_run(run(10)), "enough for a second worker");
        assert_eq!(taken(queue.take()), [3, 4, 5, 6], "no more than hash side by side");
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn on_a_slow_disk_every_worker_takes_what_stands_together() {
        let pool = crate::engine::pool::BlockPool::new(0);
        let mut queue = Queue::new(4);
        let run = |number| Advance::new(piece(number), PieceHash::new(), 0, vec![pool.take(16_384)], true);
        for number in [7, 3, 9, 4, 20, 5] {
            queue.put_run(run(number));
        }
        assert!(queue.set_slow(true));
        assert_eq!(taken(queue.take()), [7]);
        assert_eq!(taken(queue.take()), [3, 4, 5]);
        assert_eq!(taken(queue.take()), [9]);
        (30..99).for_each(|number| assert!(queue.put_run(run(number))));
        assert_eq!(taken(queue.take()), [20]);
        assert_eq!(taken(queue.take()), (30..94).collect::<Vec<_>>(), "a MiB at once");
        queue.set_slow(false);
        assert!(queue.take().is_none());
    }

    #[test]
    fn without_lanes_every_worker_takes_one() {
        let mut queue = Queue::new(1);
        (0..3).for_each(|number| assert!(queue.put_run(run(number))));
        assert_eq!([taken(queue.take()), taken(queue.take())], [[0], [1]]);
        assert!(queue.take().is_none(), "where one suffices");
    }

    #[test]
    fn reads_are_served_while_nothing_may_be_written() {
        let mut queue = Queue::new(4);
        queue.hold_writes(true);
        assert!(!queue.put_run(run(0)));
        queue.put(Job::Spill(Spill { piece: piece(1), blocks: Vec::new() }));
        queue.put(Job::Check(piece(2)));
        assert!(matches!(queue.take(), Some(Task::Other(Job::Check(_)))));
        assert!(queue.take().is_none(), "what writes waits");
        queue.hold_writes(false);
        assert_eq!(taken(queue.take()), [0]);
        assert!(matches!(queue.take(), Some(Task::Other(Job::Spill(_)))));
        assert!(queue.take().is_none());
    }

    #[test]
    fn runs_and_reads_take_turns() {
        let mut queue = Queue::new(1);
        (0..2).for_each(|number| _ = queue.put_run(run(number)));
        (5..9).for_each(|number| queue.put(Job::Check(piece(number))));
        assert_eq!(taken(queue.take()), [0]);
        queue.advanced();
        assert!(matches!(queue.take(), Some(Task::Other(_))));
        assert_eq!(taken(queue.take()), [1]);
        queue.advanced();
        assert!(matches!(queue.take(), Some(Task::Other(_))));
        assert!(matches!(queue.take(), Some(Task::Other(_))));
        queue.close();
        assert!(queue.take().is_none(), "reads are dropped at the end");
        queue.put_run(run(3));
        assert_eq!(taken(queue.take()), [3], "runs are not");
    }
}
