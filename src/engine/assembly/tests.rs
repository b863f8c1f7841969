use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::engine::pool::BlockPool;

/// Where memory is plenty.
const PLENTY: u64 = u64::MAX;

struct Case {
    geometry: Geometry,
    assembly: Assembly,
    pool: Arc<BlockPool>,
}

fn run(job: Option<WriteJob>) -> Advance {
    match job {
        Some(WriteJob::Advance(run)) => run,
        other => panic!("expected a run, got {other:?}"),
    }
}

impl Case {
    fn new(total: u64, piece_bytes: u32) -> Self {
        let geometry = Geometry::new(total, piece_bytes).unwrap();
        Self { geometry, assembly: Assembly::new(geometry, PLENTY), pool: BlockPool::new(0) }
    }

    fn block(&self, piece: u32, number: u32) -> BlockRef {
        self.geometry.block(self.geometry.piece(piece).unwrap(), number).unwrap()
    }

    fn put(&mut self, piece: u32, number: u32) -> Put {
        self.put_at(piece, number, At::ZERO)
    }

    fn put_at(&mut self, piece: u32, number: u32, now: At) -> Put {
        let block = self.block(piece, number);
        let bytes = self.pool.take(self.geometry.block_length(block));
        self.assembly.put(block, bytes, now)
    }
}

#[test]
fn a_small_piece_is_handed_over_whole() {
    let mut case = Case::new(200_000, 100_000);
    for number in [6, 0, 1, 2, 4, 5] {
        assert!(case.put(1, number).job.is_none());
    }
    assert_eq!(
        case.assembly.missing(case.geometry.piece(1).unwrap()).map(BlockRef::number).collect::<Vec<_>>(),
        [3]
    );
    let job = run(case.put(1, 3).job);
    assert_eq!((job.offset, job.blocks.len(), job.bytes(), job.last), (0, 7, 100_000, true));
    assert_eq!(case.assembly.held_bytes(), 100_000);
    assert_eq!((case.assembly.settled(job.piece), case.assembly.held_bytes()), (100_000, 0));
}

#[test]
fn a_large_piece_is_handed_over_in_runs_one_at_a_time() {
    let mut case = Case::new(2 << 20, 2 << 20);
    let piece = case.geometry.piece(0).unwrap();
    for number in 0..15 {
        assert!(case.put(0, number).job.is_none());
    }
    let job = run(case.put(0, 15).job);
    assert_eq!((job.offset, job.blocks.len(), job.last), (0, 16, false));
    for number in 16..60 {
        assert!(case.put(0, number).job.is_none(), "one at a time");
    }
    let next = case.assembly.advanced(piece, PieceHash::new());
    assert_eq!(next.freed_bytes, 256 << 10);
    let job = run(next.job);
    assert_eq!((job.offset, job.blocks.len(), job.last), (256 << 10, 32, false), "whole runs");
    let next = case.assembly.advanced(piece, PieceHash::new());
    assert!(next.job.is_none());
    for number in 60..128 {
        let job = case.put(0, number).job;
        assert_eq!(job.map(|job| run(Some(job)).blocks.len()), (number == 63).then_some(16));
    }
    for (offset, blocks, last) in [(1 << 20, 32, false), (3 << 19, 32, true)] {
        let job = run(case.assembly.advanced(piece, PieceHash::new()).job);
        assert_eq!((job.offset, job.blocks.len(), job.last), (offset, blocks, last), "none longer than two");
    }
}

#[test]
fn a_block_that_is_here_gives_its_memory_back() {
    let mut case = Case::new(2 << 20, 2 << 20);
    assert!(case.put(0, 3).fresh);
    let put = case.put(0, 3);
    assert_eq!((put.fresh, put.freed_bytes), (false, u64::from(BLOCK_LENGTH)));
    for number in 0..16 {
        case.put(0, number);
    }
    let put = case.put(0, 5);
    assert!(!put.fresh, "also when it was handed over");
}

#[test]
fn a_block_of_the_wrong_length_is_not_taken() {
    let mut case = Case::new(100_000, 100_000);
    let bytes = case.pool.take(100);
    let put = case.assembly.put(case.block(0, 0), bytes, At::ZERO);
    assert_eq!((put.fresh, put.freed_bytes), (false, 100));
}

#[test]
fn a_refused_job_waits_and_is_handed_in_again() {
    let mut case = Case::new(32_768, 32_768);
    case.put(0, 0);
    let job = run(case.put(0, 1).job);
    let piece = job.piece;
    assert!(case.assembly.stuck(Box::new(job)).is_none());
    assert_eq!(case.assembly.held_bytes(), 32_768);
    let again = case.assembly.retry();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].bytes(), 32_768);
    assert!(case.assembly.retry().is_empty());
    assert_eq!(case.assembly.settled(piece), 32_768);
}

#[test]
fn an_abandoned_piece_begins_anew() {
    let mut case = Case::new(32_768, 32_768);
    case.put(0, 1);
    let piece = case.geometry.piece(0).unwrap();
    assert_eq!(case.assembly.abandon(piece), 16_384);
    assert_eq!((case.assembly.held_bytes(), case.assembly.received(piece)), (0, 0));
    assert!(case.put(0, 1).fresh);
}

#[test]
fn a_piece_given_up_while_a_worker_has_a_part_takes_blocks_and_waits_for_the_worker() {
    let mut case = Case::new(2 << 20, 2 << 20);
    let piece = case.geometry.piece(0).unwrap();
    for number in 0..16 {
        case.put(0, number);
    }
    case.put(0, 20);
    assert_eq!(case.assembly.abandon(piece), 16_384);
    for number in 0..128 {
        let put = case.put(0, number);
        assert!(put.fresh && put.job.is_none(), "what is written first must not be written last");
    }
    let next = case.assembly.advanced(piece, PieceHash::new());
    assert_eq!(next.freed_bytes, 0, "given back when it was given up");
    let job = run(next.job);
    assert_eq!((job.offset, job.blocks.len(), job.last), (0, 32, false));
    case.assembly.settled(piece);
    assert_eq!(case.assembly.held_bytes(), 0);
}

#[test]
fn nothing_is_left_of_a_piece_given_up_and_not_begun_anew() {
    for refused in [false, true] {
        let mut case = Case::new(2 << 20, 2 << 20);
        let piece = case.geometry.piece(0).unwrap();
        let job = run((0..16).find_map(|number| case.put(0, number).job));
        assert_eq!(case.assembly.abandon(piece), 0);
        let next = if refused {
            case.assembly.stuck(Box::new(job))
        } else {
            case.assembly.advanced(piece, PieceHash::new()).job
        };
        assert!(next.is_none());
        assert_eq!((case.assembly.held_bytes(), case.assembly.pieces().count()), (0, 0));
    }
}

/// What a worker answers to a spill.
fn written(spill: &Spill) -> Vec<OnDisk> {
    spill.blocks.iter().map(|(number, _)| OnDisk { number: *number, crc: Some(*number) }).collect()
}

fn numbers(spill: &Spill) -> Vec<u32> {
    spill.blocks.iter().map(|(number, _)| *number).collect()
}

#[test]
fn blocks_that_wait_for_long_are_spilled_and_read_back_when_the_piece_is_complete() {
    let mut case = Case::new(200_000, 100_000);
    let second = Duration::from_secs(1);
    for (number, at) in [(5, 0), (1, 1), (6, 2)] {
        case.put_at(0, number, at * second);
    }
    assert!(case.assembly.spills(SPILL_AFTER - second / 10).is_empty());
    let spills = case.assembly.spills(SPILL_AFTER);
    assert_eq!(spills.iter().map(numbers).collect::<Vec<_>>(), [[1, 5, 6]]);
    assert!(case.assembly.spills(9 * second).is_empty(), "once");
    assert!(!case.put_at(0, 5, 9 * second).fresh, "here all the same");
    case.put_at(0, 0, 9 * second);
    let ended = case.assembly.spilled(spills[0].piece, &written(&spills[0]));
    assert_eq!((ended.current, ended.freed_bytes), (true, spills[0].bytes()));
    assert_eq!(case.assembly.held_bytes(), u64::from(BLOCK_LENGTH));
    assert!(case.assembly.spills(12 * second).is_empty(), "what came later waits for itself");
    for number in [2, 3] {
        assert!(case.put_at(0, number, 12 * second).job.is_none());
    }
    let job = run(case.put_at(0, 4, 12 * second).job);
    assert_eq!((job.offset, job.blocks.len(), job.last), (0, 4, true));
    let back: Vec<_> = job.back.iter().map(|block| (block.number, block.crc)).collect();
    assert_eq!(back, [(1, Some(1)), (5, Some(5)), (6, Some(6))]);
}

#[test]
fn a_prefix_that_grows_is_not_spilled() {
    let mut case = Case::new(8 << 20, 8 << 20);
    let piece = case.geometry.piece(0).unwrap();
    let second = Duration::from_secs(1);
    for number in 0..512 {
        // Four blocks a second: a run takes as long as a block may wait.
        let put = case.put_at(0, number, number * second / 5);
        assert!(case.assembly.spills(number * second / 5).is_empty(), "block {number}");
        if put.job.is_some() {
            case.assembly.advanced(piece, PieceHash::new());
        }
    }
}

#[test]
fn where_memory_is_short_the_piece_that_rests_longest_is_spilled_first() {
    let mut case = Case::new(4 << 20, 1 << 20);
    case.assembly = Assembly::new(case.geometry, 40 * u64::from(BLOCK_LENGTH));
    let moment = Duration::from_millis(10);
    for (piece, number) in (0..3).flat_map(|piece| (0..13).map(move |number| (piece, number))) {
        case.put_at(piece, number, (piece * 13 + number) * moment);
    }
    case.put_at(0, 13, 40 * moment);
    assert!(case.assembly.relieve(40 * moment).is_empty(), "there is room");
    case.put_at(2, 13, 41 * moment);
    let spills = case.assembly.relieve(41 * moment);
    let spilled: Vec<u32> = spills.iter().map(|spill| spill.piece.number()).collect();
    assert_eq!(spilled, [1], "the one no block came of for longest, and no more than needed");
    assert!(case.assembly.relieve(60 * moment).is_empty());
}

#[test]
fn what_is_lost_of_a_run_is_missing_again_and_the_rest_is_kept() {
    for piece_bytes in [1 << 20, 2 << 20] {
        let mut case = Case::new(piece_bytes.into(), piece_bytes);
        let count = piece_bytes / BLOCK_LENGTH;
        for number in (0..12).filter(|number| number % 3 > 0) {
            case.put(0, number);
        }
        let spill = case.assembly.spills(SPILL_AFTER).pop().unwrap();
        case.assembly.spilled(spill.piece, &written(&spill));
        let jobs = (0..count).filter_map(|number| case.put(0, number).job);
        let job = run(jobs.last());
        let before = (case.assembly.held_bytes(), case.assembly.received(job.piece));
        let (lost, next) = case.assembly.lost(job, &[4, 10]);
        assert_eq!(lost.iter().map(|block| block.number()).collect::<Vec<_>>(), [4, 10]);
        assert!(next.is_none());
        assert_eq!(
            (case.assembly.held_bytes(), case.assembly.received(spill.piece)),
            (before.0, before.1 - 2)
        );
        assert!(case.put(0, 4).job.is_none());
        let job = run(case.put(0, 10).job);
        assert_eq!((job.offset, job.back.len()), (0, 6));
        assert_eq!((job.blocks.len() + job.back.len()) as u32, if count > 64 { 32 } else { 64 });
    }
}

#[test]
fn what_the_disk_refused_to_take_waits_until_it_is_asked_again() {
    let mut case = Case::new(32_768, 32_768);
    case.put(0, 0);
    let spill = case.assembly.spills(SPILL_AFTER).pop().unwrap();
    assert!(case.assembly.unspilled(spill).is_none());
    assert_eq!(case.assembly.held_bytes(), 16_384);
    assert!(case.assembly.spills(2 * SPILL_AFTER).is_empty(), "the disk is not asked again and again");
    assert!(case.assembly.retry().is_empty());
    assert_eq!(numbers(&case.assembly.spills(2 * SPILL_AFTER)[0]), [0]);
}

#[test]
fn at_the_end_everything_is_handed_over_as_soon_as_the_job_before_it_ends() {
    let mut case = Case::new(4 << 20, 2 << 20);
    let busy = run((0..16).find_map(|number| case.put(0, number).job));
    case.put(0, 17);
    case.put(1, 3);
    let spills = case.assembly.flush();
    assert_eq!(spills.iter().map(|spill| spill.piece.number()).collect::<Vec<_>>(), [1]);
    case.assembly.spilled(spills[0].piece, &written(&spills[0]));
    assert!(case.assembly.is_writing());
    let Some(WriteJob::Spill(spill)) = case.assembly.advanced(busy.piece, PieceHash::new()).job else {
        panic!("nothing follows");
    };
    assert_eq!(numbers(&spill), [17]);
    case.assembly.spilled(spill.piece, &written(&spill));
    assert!(!case.assembly.is_writing());
    assert_eq!(case.assembly.held_bytes(), 0);
}

#[test]
fn a_spill_of_a_piece_given_up_means_nothing() {
    let mut case = Case::new(1 << 20, 1 << 20);
    case.put(0, 3);
    let spill = case.assembly.spills(SPILL_AFTER).pop().unwrap();
    assert_eq!(case.assembly.abandon(spill.piece), 0);
    assert!(case.put(0, 4).fresh);
    let ended = case.assembly.spilled(spill.piece, &written(&spill));
    assert_eq!((ended.current, ended.freed_bytes), (false, 0));
    assert_eq!(case.assembly.received(spill.piece), 1);
    assert!(case.put(0, 3).fresh);
}

#[test]
fn blocks_that_stand_on_disk_are_taken_up() {
    let mut case = Case::new(5 << 20, 2 << 20);
    let (long, short) = (case.geometry.piece(0).unwrap(), case.geometry.piece(2).unwrap());
    let block = |number| OnDisk { number, crc: None };
    let kept = (0..20).map(|number| (long, block(number))).chain([(short, block(9)), (short, block(9))]);
    let jobs = case.assembly.restore(kept);
    assert_eq!(jobs.len(), 1);
    let job = run(jobs.into_iter().next());
    assert_eq!((job.piece, job.blocks.len(), job.back.len()), (long, 0, 16), "what can be hashed is");
    assert_eq!((case.assembly.received(long), case.assembly.received(short)), (20, 1));
    assert!(!case.put(0, 19).fresh && case.put(0, 20).fresh);
    assert_eq!(case.assembly.held_bytes(), u64::from(BLOCK_LENGTH));
}

/// What the workers do, and what there is on disk.
#[derive(Default)]
struct World {
    charged: u64,
    running: Vec<WriteJob>,
    /// How far each piece is hashed.
    hashed: HashMap<PieceIndex, u32>,
    /// What was spilled of each.
    spilled: HashMap<PieceIndex, BTreeSet<u32>>,
    done: BTreeSet<PieceIndex>,
}

impl World {
    /// A job ends, if there is one: well, or refused, or with blocks lost, which come `again`.
    fn end_one(&mut self, case: &mut Case, random: &mut fastrand::Rng, again: &mut Vec<BlockRef>) -> bool {
        if self.running.is_empty() {
            return false;
        }
        let ended = match self.running.swap_remove(random.usize(..self.running.len())) {
            WriteJob::Spill(spill) => {
                if random.u8(..8) == 0 {
                    let next = case.assembly.unspilled(spill);
                    self.running.extend(next);
                    self.running.extend(case.assembly.retry().into_iter().map(WriteJob::Advance));
                    self.running.extend(case.assembly.relieve(At::ZERO).into_iter().map(WriteJob::Spill));
                    return true;
                }
                self.spilled.entry(spill.piece).or_default().extend(numbers(&spill));
                case.assembly.spilled(spill.piece, &written(&spill))
            }
            WriteJob::Advance(job) => {
                let at = self.hashed.get(&job.piece).copied().unwrap_or_default();
                assert_eq!(at * BLOCK_LENGTH, job.offset, "in order");
                if !job.back.is_empty() && random.u8(..8) == 0 {
                    let gone = job.back[random.usize(..job.back.len())].number;
                    self.spilled.get_mut(&job.piece).unwrap().remove(&gone);
                    let (lost, next) = case.assembly.lost(job, &[gone]);
                    again.extend(lost);
                    self.running.extend(next);
                    return true;
                }
                let on_disk = &self.spilled.entry(job.piece).or_default();
                assert!(job.back.iter().all(|block| on_disk.contains(&block.number)));
                let end = at + (job.blocks.len() + job.back.len()) as u32;
                self.hashed.insert(job.piece, end);
                let count = case.geometry.blocks_in(job.piece);
                assert_eq!(job.last, end == count);
                let piece = job.piece;
                drop(job.blocks);
                if job.last {
                    assert!(self.done.insert(piece), "once");
                    self.charged -= case.assembly.settled(piece);
                    return true;
                }
                case.assembly.advanced(piece, PieceHash::new())
            }
        };
        self.charged -= ended.freed_bytes;
        self.running.extend(ended.job);
        true
    }
}

proptest! {
    #[test]
    fn blocks_in_any_order_are_handed_over_once_and_in_order(
        total in 1u64..5_000_000,
        piece_bytes in prop_oneof![1u32..100_000, 1_000_000u32..4_000_000],
        seed: u64,
    ) {
        prop_assume!(total / u64::from(piece_bytes) < 60);
        let mut case = Case::new(total, piece_bytes);
        let mut random = fastrand::Rng::with_seed(seed);
        // Sometimes memory is short.
        let most_waiting = if random.bool() { random.u64(..3_000_000) } else { PLENTY };
        case.assembly = Assembly::new(case.geometry, most_waiting);
        let mut order: Vec<BlockRef> =
            case.geometry.pieces().flat_map(|piece| case.geometry.blocks_of(piece)).collect();
        random.shuffle(&mut order);
        let mut world = World::default();
        let mut now = At::ZERO;
        let mut again = Vec::new();
        while let Some(block) = order.pop().or_else(|| again.pop()) {
            let length = case.geometry.block_length(block);
            world.charged += u64::from(length);
            now += Duration::from_millis(random.u64(..200));
            let put = case.assembly.put(block, case.pool.take(length), now);
            prop_assert!(put.fresh);
            world.running.extend(put.job);
            world.running.extend(case.assembly.spills(now).into_iter().map(WriteJob::Spill));
            world.running.extend(case.assembly.relieve(now).into_iter().map(WriteJob::Spill));
            while random.bool() && world.end_one(&mut case, &mut random, &mut again) {}
            prop_assert_eq!(case.assembly.held_bytes(), world.charged);
            // Where too much waits, peers are asked for nothing: no block comes that would bring room about.
            let is_stuck = world.running.is_empty() && !case.assembly.refused;
            prop_assert!(!is_stuck || case.assembly.waiting_bytes <= most_waiting);
            if order.is_empty() && again.is_empty() {
                while world.end_one(&mut case, &mut random, &mut again) {}
            }
        }
        prop_assert_eq!((world.charged, case.assembly.held_bytes(), case.assembly.pieces().count()), (0, 0, 0));
        prop_assert_eq!(world.done.len(), case.geometry.piece_count() as usize);
    }
}
