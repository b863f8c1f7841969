//! What the workers have to do, and how it is shared out.
//!
//! Hashes are cheap by the dozen: a worker takes all runs that wait, of whatever torrents, up to as many as hash side by
//! side. So that they are many when much comes, one worker at a time hashes, until enough wait for a second one. Nothing
//! is ever held back: while nobody hashes, a single run is taken at once.
//!
//! The runs of torrents whose disk is slow stand in a line of their own, and never keep all workers while there are
//! others.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::owner::{Owned, Owner};
use super::{Advance, MOST_WORKERS, Spill};
use crate::metainfo::PieceIndex;
use crate::storage::StorageError;

/// Runs hashed side by side at most: eight are as cheap as sixteen and are still in the cache when they are written.
const MOST_AT_ONCE: usize = 8;

/// On a slow disk a worker takes so many bytes that follow each other, or a single run.
pub(super) const MOST_AT_ONCE_BYTES: u64 = 1 << 20;

/// Workers that slow disks leave to the others.
const KEPT_FOR_OTHERS: usize = 2;

/// What is no run of blocks.
#[derive(Debug)]
pub(super) enum Job {
    Check(Arc<Owner>, PieceIndex),
    Digest(Arc<Owner>, PieceIndex),
    Spill(Owned<Spill>),
    Read(Arc<Owner>, Read),
}

/// A range of a piece to read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) piece: PieceIndex,
    pub(super) begin: u32,
    pub(super) length: u32,
    pub(super) reply: oneshot::Sender<Result<Bytes, StorageError>>,
}

/// Which line a run stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    Quick,
    Slow,
}

/// What one worker does next.
#[derive(Debug)]
pub(super) enum Task {
    /// Runs of different pieces; [`Queue::advanced`] must follow.
    Advance(Lane, Vec<Owned<Advance>>),
    Other(Job),
}

#[derive(Debug)]
pub(super) struct Queue {
    runs: VecDeque<Owned<Advance>>,
    slow_runs: VecDeque<Owned<Advance>>,
    others: VecDeque<Job>,
    /// What writes to torrents to which nothing may be written yet.
    held_runs: Vec<Owned<Advance>>,
    held_spills: Vec<Owned<Spill>>,
    /// Runs a worker takes at once.
    most: usize,
    /// Workers that hash or write quick runs at the moment.
    advancing: usize,
    /// The same of slow ones.
    slow_advancing: usize,
    /// Torrents that are served, and how many of them have a slow disk.
    owners: usize,
    slow_owners: usize,
    /// Whether runs came last: neither kind keeps the other waiting.
    runs_last: bool,
    /// Of runs, whether quick ones came last.
    quick_last: bool,
    closing: bool,
}

impl Job {
    /// Whose it is.
    pub(super) fn owner(&self) -> Arc<Owner> {
        match self {
            Self::Check(owner, _) | Self::Digest(owner, _) | Self::Read(owner, _) => Arc::clone(owner),
            Self::Spill(spill) => spill.owner.owner(),
        }
    }

    fn is_for(&self, of: &Arc<Owner>) -> bool {
        match self {
            Self::Check(owner, _) | Self::Digest(owner, _) | Self::Read(owner, _) => Arc::ptr_eq(owner, of),
            Self::Spill(spill) => spill.owner.is(of),
        }
    }
}

impl Queue {
    /// An empty one, for hashes of `lanes` side by side.
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            runs: VecDeque::new(),
            slow_runs: VecDeque::new(),
            others: VecDeque::new(),
            held_runs: Vec::new(),
            held_spills: Vec::new(),
            most: lanes.clamp(1, MOST_AT_ONCE),
            advancing: 0,
            slow_advancing: 0,
            owners: 0,
            slow_owners: 0,
            runs_last: false,
            quick_last: false,
            closing: false,
        }
    }

    /// One more torrent is served.
    pub(super) fn join(&mut self) {
        self.owners += 1;
    }

    /// The torrent is served no more, but for what it handed in to be written.
    pub(super) fn leave(&mut self, owner: &Arc<Owner>) {
        self.owners -= 1;
        self.slow_owners -= usize::from(owner.is_slow());
        owner.close();
        // What was never allowed to be written is not.
        self.held_runs.retain(|run| !run.owner.is(owner));
        self.held_spills.retain(|spill| !spill.owner.is(owner));
        self.others.retain(|job| matches!(job, Job::Spill(_)) || !job.is_for(owner));
    }

    /// Adds a run. Returns whether a worker that waits can begin it.
    pub(super) fn put_run(&mut self, run: Owned<Advance>) -> bool {
        if run.owner.is_held() {
            self.held_runs.push(run);
            return false;
        }
        let lane = if run.owner.is_slow() { Lane::Slow } else { Lane::Quick };
        self.line(lane).push_back(run);
        self.may_advance(lane)
    }

    /// Adds another job, unless everything is about to end.
    pub(super) fn put(&mut self, job: Job) {
        match job {
            Job::Spill(spill) if spill.owner.is_held() => self.held_spills.push(spill),
            job if !self.closing => self.others.push_back(job),
            _ => {}
        }
    }

    /// To the torrent may be written from now on; workers that wait are to look.
    pub(super) fn allow_writes(&mut self, owner: &Arc<Owner>) {
        owner.hold(false);
        let runs: Vec<_> = self.held_runs.extract_if(.., |run| run.owner.is(owner)).collect();
        runs.into_iter().for_each(|run| _ = self.put_run(run));
        let spills: Vec<_> = self.held_spills.extract_if(.., |spill| spill.owner.is(owner)).collect();
        self.others.extend(spills.into_iter().map(Job::Spill));
    }

    /// What the asking worker does now, if there is anything.
    pub(super) fn take(&mut self) -> Option<Task> {
        let lane = self.next_lane();
        if let Some(lane) = lane
            && (!self.runs_last || self.others.is_empty())
        {
            return Some(self.take_runs(lane));
        }
        self.runs_last = false;
        match (self.others.pop_front(), lane) {
            (Some(job), _) => Some(Task::Other(job)),
            (None, Some(lane)) => Some(self.take_runs(lane)),
            (None, None) => None,
        }
    }

    /// Where runs wait that can be begun.
    fn next_lane(&self) -> Option<Lane> {
        match (self.may_advance(Lane::Quick), self.may_advance(Lane::Slow)) {
            (true, true) if self.quick_last => Some(Lane::Slow),
            (true, _) => Some(Lane::Quick),
            (false, true) => Some(Lane::Slow),
            (false, false) => None,
        }
    }

    fn take_runs(&mut self, lane: Lane) -> Task {
        self.runs_last = true;
        self.quick_last = lane == Lane::Quick;
        match lane {
            Lane::Quick => {
                self.advancing += 1;
                let count = self.runs.len().min(self.most);
                Task::Advance(lane, self.runs.drain(..count).collect())
            }
            Lane::Slow => {
                self.slow_advancing += 1;
                Task::Advance(lane, self.neighbours())
            }
        }
    }

    /// The slow run that waits longest, with those that follow it in the file.
    fn neighbours(&mut self) -> Vec<Owned<Advance>> {
        let mut taken: Vec<Owned<Advance>> = self.slow_runs.pop_front().into_iter().collect();
        let mut bytes = taken.iter().map(|run| run.job.bytes()).sum::<u64>();
        while let Some(last) = taken.last()
            && let Some(next) = self.slow_runs.iter().position(|run| run.follows(last))
            && self.slow_runs.get(next).is_some_and(|run| bytes + run.job.bytes() <= MOST_AT_ONCE_BYTES)
            && let Some(run) = self.slow_runs.remove(next)
        {
            bytes += run.job.bytes();
            taken.push(run);
        }
        taken
    }

    /// A worker is done with the runs it took.
    pub(super) fn advanced(&mut self, lane: Lane) {
        match lane {
            Lane::Quick => self.advancing -= 1,
            Lane::Slow => self.slow_advancing -= 1,
        }
    }

    /// The torrent's disk became slow, or quick again. Returns whether workers that wait can begin something by that.
    pub(super) fn pace_changed(&mut self, owner: &Arc<Owner>) -> bool {
        let is_slow = owner.pace.is_slow();
        if owner.set_slow(is_slow) == is_slow {
            return false;
        }
        let (from, to) = if is_slow { (Lane::Quick, Lane::Slow) } else { (Lane::Slow, Lane::Quick) };
        let waiting = std::mem::take(self.line(from)).into_iter();
        let (mut moved, stay): (VecDeque<_>, _) = waiting.partition(|run| run.owner.is(owner));
        *self.line(from) = stay;
        self.line(to).append(&mut moved);
        match is_slow {
            // One that has left is counted no more.
            _ if owner.is_closed() => {}
            true => self.slow_owners += 1,
            false => self.slow_owners -= 1,
        }
        self.may_advance(to)
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
        self.runs.len()
            + self.slow_runs.len()
            + self.others.len()
            + self.held_runs.len()
            + self.held_spills.len()
    }

    fn line(&mut self, lane: Lane) -> &mut VecDeque<Owned<Advance>> {
        match lane {
            Lane::Quick => &mut self.runs,
            Lane::Slow => &mut self.slow_runs,
        }
    }

    fn may_advance(&self, lane: Lane) -> bool {
        match lane {
            Lane::Quick => self.runs.len() >= if self.advancing == 0 { 1 } else { 2 * self.most },
            Lane::Slow => {
                let alone = self.slow_owners >= self.owners;
                let room = alone || self.slow_advancing + KEPT_FOR_OTHERS < MOST_WORKERS;
                room && !self.slow_runs.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::engine::mailbox;
    use crate::hash::PieceHash;
    use crate::metainfo::{Geometry, NewTorrent, Torrent};
    use crate::storage::{Options, Storage};

    fn piece(number: u32) -> PieceIndex {
        Geometry::new(100, 1).unwrap().piece(number).unwrap()
    }

    /// A torrent whose jobs wait; nothing of it is ever written.
    struct One {
        _dir: TempDir,
        owner: Arc<Owner>,
    }

    impl One {
        fn joins(queue: &mut Queue) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let torrent = NewTorrent::of_files("it", 16_384, &[("file", &[7; 100])]).to_bytes();
            let torrent = Arc::new(Torrent::from_bytes(&torrent).unwrap());
            let storage = Storage::open(torrent, dir.path(), Options::default()).unwrap();
            queue.join();
            Self { owner: Owner::new(Arc::new(storage), None, mailbox::unbounded().0), _dir: dir }
        }

        fn run(&self, number: u32) -> Owned<Advance> {
            self.owner.owes(Advance::new(piece(number), PieceHash::new(), 0, Vec::new(), true))
        }

        fn has_slow_disk(&self, queue: &mut Queue, slow: bool) -> bool {
            let takes = Duration::from_millis(if slow { 30 } else { 1 });
            (0..8).for_each(|_| _ = self.owner.pace.wrote(1, takes));
            queue.pace_changed(&self.owner)
        }
    }

    fn taken(task: Option<Task>) -> Vec<u32> {
        match task {
            Some(Task::Advance(_, runs)) => runs.iter().map(|run| run.job.piece.number()).collect(),
            other => panic!("expected runs, got {other:?}"),
        }
    }

    #[test]
    fn a_single_run_is_begun_at_once() {
        let mut queue = Queue::new(16);
        let one = One::joins(&mut queue);
        assert!(queue.put_run(one.run(0)));
        assert_eq!(taken(queue.take()), [0]);
        assert!(queue.take().is_none());
    }

    #[test]
    fn what_comes_while_one_hashes_is_taken_together() {
        let mut queue = Queue::new(4);
        let (one, other) = (One::joins(&mut queue), One::joins(&mut queue));
        queue.put_run(one.run(0));
        taken(queue.take());
        assert!(!queue.put_run(one.run(1)) && queue.take().is_none(), "one hashes");
        queue.advanced(Lane::Quick);
        queue.put_run(other.run(2));
        assert_eq!(taken(queue.take()), [1, 2], "whatever the torrent");
        (3..10).for_each(|number| assert!(!queue.put_run(one.run(number))));
        assert!(queue.put_run(one.run(10)), "enough for a second worker");
        assert_eq!(taken(queue.take()), [3, 4, 5, 6], "no more than hash side by side");
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn on_a_slow_disk_every_worker_takes_what_stands_together() {
        let pool = crate::engine::pool::BlockPool::new(0);
        let mut queue = Queue::new(4);
        let one = One::joins(&mut queue);
        let run = |number| {
            let blocks = vec![pool.take(16_384)];
            one.owner.owes(Advance::new(piece(number), PieceHash::new(), 0, blocks, true))
        };
        for number in [7, 3, 9, 4, 20, 5] {
            queue.put_run(run(number));
        }
        assert!(one.has_slow_disk(&mut queue, true));
        assert_eq!(taken(queue.take()), [7]);
        assert_eq!(taken(queue.take()), [3, 4, 5]);
        assert_eq!(taken(queue.take()), [9]);
        (30..99).for_each(|number| assert!(queue.put_run(run(number))));
        assert_eq!(taken(queue.take()), [20]);
        assert_eq!(taken(queue.take()), (30..94).collect::<Vec<_>>(), "a MiB at once");
        assert!(one.has_slow_disk(&mut queue, false));
        assert_eq!(taken(queue.take()), (94..98).collect::<Vec<_>>(), "nobody hashes those of quick disks");
        assert!(queue.take().is_none());
    }

    #[test]
    fn slow_disks_leave_workers_to_the_torrents_on_others() {
        let mut queue = Queue::new(1);
        let (slow, quick) = (One::joins(&mut queue), One::joins(&mut queue));
        slow.has_slow_disk(&mut queue, true);
        (0..20).for_each(|number| _ = queue.put_run(slow.run(2 * number)));
        let begun = std::iter::from_fn(|| queue.take()).count();
        assert_eq!(begun, MOST_WORKERS - KEPT_FOR_OTHERS);
        assert!(queue.put_run(quick.run(51)));
        assert_eq!(taken(queue.take()), [51]);
        // Once the other has gone there is nobody to keep them for.
        queue.leave(&quick.owner);
        assert!(queue.take().is_some());
    }

    #[test]
    fn while_nothing_may_be_written_of_a_torrent_it_is_read_and_others_are_written() {
        let mut queue = Queue::new(4);
        let (held, other) = (One::joins(&mut queue), One::joins(&mut queue));
        held.owner.hold(true);
        assert!(!queue.put_run(held.run(0)));
        let spill = |of: &One| Job::Spill(of.owner.owes(Spill { piece: piece(1), blocks: Vec::new() }));
        queue.put(spill(&held));
        queue.put(Job::Check(Arc::clone(&held.owner), piece(2)));
        assert!(queue.put_run(other.run(3)));
        assert_eq!((queue.len(), taken(queue.take())), (4, vec![3]));
        queue.advanced(Lane::Quick);
        assert!(matches!(queue.take(), Some(Task::Other(Job::Check(..)))));
        assert!(queue.take().is_none(), "what writes waits");
        queue.allow_writes(&held.owner);
        assert_eq!(taken(queue.take()), [0]);
        assert!(matches!(queue.take(), Some(Task::Other(Job::Spill(_)))));
        assert!(queue.take().is_none());
        // What is held until the torrent has gone is dropped.
        other.owner.hold(true);
        queue.put_run(other.run(4));
        queue.put(spill(&other));
        queue.leave(&other.owner);
        queue.allow_writes(&other.owner);
        assert_eq!(queue.len(), 0);
        other.owner.wait_until_written();
    }

    #[test]
    fn without_lanes_every_worker_takes_one() {
        let mut queue = Queue::new(1);
        let one = One::joins(&mut queue);
        (0..3).for_each(|number| assert!(queue.put_run(one.run(number))));
        assert_eq!([taken(queue.take()), taken(queue.take())], [[0], [1]]);
        assert!(queue.take().is_none(), "where one suffices");
    }

    #[test]
    fn runs_and_reads_take_turns() {
        let mut queue = Queue::new(1);
        let (one, other) = (One::joins(&mut queue), One::joins(&mut queue));
        let check = |of: &One, number| Job::Check(Arc::clone(&of.owner), piece(number));
        (0..2).for_each(|number| _ = queue.put_run(one.run(number)));
        (5..9).for_each(|number| queue.put(check(&one, number)));
        queue.put(check(&other, 9));
        assert_eq!(taken(queue.take()), [0]);
        queue.advanced(Lane::Quick);
        assert!(matches!(queue.take(), Some(Task::Other(_))));
        assert_eq!(taken(queue.take()), [1]);
        queue.advanced(Lane::Quick);
        assert!(matches!(queue.take(), Some(Task::Other(_))));
        queue.leave(&one.owner);
        let left = queue.take();
        assert!(matches!(left, Some(Task::Other(Job::Check(_, piece))) if piece.number() == 9));
        assert!(queue.take().is_none(), "reads are dropped at the end");
        queue.put_run(one.run(3));
        queue.put(check(&other, 4));
        queue.close();
        assert_eq!(taken(queue.take()), [3], "runs are not");
        assert!(queue.take().is_none());
    }
}
