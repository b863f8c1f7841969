//! Files that are not wanted: nothing is created, and what is here of them is kept aside until they are.

use super::*;
use crate::metainfo::{Choice, FilePriority};

/// A run whose user chooses files, and what is known of it from outside.
struct Run<'a> {
    case: &'a Case,
    started: Option<Started>,
    choice: Choice,
    written: Vec<u32>,
    /// By file: whether it was ever wanted when something could be created.
    wanted: Vec<bool>,
}

/// How far a move comes before the program is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Killed {
    Never,
    BeforeItIsRemembered,
    BeforeItIsTrue,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case) -> Self {
        let files = case.torrent.files.len();
        let choice = Choice::everything(files);
        Self { case, started: Some(case.start()), choice, written: Vec::new(), wanted: vec![false; files] }
    }

    fn run(&mut self) -> &mut Started {
        self.started.as_mut().unwrap()
    }

    fn is_skipped(&self, number: usize) -> bool {
        self.choice.of(number) == FilePriority::Skip
    }

    fn side(&self) -> PathBuf {
        self.started.as_ref().unwrap().resume.path().with_extension("side")
    }

    /// What stands in the side file.
    fn aside(&self) -> Vec<u8> {
        std::fs::read(self.side()).unwrap_or_default()
    }

    /// Has files stand where they belong, as far as it comes.
    fn place(&mut self, killed: Killed) {
        let files = self.choice.files().len();
        let skipped: Vec<usize> = (0..files).filter(|number| self.is_skipped(*number)).collect();
        let Started { storage, record, resume, .. } = self.started.as_mut().unwrap();
        let _ = storage.leave_out(skipped.iter().copied());
        let wanted: Vec<usize> =
            (0..files).filter(|number| !skipped.contains(number) && storage.is_aside(*number)).collect();
        let refused = StorageError::TooShort { path: PathBuf::new() };
        let moved = storage.bring_home(&wanted, |moved| {
            if killed == Killed::BeforeItIsRemembered {
                return Err(refused.clone());
            }
            wanted.iter().for_each(|number| record.aside[*number] = false);
            moved.iter().for_each(|(number, found)| record.files[*number] = Some((*found).into()));
            resume.save(record).unwrap();
            if killed == Killed::BeforeItIsTrue { Err(refused.clone()) } else { Ok(()) }
        });
        assert_eq!(moved.is_err(), killed != Killed::Never);
    }

    fn choose(&mut self, number: usize, priority: FilePriority, killed: Killed) {
        self.choice.set(number, priority);
        let choice = self.choice.clone();
        self.run().record.choice = choice;
        let run = self.run();
        run.resume.save(&run.record).unwrap();
        self.place(killed);
        if killed != Killed::Never {
            self.restart(false);
        }
    }

    /// Writing begins.
    fn begin(&mut self) {
        self.place(Killed::Never);
        let run = self.started.as_mut().unwrap();
        let settled = run.record.choice.settled(&self.case.torrent, &run.have);
        let found = run.storage.prepare(&settled).unwrap();
        run.storage.describe(&found, &mut run.record).unwrap();
        run.record.clean = false;
        run.resume.save(&run.record).unwrap();
        for number in 0..self.wanted.len() {
            self.wanted[number] |= !self.is_skipped(number);
        }
    }

    fn write(&mut self, piece: u32) {
        self.begin();
        let storage = Arc::clone(&self.run().storage);
        self.case.write(&storage, [piece]);
        let synced = self.case.piece(piece);
        storage.sync(&[synced]).unwrap();
        if !self.written.contains(&piece) {
            self.written.push(piece);
        }
    }

    /// Ends it, and begins again: nothing of what was written is lost.
    fn restart(&mut self, clean: bool) {
        let mut run = self.started.take().unwrap();
        if clean {
            self.written.iter().for_each(|piece| _ = run.record.synced.set(self.case.piece(*piece)));
            run.storage.describe(&run.storage.survey().unwrap(), &mut run.record).unwrap();
            run.record.clean = true;
            run.resume.save(&run.record).unwrap();
        }
        drop(run);
        let run = self.case.start();
        assert_eq!(run.record.choice, self.choice);
        let mut expected = self.written.clone();
        expected.sort_unstable();
        let padding = |piece: &u32| {
            let spans = self.case.torrent.spans_of(self.case.piece(*piece));
            spans.into_iter().all(|span| self.case.torrent.files.file(span.file).unwrap().pad)
        };
        expected.extend(self.case.all().filter(padding).filter(|piece| !self.written.contains(piece)));
        expected.sort_unstable();
        assert_eq!(numbers(&run.have), expected, "clean: {clean}");
        if clean {
            assert!(run.hashed <= self.case.all().filter(padding).count() as u32, "nothing changed");
        }
        self.started = Some(run);
    }

    fn check(&self) {
        let run = self.started.as_ref().unwrap();
        for &number in &self.written {
            let piece = self.case.piece(number);
            let mut read = vec![0; self.case.bytes_of(piece).len()];
            run.storage.read(piece, 0, &mut read).unwrap();
            assert_eq!(read, self.case.bytes_of(piece), "piece {number}");
            // The same at once, where it can be had.
            read.fill(0);
            if run.storage.read_cached(piece, 0, &mut read) {
                assert_eq!(read, self.case.bytes_of(piece), "piece {number}");
            }
        }
        let mut others = self.aside();
        for (number, file) in self.case.torrent.files.iter().enumerate() {
            if !self.wanted[number] {
                assert!(!self.case.file(number).exists(), "file {number} was never wanted");
            }
            if run.storage.is_aside(number) {
                let end = others.len().min((file.offset + file.length) as usize);
                others[end.min(file.offset as usize)..end].fill(0);
            }
        }
        // Elsewhere what was moved is given back with the file.
        let gives_back = cfg!(all(target_os = "linux", not(feature = "portable")));
        assert!(
            !gives_back || others.iter().all(|byte| *byte == 0),
            "it holds the bytes of skipped files only"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn files_skipped_and_wanted_again_in_any_order_lose_nothing(
        lengths in proptest::collection::vec(-20i64..60, 2..9),
        piece_bytes in 1u32..70,
        doings in proptest::collection::vec((0u8..8, any::<prop::sample::Index>()), 1..40),
    ) {
        prop_assume!(lengths.iter().any(|&length| length > 0));
        let case = Case::new(&lengths, piece_bytes);
        let mut run = Run::new(&case);
        let (files, pieces) = (lengths.len(), case.torrent.geometry.piece_count() as usize);
        for (doing, which) in doings {
            let number = which.index(files);
            match doing {
                0 | 1 => run.choose(number, FilePriority::Skip, Killed::Never),
                2 => run.choose(number, FilePriority::Normal, Killed::Never),
                3 => run.choose(number, FilePriority::Normal, Killed::BeforeItIsRemembered),
                4 => run.choose(number, FilePriority::High, Killed::BeforeItIsTrue),
                5 | 6 => run.write(which.index(pieces) as u32),
                _ => run.restart(which.index(2) == 0),
            }
            if doing != 7 {
                run.begin();
            }
            run.check();
        }
        // What is wanted in the end is all there, byte by byte.
        for number in 0..files {
            run.choose(number, FilePriority::Normal, Killed::Never);
        }
        for piece in case.all().filter(|piece| !run.written.contains(piece)).collect::<Vec<_>>() {
            run.write(piece);
        }
        run.begin();
        run.restart(true);
        prop_assert!(!run.side().exists());
        prop_assert!(case.verify().good.is_full());
    }
}

#[test]
fn the_other_half_of_a_piece_is_kept_aside_and_verified_there() {
    let case = Case::new(&[30, 50, 30], 40);
    let mut run = Run::new(&case);
    run.choose(1, FilePriority::Skip, Killed::Never);
    [0, 1, 2].into_iter().for_each(|piece| run.write(piece));
    run.check();
    assert!(!case.file(1).exists() && case.file(0).exists() && case.file(2).exists());
    assert_eq!(run.aside()[30..80], case.content[30..80]);
    run.restart(true);
    let verified = |state: Option<&Path>| {
        let (torrent, cancel) = (Arc::clone(&case.torrent), AtomicBool::new(false));
        verify(torrent, &case.out(), state, &all(&case.torrent), 2, &|_, _| {}, &cancel).unwrap()
    };
    assert!(verified(Some(&case.dir.path().join("state"))).good.is_full());
    assert_eq!(numbers(&verified(None).missing), [0, 1], "nobody says where the rest is");
}

#[test]
fn nobody_who_reads_at_once_waits_for_a_move() {
    let case = Case::new(&[30, 50, 30], 40);
    let mut run = Run::new(&case);
    run.choose(1, FilePriority::Skip, Killed::Never);
    [0, 1, 2].into_iter().for_each(|piece| run.write(piece));
    let storage = Arc::clone(&run.run().storage);
    let read_at_once = || storage.read_cached(case.piece(0), 0, &mut [0; 40]);
    let could = read_at_once();
    let moved = storage.bring_home(&[1], |_| {
        assert!(!read_at_once(), "it is on its way");
        Err(StorageError::TooShort { path: PathBuf::new() })
    });
    assert!(moved.is_err());
    assert_eq!(read_at_once(), could);
}

#[test]
fn a_side_file_that_was_removed_or_changed_is_noticed() {
    for clean in [true, false] {
        let case = Case::new(&[30, 50, 30], 40);
        let mut run = Run::new(&case);
        run.choose(1, FilePriority::Skip, Killed::Never);
        [0, 1, 2].into_iter().for_each(|piece| run.write(piece));
        run.restart(true);
        if !clean {
            run.begin();
        }
        let side = run.side();
        drop(run.started.take());
        let other = case.dir.path().join("other");
        std::fs::write(&other, [7; 110]).unwrap();
        // Clocks of file systems go in steps, which all of this may lie within.
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        OpenOptions::new().write(true).open(&other).unwrap().set_modified(long_ago).unwrap();
        std::fs::rename(&other, &side).unwrap();
        assert_eq!(numbers(&case.start().have), [2], "clean: {clean}");
        std::fs::remove_file(&side).unwrap();
        assert_eq!(numbers(&case.start().have), [2], "clean: {clean}");
    }
}

#[test]
fn what_somebody_put_where_a_skipped_file_belongs_is_not_written_to() {
    let case = Case::new(&[30, 50, 30], 40);
    let mut run = Run::new(&case);
    run.choose(1, FilePriority::Skip, Killed::Never);
    run.write(0);
    std::fs::create_dir_all(case.file(1).parent().unwrap()).unwrap();
    std::fs::write(case.file(1), b"precious").unwrap();
    // Not when it begins again either.
    for _ in 0..2 {
        let storage = Arc::clone(&run.run().storage);
        let refused = storage.bring_home(&[1], |_| unreachable!("it is not there")).unwrap_err();
        let path = case.file(1).canonicalize().unwrap();
        assert_eq!(refused, StorageError::Appeared { path });
        assert!(storage.is_aside(1));
        drop(storage);
        run.restart(false);
    }
    assert_eq!(std::fs::read(case.file(1)).unwrap(), b"precious");
    // Moved away, it stands in nobody's way.
    std::fs::remove_file(case.file(1)).unwrap();
    run.choose(1, FilePriority::Normal, Killed::Never);
    assert_eq!(std::fs::read(case.file(1)).unwrap()[..10], case.content[30..40]);
}
