//! What a start finds, trusts and refuses.

use std::sync::atomic::AtomicU32;

use super::*;

#[test]
fn a_new_download_has_nothing_and_a_complete_one_everything() {
    let case = Case::new(&[100, 200, -20, 30], 32);
    let run = case.start();
    assert!(run.have.is_empty() && run.notes.is_empty() && run.hashed == 0);
    run.storage.prepare(&run.have).unwrap();
    case.write(&run.storage, case.all());
    case.end(run, &case.all().collect::<Vec<_>>(), &[], true);
    let run = case.start();
    assert!(run.have.is_full() && run.hashed == 0, "an unchanged file is not read");
}

#[test]
fn a_piece_of_nothing_but_padding_is_here_from_the_start() {
    let case = Case::new(&[10, -22, 16], 16);
    assert_eq!(numbers(&case.start().have), [1]);
}

#[test]
fn synced_pieces_are_trusted_and_unsynced_ones_hashed() {
    for clean in [true, false] {
        let case = Case::new(&[64 << 10], 4 << 10);
        let run = case.start();
        run.storage.prepare(&run.have).unwrap();
        case.write(&run.storage, [0, 1, 2, 5]);
        // The record says nothing of piece 5: it was written after the last save.
        case.end(run, &[0, 1], &[2], clean);
        let run = case.start();
        assert_eq!(numbers(&run.record.synced), [0, 1]);
        let found = if clean { vec![2] } else { vec![2, 5] };
        assert_eq!((numbers(&run.record.unsynced), run.hashed as usize), (found.clone(), found.len()));
        assert_eq!(run.have.count() as usize, 2 + found.len());
    }
}

#[test]
fn a_file_changed_after_a_clean_exit_is_hashed_again() {
    let case = Case::new(&[40, 40], 10);
    let run = case.start();
    case.write(&run.storage, case.all());
    case.end(run, &case.all().collect::<Vec<_>>(), &[], true);
    case.flip(1, 15);
    let run = case.start();
    assert_eq!(run.hashed, 4);
    assert_eq!(numbers(&run.have), [0, 1, 2, 3, 4, 6, 7]);
}

#[test]
fn a_file_deleted_or_cut_is_noticed_after_any_exit() {
    for clean in [true, false] {
        let case = Case::new(&[40, 40], 10);
        let run = case.start();
        case.write(&run.storage, case.all());
        case.end(run, &case.all().collect::<Vec<_>>(), &[], clean);
        std::fs::remove_file(case.file(0)).unwrap();
        OpenOptions::new().write(true).open(case.file(1)).unwrap().set_len(25).unwrap();
        assert_eq!(numbers(&case.start().have), [4, 5], "clean: {clean}");
    }
}

#[test]
fn a_strangers_file_stops_the_start_unless_told_otherwise() {
    let case = Case::new(&[40, 40], 10);
    std::fs::create_dir_all(case.file(1).parent().unwrap()).unwrap();
    std::fs::write(case.file(1), b"my diary").unwrap();
    let error = case.try_start(false).unwrap_err();
    assert_eq!(error, StorageError::Foreign { path: case.out().canonicalize().unwrap().join("t/d1/f1") });
    assert!(error.to_string().contains("--overwrite"));
    assert_eq!(error.exit_status(), 2);
    assert_eq!(std::fs::read(case.file(1)).unwrap(), b"my diary");
    assert!(case.try_start(true).unwrap().have.is_empty());
    assert_eq!(std::fs::read(case.file(1)).unwrap(), b"my diary", "nothing is written at the start");
}

#[test]
fn a_file_with_one_right_piece_is_taken_over() {
    let case = Case::new(&[40], 10);
    std::fs::create_dir_all(case.out().join("t")).unwrap();
    let mut content = case.content.clone();
    content[5] ^= 1;
    content.truncate(20);
    std::fs::write(case.file(0), &content).unwrap();
    let run = case.start();
    assert_eq!(numbers(&run.have), [1]);
    assert_eq!(numbers(&run.record.unsynced), [1], "who knows whether the disk has it");
}

#[test]
fn a_longer_file_stops_the_start_unless_told_otherwise() {
    let case = Case::new(&[40], 10);
    std::fs::create_dir_all(case.out().join("t")).unwrap();
    let mut longer = case.content.clone();
    longer.push(1);
    std::fs::write(case.file(0), &longer).unwrap();
    let error = case.try_start(false).unwrap_err();
    assert!(matches!(error, StorageError::TooLong { found_bytes: 41, expected_bytes: 40, .. }));
    assert_eq!(error.exit_status(), 2);
    let run = case.try_start(true).unwrap();
    assert!(run.have.is_full());
    case.write(&run.storage, case.all());
    assert_eq!(std::fs::read(case.file(0)).unwrap(), longer, "never truncated");
    case.end(run, &case.all().collect::<Vec<_>>(), &[], true);
    assert!(case.start().have.is_full(), "told once is enough");
}

#[test]
fn a_damaged_resume_file_is_told_and_everything_hashed() {
    let case = Case::new(&[40], 10);
    let run = case.start();
    case.write(&run.storage, case.all());
    let path = run.resume.path().to_owned();
    case.end(run, &case.all().collect::<Vec<_>>(), &[], true);
    let bytes = std::fs::read(&path).unwrap();
    for end in 0..bytes.len() {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let run = case.start();
        assert!(run.have.is_full() && run.hashed == 4, "cut at {end}");
        assert_eq!(run.notes.len(), 1, "cut at {end}");
    }
}

#[test]
fn a_second_start_on_the_same_data_is_refused() {
    let case = Case::new(&[40], 10);
    let run = case.start();
    let error = case.try_start(false).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
    drop(run);
    case.start();
}

#[cfg_attr(
    any(not(target_os = "linux"), feature = "portable"),
    ignore = "holes are known on Linux only; elsewhere all of the zeros are read"
)]
#[test]
fn an_unchanged_torrent_of_100_gib_starts_without_reading_it() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = huge(dir.path(), None);
    // Content that no hash matches: a start that read anything would notice.
    let mut first = std::fs::File::options().write(true).open(dir.path().join("t/f0")).unwrap();
    first.seek(SeekFrom::Start(5)).unwrap();
    first.write_all(b"x").unwrap();
    drop(first);
    let run = |progress: &(dyn Fn(u32, u32) + Sync)| {
        start(Start {
            torrent: Arc::clone(&torrent),
            output_dir: dir.path(),
            state_dir: &dir.path().join("state"),
            options: Options::default(),
            choice: &|_| None,
            threads: 2,
            progress,
            cancel: &AtomicBool::new(false),
        })
        .unwrap()
    };
    let mut first = run(&|_, _| {});
    assert_eq!(first.have.count(), 25_599);
    first.record.synced = Bitfield::full(25_600);
    first.record.clean = true;
    first.record.files = vec![first.storage.survey().unwrap()[0].map(Into::into)];
    first.resume.save(&first.record).unwrap();
    drop(first);

    let looked_at = AtomicU32::new(0);
    let again = run(&|_, of| {
        looked_at.fetch_add(of, Ordering::Relaxed);
    });
    assert!(again.have.is_full());
    assert_eq!((again.hashed, looked_at.into_inner()), (0, 0));
    again.storage.prepare(&again.have).unwrap();
}

#[test]
fn a_file_that_is_another_than_the_one_written_to_is_hashed_after_a_kill() {
    for clean in [true, false] {
        let case = Case::new(&[40, 40], 10);
        let run = case.start();
        case.write(&run.storage, case.all());
        case.end(run, &case.all().collect::<Vec<_>>(), &[], clean);
        // The same length and time, and in the second half something else.
        let (file, copy) = (case.file(0), case.file(0).with_extension("copy"));
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        let mut content = case.content[..40].to_vec();
        content[20..].fill(7);
        std::fs::write(&copy, content).unwrap();
        OpenOptions::new().write(true).open(&copy).unwrap().set_modified(modified).unwrap();
        std::fs::rename(&copy, &file).unwrap();
        let run = case.start();
        if clean {
            assert_eq!(
                run.hashed, 0,
                "after a clean end length and time decide: some file systems know no numbers"
            );
        } else {
            assert_eq!((numbers(&run.have), run.hashed), (vec![0, 1, 4, 5, 6, 7], 4));
        }
    }
}

#[test]
fn what_a_power_cut_left_of_ours_is_no_strangers() {
    let case = Case::new(&[40], 10);
    let run = case.start();
    let path = run.resume.path().to_owned();
    case.write(&run.storage, [0]);
    case.end(run, &[], &[0], true);
    // Neither the record nor the one piece came to the disk as a whole.
    case.flip(0, 3);
    std::fs::write(&path, b"ttui res").unwrap();
    let run = case.start();
    assert!(run.have.is_empty() && run.notes.len() == 1);
    drop(run);
    // Without any record it is somebody's.
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(case.try_start(false), Err(StorageError::Foreign { .. })));
}
