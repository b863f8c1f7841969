use proptest::prelude::*;

use super::*;
use crate::metainfo::{BLOCK_LENGTH, Geometry};

const HASH: InfoHash = InfoHash([7; 20]);
const NOW: BootId = [1; 16];
const LATER: BootId = [2; 16];

fn geometry() -> Geometry {
    Geometry::new(40 * 16 * u64::from(BLOCK_LENGTH), 16 * BLOCK_LENGTH).unwrap()
}

fn piece(number: u32) -> PieceIndex {
    geometry().piece(number).unwrap()
}

fn block(number: u32) -> OnDisk {
    OnDisk { number, crc: Some(number * 1000) }
}

/// The file, as these batches leave it.
#[derive(Default)]
struct Written(Vec<u8>);

impl Written {
    fn take(&mut self, journal: &mut Journal) {
        match journal.take() {
            Some(Batch::Append(news)) => self.0.extend(news),
            Some(Batch::Replace(all)) => self.0 = all,
            Some(Batch::Remove) => self.0.clear(),
            None => {}
        }
    }

    fn found_in(&self, boot: BootId) -> Vec<(u32, OnDisk)> {
        let journal = load(&self.0, HASH, geometry(), boot);
        journal.blocks().map(|(piece, block)| (piece.number(), block)).collect()
    }
}

#[test]
fn what_is_named_is_found_again_in_the_same_boot() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    assert!(journal.take().is_none());
    journal.name(piece(3), &[block(1), block(2), block(9)]);
    file.take(&mut journal);
    journal.name_hashed(piece(5), 0..3);
    file.take(&mut journal);
    journal.name_hashed(piece(3), 0..3);
    journal.name(piece(3), &[OnDisk { number: 9, crc: Some(77) }]);
    file.take(&mut journal);
    let hashed = |number| OnDisk { number, crc: None };
    let third = [hashed(0), block(1), block(2), OnDisk { number: 9, crc: Some(77) }];
    let fifth = [hashed(0), hashed(1), hashed(2)];
    let expected: Vec<_> =
        third.map(|block| (3, block)).into_iter().chain(fifth.map(|block| (5, block))).collect();
    assert_eq!(file.found_in(NOW), expected);
    assert_eq!(file.found_in(LATER), [], "nothing was synced");
}

#[test]
fn after_another_boot_that_counts_which_was_named_before_the_last_sync() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    journal.name(piece(1), &[block(1)]);
    let (pieces, sync) = journal.sync_begins();
    assert_eq!(pieces, [piece(1)]);
    journal.name(piece(1), &[block(2)]);
    file.take(&mut journal);
    journal.sync_ended(sync);
    file.take(&mut journal);
    assert_eq!(file.found_in(LATER), [(1, block(1))]);
    assert_eq!(file.found_in(NOW).len(), 2);
    // What was written anew is overtaken by nothing.
    journal.name(piece(1), &[block(1)]);
    file.take(&mut journal);
    assert_eq!(file.found_in(LATER), []);
    // A later run says the same of both.
    let mut again = load(&file.0, HASH, geometry(), NOW);
    again.renew();
    file.take(&mut again);
    assert_eq!((file.found_in(LATER).len(), file.found_in(NOW).len()), (0, 2));
    let (_, sync) = again.sync_begins();
    again.sync_ended(sync);
    file.take(&mut again);
    assert_eq!(file.found_in(LATER).len(), 2);
}

#[test]
fn what_a_boot_before_has_synced_is_that_of_this_boot_too() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    journal.name(piece(1), &[block(1)]);
    let (_, sync) = journal.sync_begins();
    journal.sync_ended(sync);
    journal.name(piece(2), &[block(2)]);
    file.take(&mut journal);
    let mut next = load(&file.0, HASH, geometry(), LATER);
    next.renew();
    file.take(&mut next);
    assert_eq!(file.found_in(NOW), [(1, block(1))]);
    next.name(piece(2), &[block(3)]);
    file.take(&mut next);
    assert_eq!(file.found_in(LATER), [(1, block(1)), (2, block(3))]);
    assert_eq!(file.found_in(NOW), [(1, block(1))]);
}

#[test]
fn a_piece_is_known_for_unfinished_before_its_first_block_is_written() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    assert!(journal.begin(piece(1)) && !journal.begin(piece(1)));
    file.take(&mut journal);
    let names = |file: &Written, number| parse(&file.0, HASH, geometry()).1.names(piece(number));
    assert!(names(&file, 1) && !names(&file, 2));
    assert_eq!(file.found_in(NOW), [], "no block of it is");
    journal.name(piece(1), &[block(3)]);
    assert!(!journal.begin(piece(1)));
    file.take(&mut journal);
    assert_eq!(file.found_in(NOW), [(1, block(3))]);
    // One that is finished before any of its blocks was named is struck out too.
    journal.begin(piece(2));
    file.take(&mut journal);
    journal.forget(piece(2));
    file.take(&mut journal);
    assert!(names(&file, 1) && !names(&file, 2));
}

#[test]
fn a_piece_that_is_finished_is_named_no_more() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    journal.name(piece(1), &[block(1)]);
    journal.forget(piece(1));
    assert_eq!(journal.take(), None, "never written, never struck out");
    journal.name(piece(1), &[block(1)]);
    journal.name(piece(2), &[block(1)]);
    file.take(&mut journal);
    journal.forget(piece(1));
    journal.name(piece(1), &[block(4)]);
    file.take(&mut journal);
    assert_eq!(file.found_in(NOW), [(1, block(4)), (2, block(1))], "begun anew");
    let mut again = load(&file.0, HASH, geometry(), NOW);
    again.forget(piece(1));
    again.forget(piece(2));
    assert_eq!(again.take(), Some(Batch::Remove));
    assert_eq!(journal.take_last(), None);
}

#[test]
fn it_is_written_anew_when_most_of_it_means_nothing() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    let mut most = 0;
    for round in 0..20_000 {
        let piece = piece(round % 40);
        journal.forget(piece);
        journal.name(piece, &[block(round % 16), block(3)]);
        file.take(&mut journal);
        most = most.max(file.0.len());
    }
    assert!(most < 2 * LEAST_BYTES, "{most} bytes");
    assert_eq!(file.found_in(NOW).len(), journal.blocks().count());
}

#[test]
fn what_could_not_be_written_is_written_anew() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    journal.name(piece(1), &[block(1)]);
    file.take(&mut journal);
    journal.name(piece(2), &[block(2)]);
    let _lost = journal.take();
    journal.failed();
    journal.name(piece(3), &[block(3)]);
    file.take(&mut journal);
    assert_eq!(file.found_in(NOW), [(1, block(1)), (2, block(2)), (3, block(3))]);
}

#[test]
fn a_torn_end_is_cut_off() {
    let (mut journal, mut file) = (Journal::new(HASH, NOW), Written::default());
    let mut ends = vec![(0, 0)];
    for number in 0..6 {
        journal.name(piece(number), &[block(number), block(number + 1)]);
        file.take(&mut journal);
        ends.push((file.0.len(), 2 * (number as usize + 1)));
    }
    let whole = file.0.clone();
    for cut in 0..=whole.len() {
        let found = Written(whole[..cut].to_vec()).found_in(NOW);
        let expected = ends.iter().rev().find(|(end, _)| *end <= cut).map(|(_, blocks)| *blocks);
        // The sync that ends what was written first stands behind the first two blocks.
        assert!(found.len() == expected.unwrap() || (found.len() == 2 && cut < ends[1].0), "cut at {cut}");
        let mut wrong = whole.clone();
        if let Some(byte) = wrong.get_mut(cut) {
            *byte ^= 1;
        }
        assert!(Written(wrong).found_in(NOW).iter().all(|found| file.found_in(NOW).contains(found)));
    }
    assert!(load(&whole, InfoHash([8; 20]), geometry(), NOW).blocks().next().is_none(), "another torrent");
    let smaller = Geometry::new(2 * 16 * u64::from(BLOCK_LENGTH), 16 * BLOCK_LENGTH).unwrap();
    assert_eq!(load(&whole, HASH, smaller, NOW).blocks().count(), 4, "no piece that there is not");
}

#[test]
fn the_file_is_replaced_appended_to_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let resume = dir.path().join("it.resume");
    let file = JournalFile::beside(&resume);
    assert!(file.read().is_empty());
    file.write(&Batch::Replace(b"begin".to_vec())).unwrap();
    file.write(&Batch::Append(b" more".to_vec())).unwrap();
    file.sync().unwrap();
    assert_eq!(JournalFile::beside(&resume).read(), b"begin more");
    file.write(&Batch::Replace(b"again".to_vec())).unwrap();
    file.write(&Batch::Append(b" and".to_vec())).unwrap();
    file.end(Some(&Batch::Append(b" last".to_vec()))).unwrap();
    file.write(&Batch::Append(b" late".to_vec())).unwrap();
    file.write(&Batch::Replace(b"late".to_vec())).unwrap();
    assert_eq!(file.read(), b"again and last", "nothing is written after the end");
    let next = JournalFile::beside(&resume);
    next.write(&Batch::Remove).unwrap();
    next.write(&Batch::Remove).unwrap();
    assert!(!next.path().exists());
    assert_eq!(boot_id(), boot_id());
}

proptest! {
    /// Right checksums over anything: nothing panics, nothing is reserved beyond what is there.
    #[test]
    fn arbitrary_entries_are_refused_or_read(entries in proptest::collection::vec(
        (0u8..5, proptest::collection::vec(any::<u8>(), 0..60)), 0..10,
    )) {
        let mut bytes = Writer::begin(HASH, NOW).done();
        for (tag, tail) in entries {
            let mut entry = vec![tag];
            entry.extend(tail);
            let sum = crc32fast::hash(&entry);
            bytes.extend(entry);
            bytes.extend(sum.to_be_bytes());
        }
        let journal = load(&bytes, HASH, geometry(), LATER);
        prop_assert!(journal.blocks().all(|(piece, block)| block.number < geometry().blocks_in(piece)));
    }
}
