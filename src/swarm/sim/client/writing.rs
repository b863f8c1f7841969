//! Blocks that came, until their pieces are on disk.

use super::*;

/// As the assembly of pieces does it: longer ones are written in runs as their beginning grows, one after another.
const WHOLE: u64 = super::super::MIB;
const RUN: u64 = super::super::super::RUN_BYTES as u64;

impl Client {
    pub(super) fn block(&mut self, now: At, key: ConnKey, block: BlockRef, right: bool) {
        let length = u64::from(self.geometry.block_length(block));
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.down_bytes += length;
        }
        if self.swarm.block_arrived(now, key, block) {
            let arriving = self.arriving.entry(block.piece()).or_default();
            assert!(arriving.here.insert(block.number()), "a block that is here was wanted again");
            arriving.bytes += length;
            if !right {
                arriving.wrong.insert(block.number());
            }
            self.hand_over(block.piece());
        } else {
            self.useless_blocks += 1;
        }
        self.report_window(now, key);
        self.ask(now, key);
    }

    /// Gives the disk what can be written of a piece, once it is done with what it has of it.
    fn hand_over(&mut self, piece: PieceIndex) {
        if self.disk.has(piece) {
            return;
        }
        let Some(arriving) = self.arriving.get_mut(&piece) else { return };
        let length = u64::from(self.geometry.length_of(piece));
        let whole = arriving.here.len() as u32 == self.geometry.blocks_in(piece);
        let run = match whole {
            true => length,
            false if length <= WHOLE => 0,
            false => {
                let from = (arriving.handed / u64::from(BLOCK_LENGTH)) as u32;
                let blocks = (from..).take_while(|number| arriving.here.contains(number)).count();
                arriving.handed + blocks as u64 * u64::from(BLOCK_LENGTH)
            }
        };
        if whole || run >= arriving.handed + RUN {
            let ends = whole.then_some(arriving.wrong.is_empty());
            if whole && !arriving.wrong.is_empty() {
                self.failing.insert(piece, digests(self.geometry.blocks_in(piece), &arriving.wrong));
            }
            let job = Job::new(piece, run - std::mem::replace(&mut arriving.handed, run), ends);
            if whole {
                self.arriving.remove(&piece);
            }
            let takes = self.disk.put(job);
            self.effects.extend(takes.map(Effect::Disk));
        }
    }

    pub(in crate::swarm::sim) fn disk_done(&mut self, now: At) {
        let done = self.disk.end(now);
        let takes = self.disk.begin();
        self.effects.extend(takes.map(Effect::Disk));
        match done {
            None => {}
            Some(Done::Stale(piece)) => self.hand_over(piece),
            Some(Done::Refused) => {
                self.feed(now, Input::DiskFailed { piece: None, reason: "the disk refuses".to_owned() });
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
        let was_missing = !self.is_complete();
        self.hand_over(piece);
        self.swarm.handle(now, input);
        self.completed = was_missing && self.is_complete();
        self.settle(now);
    }

    /// Bytes of blocks that are here and not written.
    pub(in crate::swarm::sim) fn held_bytes(&self) -> u64 {
        let arriving: u64 = self.arriving.values().map(|piece| piece.bytes - piece.handed).sum();
        arriving + self.disk.held_bytes()
    }
}

/// What so many blocks are, of which these are wrong.
pub(super) fn digests(count: u32, wrong: &BTreeSet<u32>) -> Vec<BlockDigest> {
    (0..count).map(|number| BlockDigest([u8::from(wrong.contains(&number)); 10])).collect()
}
