//! Blocks that came, until their pieces are on disk.

use super::*;

/// As the assembly of pieces does it: longer ones are written in runs as their beginning grows, one after another.
const WHOLE: u64 = super::super::MIB;
const RUN_BLOCKS: u32 = super::super::super::RUN_BYTES / BLOCK_LENGTH;
/// What cannot be hashed soon is written after this.
const SPILL_AFTER: Duration = super::super::secs(4);

impl Client {
    /// Blocks came on the connection: the first `count` of those not told of.
    pub(super) fn blocks(&mut self, now: At, key: ConnKey, count: usize) {
        let Some(conn) = self.conns.get_mut(&key) else { return };
        for (block, right) in conn.came.drain(..count).collect::<Vec<_>>() {
            self.feed(now, Input::Block(key, block));
            if self.kept.take().is_none() {
                self.useless_blocks += 1;
                continue;
            }
            let arriving = self.arriving.entry(block.piece()).or_default();
            assert!(arriving.here.insert(block.number()), "a block that is here was wanted again");
            arriving.oldest.get_or_insert(now);
            if !right {
                arriving.wrong.insert(block.number());
            }
            self.hand_over(now, block.piece());
        }
    }

    /// Gives the disk what can be written of a piece, once it is done with what it has of it: the end of the piece, a run
    /// of a long one, or what cannot be hashed soon and is old or in the way of others.
    fn hand_over(&mut self, now: At, piece: PieceIndex) {
        if self.disk.has(piece) {
            return;
        }
        let is_tight = self.swarm.picker().unwritten() > self.settings.memory_bytes / 2;
        let (count, length) = (self.geometry.blocks_in(piece), u64::from(self.geometry.length_of(piece)));
        let Some(arriving) = self.arriving.get_mut(&piece) else { return };
        let whole = arriving.here.len() as u32 == count;
        let grown =
            (arriving.hashed..count).take_while(|number| arriving.here.contains(number)).count() as u32;
        let is_old = arriving.oldest.is_some_and(|at| now.saturating_sub(at) >= SPILL_AFTER);
        let blocks: Vec<u32> = if whole {
            arriving.here.difference(&arriving.handed).copied().collect()
        } else if length > WHOLE && grown >= RUN_BLOCKS {
            let run = arriving.hashed..arriving.hashed + grown;
            arriving.hashed += grown;
            run.filter(|number| !arriving.handed.contains(number)).collect()
        } else if is_tight || is_old {
            arriving.here.difference(&arriving.handed).copied().collect()
        } else {
            return;
        };
        if blocks.is_empty() && !whole {
            return;
        }
        arriving.handed.extend(&blocks);
        let left = arriving.here.len() > arriving.handed.len();
        arriving.oldest = left.then_some(now);
        let bytes = bytes_of(self.geometry, piece, &blocks);
        let ends = whole.then_some(arriving.wrong.is_empty());
        if whole {
            let arriving = self.arriving.remove(&piece).unwrap_or_default();
            if !arriving.wrong.is_empty() {
                self.failing.insert(piece, digests(count, &arriving.wrong));
            }
        }
        let takes = self.disk.put(Job::new(piece, bytes, ends));
        self.effects.extend(takes.map(Effect::Disk));
    }

    /// What is here of the piece is wrong.
    pub(in crate::swarm::sim) fn spoil(&mut self, piece: PieceIndex) {
        let arriving = self.arriving.entry(piece).or_default();
        arriving.wrong.clone_from(&arriving.here);
    }

    /// Writes what is old, or in the way of others.
    pub(super) fn spill(&mut self, now: At) {
        let all: Vec<PieceIndex> = self.arriving.keys().copied().collect();
        all.into_iter().for_each(|piece| self.hand_over(now, piece));
    }

    pub(in crate::swarm::sim) fn disk_done(&mut self, now: At) {
        let done = self.disk.end(now);
        let takes = self.disk.begin();
        self.effects.extend(takes.map(Effect::Disk));
        match done {
            None => {}
            Some(Done::Stale(piece)) => self.hand_over(now, piece),
            Some(Done::Refused) => {
                self.feed(now, Input::DiskFailed("the disk refuses".to_owned()));
            }
            Some(Done::Written(job)) => self.written(now, job),
        }
    }

    fn written(&mut self, now: At, job: Job) {
        let piece = job.piece;
        let input = match job.ends {
            None => Input::Written { piece, bytes: job.bytes },
            Some(good) => {
                if good {
                    assert!(self.written.set(piece), "a piece that is on disk was fetched again");
                    self.geometry.blocks_of(piece).for_each(|block| drop(self.asked_of.remove(&block)));
                }
                let blocks = self.failing.remove(&piece).unwrap_or_default();
                Input::PieceDone { piece, good, blocks }
            }
        };
        self.hand_over(now, piece);
        self.feed(now, input);
    }

    /// Bytes of blocks that are here and not written.
    pub(in crate::swarm::sim) fn held_bytes(&self) -> u64 {
        let held = |(piece, arriving): (&PieceIndex, &Arriving)| {
            let blocks: Vec<u32> = arriving.here.difference(&arriving.handed).copied().collect();
            bytes_of(self.geometry, *piece, &blocks)
        };
        self.arriving.iter().map(held).sum::<u64>() + self.disk.held_bytes()
    }
}

fn bytes_of(geometry: Geometry, piece: PieceIndex, blocks: &[u32]) -> u64 {
    let length = |number: &u32| geometry.block(piece, *number).map(|block| geometry.block_length(block));
    blocks.iter().filter_map(length).map(u64::from).sum()
}

/// What so many blocks are, of which these are wrong.
pub(super) fn digests(count: u32, wrong: &BTreeSet<u32>) -> Vec<BlockDigest> {
    (0..count).map(|number| BlockDigest([u8::from(wrong.contains(&number)); 10])).collect()
}
