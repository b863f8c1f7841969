//! Blocks written to their places before their piece is complete.

use super::*;
use crate::engine::assembly::SPILL_AFTER;

impl Case {
    /// Lets everything that waits be written to its place, and waits for it.
    fn spill(&mut self) -> Vec<OnDisk> {
        let spills = self.assembly.spills(SPILL_AFTER);
        let count = spills.len();
        spills.into_iter().for_each(|spill| self.pool.spill(spill));
        let mut on_disk = Vec::new();
        for _ in 0..count {
            let DiskDone::Spilled { piece, blocks } = self.next() else { panic!("it was not spilled") };
            let ended = self.assembly.spilled(piece, &blocks);
            on_disk.extend(blocks);
            if let Some(job) = ended.job {
                self.pool.write(job);
            }
        }
        on_disk
    }

    fn path(dir: &Path) -> std::path::PathBuf {
        dir.join("out/folder/file")
    }
}

#[test]
fn pieces_of_which_blocks_were_spilled_are_right_in_the_end() {
    for piece_bytes in [100_000, 1 << 20, 3_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), 7_000_001, piece_bytes);
        let count = case.geometry.piece_count();
        for number in 0..count {
            case.receive_some(number, |block| block % 5 == 1 || block % 7 > 3);
        }
        let spilled = case.spill();
        assert!(spilled.len() as u64 > 7_000_001 / 16_384 / 2, "{} blocks", spilled.len());
        assert!(spilled.iter().all(|block| block.crc.is_some()));
        assert_eq!(case.assembly.held_bytes(), 0);
        // Some come once more; those are not taken.
        (0..count).for_each(|number| case.receive(number));
        assert_eq!(case.settle(count as usize).0, (0..count).collect::<Vec<_>>());
        assert_eq!(case.assembly.held_bytes(), 0);
        assert_eq!(std::fs::read(Case::path(dir.path())).unwrap(), case.content);
    }
}

#[test]
fn a_wrong_piece_is_told_block_by_block_whatever_of_it_was_spilled() {
    for piece_bytes in [100_000, 3_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), 2 * piece_bytes as usize, piece_bytes);
        let right: Vec<BlockDigest> = {
            case.receive(0);
            case.settle(1);
            case.pool.digest(case.piece(0));
            let DiskDone::Digested { blocks, .. } = case.next() else { panic!("no digest") };
            blocks
        };
        // One wrong block is spilled, and another is not.
        let last = piece_bytes as usize - 1;
        case.content[20_000] ^= 1;
        case.content[last] ^= 1;
        case.receive_some(0, |block| block % 3 == 1);
        case.spill();
        case.receive(0);
        let wrong = loop {
            match case.next() {
                DiskDone::Mismatch { blocks, .. } => break blocks,
                DiskDone::Advanced { piece, hasher } => {
                    if let Some(job) = case.assembly.advanced(piece, hasher).job {
                        case.pool.write(job);
                    }
                }
                other => panic!("unexpected {other:?}"),
            }
        };
        let differ: Vec<usize> = (0..right.len()).filter(|n| wrong[*n] != right[*n]).collect();
        assert_eq!((wrong.len(), differ), (right.len(), vec![1, right.len() - 1]));
    }
}

#[test]
fn what_somebody_changed_of_a_file_is_missing_again_and_no_more() {
    use std::io::{Seek, SeekFrom, Write};

    for piece_bytes in [200_000, 3_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), piece_bytes as usize, piece_bytes);
        let spilled = |block: u32| (2..9).contains(&block);
        case.receive_some(0, spilled);
        case.spill();
        let mut file = std::fs::File::options().write(true).open(Case::path(dir.path())).unwrap();
        file.seek(SeekFrom::Start(3 * 16_384 + 77)).unwrap();
        file.write_all(b"somebody else").unwrap();
        case.receive_some(0, |block| !spilled(block));
        let DiskDone::Lost { job, blocks } = case.next() else { panic!("nothing is lost") };
        assert_eq!(blocks, [3]);
        let (lost, next) = case.assembly.lost(*job, &blocks);
        assert_eq!(lost.iter().map(|block| block.number()).collect::<Vec<_>>(), [3]);
        assert!(next.is_none());
        case.receive_some(0, |block| block == 3);
        assert_eq!(case.settle(1).0, [0]);
        assert_eq!(std::fs::read(Case::path(dir.path())).unwrap(), case.content);
    }
}

#[test]
fn blocks_that_a_cut_file_has_no_more_are_missing_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 200_000, 200_000);
    case.receive_some(0, |block| block > 0);
    case.spill();
    let file = std::fs::File::options().write(true).open(Case::path(dir.path())).unwrap();
    file.set_len(150_000).unwrap();
    case.receive_some(0, |block| block == 0);
    let DiskDone::Lost { blocks, .. } = case.next() else { panic!("nothing is lost") };
    assert_eq!(blocks, [9, 10, 11, 12]);
}

#[test]
fn a_disk_that_takes_no_spill_has_everything_back_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 200_000, 200_000);
    std::fs::remove_dir_all(dir.path().join("out")).unwrap();
    case.receive_some(0, |block| block > 3);
    let held = case.assembly.held_bytes();
    case.assembly.spills(SPILL_AFTER).into_iter().for_each(|spill| case.pool.spill(spill));
    let DiskDone::Unspilled { job, .. } = case.next() else { panic!("it was taken") };
    assert!(case.assembly.unspilled(job).is_none());
    assert_eq!(case.assembly.held_bytes(), held);
}
