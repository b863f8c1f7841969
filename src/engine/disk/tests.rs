mod spilled;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::engine::assembly::Assembly;
use crate::engine::clock::Clock;
use crate::engine::pool::BlockPool;
use crate::metainfo::{Geometry, NewTorrent, Torrent};
use crate::storage::{DirtySet, Loaded, Options, ResumeFile, Start, Started, start};

/// No test runs until something is synced for the time that passed.
const LATE: Duration = DirtySet::LONGEST;

/// A torrent of one file with known content, and everything that downloads it.
struct Case {
    content: Vec<u8>,
    geometry: Geometry,
    storage: Arc<Storage>,
    keeper: Arc<Keeper>,
    pool: TorrentDisk,
    done: mailbox::UnboundedReceiver<DiskDone>,
    assembly: Assembly,
    blocks: Arc<BlockPool>,
}

fn content(length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    fastrand::Rng::with_seed(3).fill(&mut content);
    content
}

fn torrent(length: usize, piece_bytes: u32) -> Arc<Torrent> {
    let new = NewTorrent::of_files("folder", piece_bytes, &[("file", &content(length))]);
    Arc::new(Torrent::from_bytes(&new.to_bytes()).unwrap())
}

fn begin(dir: &Path, state: &Path, length: usize, piece_bytes: u32) -> Started {
    let started = start(Start {
        torrent: torrent(length, piece_bytes),
        output_dir: dir,
        state_dir: state,
        options: Options::default(),
        choice: &|_| None,
        threads: 2,
        progress: &|_, _| {},
        cancel: &AtomicBool::new(false),
    });
    started.unwrap()
}

impl Case {
    fn new(dir: &Path, length: usize, piece_bytes: u32) -> Self {
        let started = begin(&dir.join("out"), &dir.join("state"), length, piece_bytes);
        let (sender, done) = mailbox::unbounded();
        let Started { storage, resume, record, journal, unfinished, .. } = started;
        let remembered = Remembered { resume, record, journal, unfinished };
        let clock = Clock::start();
        let pool = DiskPool::new(2, clock);
        let keeper =
            Keeper::start(Arc::clone(&storage), remembered, (clock, pool.syncers()), LATE, sender.clone());
        let pool = pool.open(Arc::clone(&storage), Some(Arc::clone(&keeper)), sender);
        let geometry = storage.torrent().geometry;
        let assembly = Assembly::new(geometry, u64::MAX);
        let blocks = BlockPool::new(64);
        Self { content: content(length), geometry, storage, keeper, pool, done, assembly, blocks }
    }

    fn piece(&self, number: u32) -> PieceIndex {
        self.geometry.piece(number).unwrap()
    }

    /// Puts every block of the piece in, as one peer would send it.
    fn receive(&mut self, number: u32) {
        self.receive_some(number, |_| true);
    }

    /// The same of those blocks that are wanted.
    fn receive_some(&mut self, number: u32, wanted: impl Fn(u32) -> bool) {
        let piece = self.piece(number);
        for block in self.geometry.blocks_of(piece).filter(|block| wanted(block.number())) {
            let from = (self.geometry.offset_of(piece) + u64::from(block.begin())) as usize;
            let mut bytes = self.blocks.take(self.geometry.block_length(block));
            let length = bytes.len();
            bytes.copy_from_slice(&self.content[from..from + length]);
            if let Some(job) = self.assembly.put(block, bytes, Duration::ZERO).job {
                self.pool.write(job);
            }
        }
    }

    fn next(&mut self) -> DiskDone {
        self.done.blocking_recv().expect("the pool is there")
    }

    /// Hands jobs on until this many pieces were settled; the refused ones stay with the assembly.
    fn settle(&mut self, pieces: usize) -> (Vec<u32>, Vec<u32>, Vec<StorageError>) {
        let (mut verified, mut wrong, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        while verified.len() + wrong.len() + refused.len() < pieces {
            match self.next() {
                DiskDone::Advanced { piece, hasher } => {
                    if let Some(job) = self.assembly.advanced(piece, hasher).job {
                        self.pool.write(job);
                    }
                }
                DiskDone::Verified { piece } => {
                    self.assembly.settled(piece);
                    verified.push(piece.number());
                }
                DiskDone::Mismatch { piece, .. } => {
                    self.assembly.settled(piece);
                    wrong.push(piece.number());
                }
                DiskDone::Stuck { job, error } => {
                    self.assembly.stuck(job);
                    refused.push(error);
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        verified.sort_unstable();
        (verified, wrong, refused)
    }
}

#[test]
fn pieces_are_hashed_and_written_whole_or_in_runs() {
    for piece_bytes in [100_000, 1 << 20, 3_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), 7_000_001, piece_bytes);
        let count = case.geometry.piece_count();
        (0..count).rev().for_each(|number| case.receive(number));
        let (verified, wrong, refused) = case.settle(count as usize);
        assert_eq!(verified, (0..count).collect::<Vec<_>>());
        assert!(wrong.is_empty() && refused.is_empty());
        assert_eq!(case.assembly.held_bytes(), 0);
        assert_eq!(std::fs::read(dir.path().join("out/folder/file")).unwrap(), case.content);
    }
}

#[test]
fn a_wrong_piece_is_told_block_by_block_in_runs_or_whole() {
    for piece_bytes in [100_000, 3_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), 2 * piece_bytes as usize, piece_bytes);
        let told = |case: &mut Case| loop {
            match case.next() {
                DiskDone::Advanced { piece, hasher } => {
                    if let Some(job) = case.assembly.advanced(piece, hasher).job {
                        case.pool.write(job);
                    }
                }
                DiskDone::Mismatch { piece, blocks } => {
                    case.assembly.settled(piece);
                    break blocks;
                }
                DiskDone::Verified { piece } => {
                    case.assembly.settled(piece);
                    case.pool.digest(piece);
                }
                DiskDone::Digested { blocks, .. } => break blocks,
                other => panic!("unexpected {other:?}"),
            }
        };
        case.content[20_000] ^= 1;
        case.receive(0);
        let wrong = told(&mut case);
        case.content[20_000] ^= 1;
        case.receive(0);
        let right = told(&mut case);
        assert_eq!(right.len() as u32, piece_bytes.div_ceil(16_384));
        let differ: Vec<usize> = (0..right.len()).filter(|n| wrong[*n] != right[*n]).collect();
        assert_eq!((wrong.len(), differ), (right.len(), vec![1]));
    }
}

#[test]
fn a_wrong_piece_is_told_and_never_written_where_it_came_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 300_000, 100_000);
    case.content[150_000] ^= 1;
    (0..3).for_each(|number| case.receive(number));
    assert_eq!(case.settle(3), (vec![0, 2], vec![1], vec![]));
    let written = std::fs::read(dir.path().join("out/folder/file")).unwrap();
    assert!(written[100_000..200_000].iter().all(|&byte| byte == 0));
    case.content[150_000] ^= 1;
    case.receive(1);
    assert_eq!(case.settle(1).0, [1]);
    assert_eq!(std::fs::read(dir.path().join("out/folder/file")).unwrap(), case.content);
}

#[test]
fn a_wrong_large_piece_is_told_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 3_000_000, 3_000_000);
    case.content[5] ^= 1;
    case.receive(0);
    assert_eq!(case.settle(1), (vec![], vec![0], vec![]));
    case.content[5] ^= 1;
    case.receive(0);
    assert_eq!(case.settle(1).0, [0]);
}

#[test]
fn pieces_are_read_for_peers_and_checked_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 300_000, 100_000);
    case.receive(1);
    assert_eq!(case.settle(1).0, [1]);
    let read = case.pool.read(case.piece(1), 20_000, 16_384).blocking_recv().unwrap().unwrap();
    assert_eq!(read, case.content[120_000..136_384]);
    let is_reserved = cfg!(all(target_os = "linux", not(feature = "portable")));
    let beyond = case.pool.read(case.piece(2), 0, 10).blocking_recv().unwrap();
    assert_eq!(beyond.is_ok(), is_reserved, "only what is reserved is there before it is written");
    for (number, expected) in [(1, true), (2, false)] {
        case.pool.check(case.piece(number));
        let DiskDone::Checked { piece, good } = case.next() else { panic!("expected an answer") };
        assert_eq!((piece.number(), good), (number, Ok(expected)));
    }
    std::fs::remove_dir_all(dir.path().join("out")).unwrap();
    assert_eq!(case.pool.queued(), 0);
}

#[test]
fn stopping_writes_what_was_handed_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 3_000_000, 100_000);
    (0..30).for_each(|number| case.receive(number));
    case.pool.stop();
    assert_eq!(std::fs::read(dir.path().join("out/folder/file")).unwrap(), case.content);
    assert_eq!(case.blocks.take(1).len(), 1);
}

#[test]
fn what_was_written_is_known_at_the_next_start() {
    for (sync, synced, unsynced) in [(false, 0, 2), (true, 2, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let mut case = Case::new(dir.path(), 300_000, 100_000);
        case.keeper.prepare(&crate::metainfo::Bitfield::empty(3)).unwrap();
        [0, 2].into_iter().for_each(|number| case.receive(number));
        case.settle(2);
        case.pool.stop();
        let notes = Notes {
            paused: true,
            uploaded_bytes: 1,
            downloaded_bytes: 2,
            peers: vec!["10.0.0.1:6881".parse().unwrap()],
        };
        case.keeper.note(notes);
        case.keeper.finish(sync).unwrap();
        drop(case.keeper);

        let place = case.storage.output_dir().to_owned();
        let (_, loaded) = reopen(&dir.path().join("state"), &place);
        let Loaded::Found(record) = loaded else { panic!("nothing was remembered") };
        assert_eq!((record.synced.count(), record.unsynced.count()), (synced, unsynced));
        assert!(record.clean && record.paused);
        assert_eq!((record.uploaded_bytes, record.downloaded_bytes, record.peers.len()), (1, 2, 1));
        let again = retry_begin(dir.path());
        assert_eq!((again.have.numbers().collect::<Vec<_>>(), again.hashed), (vec![0, 2], unsynced));
    }
}

/// A thread that syncs lets go of the lock a moment after the keeper is dropped.
fn until<T>(what: impl Fn() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(found) = what() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("it did not happen within five seconds");
}

fn reopen(state: &Path, output: &Path) -> (ResumeFile, Loaded) {
    until(|| ResumeFile::open(state, torrent(300_000, 100_000).info_hash, output).ok())
}

fn retry_begin(dir: &Path) -> Started {
    begin(&dir.join("out"), &dir.join("state"), 300_000, 100_000)
}

#[test]
fn a_run_that_is_killed_is_seen_as_such_and_a_pause_is_saved_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 300_000, 100_000);
    case.keeper.prepare(&crate::metainfo::Bitfield::empty(3)).unwrap();
    case.receive(1);
    case.settle(1);
    case.keeper.note(Notes { paused: true, ..Notes::default() });
    let state = dir.path().join("state");
    let saved = || {
        let file = std::fs::read_dir(&state).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension().is_some_and(|ext| ext == "resume").then_some(path)
        })?;
        // A copy in another place can be opened while the run goes on.
        let copy = dir.path().join("copy");
        std::fs::create_dir_all(&copy).unwrap();
        std::fs::copy(&file, copy.join(file.file_name().unwrap())).ok()?;
        match ResumeFile::open(&copy, case.storage.torrent().info_hash, case.storage.output_dir()).unwrap().1
        {
            Loaded::Found(record) if record.paused => Some(record),
            _ => None,
        }
    };
    let record = until(saved);
    assert!(!record.clean, "pieces were written");
    assert_eq!(record.unsynced.numbers().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_turn_that_comes_after_the_end_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 3 * 16_384, 16_384);
    case.receive(1);
    case.keeper.finish(true).unwrap();
    // As one does that waited for a thread until then.
    case.keeper.take_turn();
    case.keeper.take_turn();
}

#[test]
fn nothing_written_leaves_the_record_clean() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 300_000, 100_000);
    (0..3).for_each(|number| case.receive(number));
    case.settle(3);
    case.pool.stop();
    case.keeper.finish(true).unwrap();
    drop(case.keeper);
    drop(reopen(&dir.path().join("state"), case.storage.output_dir()));
    // A run that only seeds and is killed.
    let case = Case::new(dir.path(), 300_000, 100_000);
    case.keeper.prepare(&crate::metainfo::Bitfield::full(3)).unwrap();
    drop(case.pool);
    drop(case.keeper);
    let (_, loaded) = reopen(&dir.path().join("state"), case.storage.output_dir());
    let Loaded::Found(record) = loaded else { panic!("nothing was remembered") };
    assert!(record.clean && record.synced.is_full());
}

/// Runs this test again as root of namespaces of its own, where `dir` is a file system of `bytes`. False in the
/// inner run, which does the testing.
fn outside_of_a_small_disk(test: &str, bytes: usize) -> bool {
    const MARK: &str = "TTUI_TEST_SMALL_DISK";
    if std::env::var_os(MARK).is_some() {
        return false;
    }
    let possible = Command::new("unshare").args(["-rm", "true"]).output();
    if !possible.as_ref().is_ok_and(|ran| ran.status.success()) {
        println!("skipped: cannot make a mount namespace here (unshare -rm): {possible:?}");
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=$2 ttui-test \"$1\" && exec \"$3\" --exact \"$4\" --nocapture";
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-ec", script, "sh"])
        .arg(dir.path())
        .arg(bytes.to_string())
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(MARK, dir.path())
        .output()
        .unwrap();
    let output = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if output.contains("mount:") {
        println!("skipped: cannot mount a tmpfs here: {output}");
        return true;
    }
    assert!(ran.status.success() && output.contains("1 passed"), "{output}");
    true
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_with_room() {
    let name = "engine::disk::tests::a_full_disk_loses_nothing_and_goes_on_with_room";
    if outside_of_a_small_disk(name, 4 << 20) {
        return;
    }
    let small = std::env::var("TTUI_TEST_SMALL_DISK").unwrap();
    let small = Path::new(&small);
    let mut case = Case::new(small, 2 << 20, 256 << 10);
    case.keeper.prepare(&crate::metainfo::Bitfield::empty(8)).unwrap();

    // Somebody else fills the disk before the first byte comes.
    let hog = small.join("hog");
    std::fs::write(&hog, vec![1; 2_600_000]).unwrap();
    let error = case.keeper.prepare(&crate::metainfo::Bitfield::empty(8)).unwrap_err();
    assert!(matches!(error, StorageError::NoRoom { .. }) && error.is_disk_full(), "{error}");
    (0..8).for_each(|number| case.receive(number));
    let (verified, wrong, refused) = case.settle(8);
    assert!(wrong.is_empty() && !refused.is_empty(), "{verified:?}");
    assert!(refused.iter().all(StorageError::is_disk_full), "{refused:?}");
    assert!(refused[0].to_string().contains("folder/file"), "{}", refused[0]);
    assert_eq!(case.assembly.held_bytes(), refused.len() as u64 * (256 << 10), "no block was lost");

    std::fs::remove_file(&hog).unwrap();
    for job in case.assembly.retry() {
        case.pool.advance(job);
    }
    let (again, wrong, still) = case.settle(refused.len());
    assert_eq!((verified.len() + again.len(), wrong.len(), still.len()), (8, 0, 0));
    assert_eq!(std::fs::read(small.join("out/folder/file")).unwrap(), case.content);
}

#[test]
fn what_comes_while_writes_are_held_is_written_when_they_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 3 << 18, 1 << 18);
    case.keeper.prepare(&crate::metainfo::Bitfield::empty(3)).unwrap();
    let held = case.pool.hold_writes();
    (0..3).for_each(|number| case.receive(number));
    assert_eq!(case.pool.queued(), 3, "no worker takes them");
    let read = case.pool.read(case.piece(0), 0, 16_384).blocking_recv().unwrap();
    assert!(read.is_err(), "reads are answered: nothing is there");
    held.allow();
    let (verified, wrong, refused) = case.settle(3);
    assert_eq!((verified.len(), wrong.len(), refused.len()), (3, 0, 0));
    assert_eq!(std::fs::read(dir.path().join("out/folder/file")).unwrap(), case.content);
}

#[test]
fn what_is_held_until_the_end_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut case = Case::new(dir.path(), 1 << 18, 1 << 18);
    let held = case.pool.hold_writes();
    case.receive(0);
    case.pool.stop();
    held.allow();
    assert!(!dir.path().join("out/folder").exists());
}
