//! What is on disk, told apart.

use std::sync::atomic::AtomicU32;

use super::*;

#[test]
fn tells_good_bad_and_missing_pieces_apart() {
    let case = Case::new(&[64 << 10, 40 << 10, 64 << 10], 8 << 10);
    let storage = case.storage();
    case.write(&storage, [0, 1, 4, 8, 9, 11, 12, 15, 18, 19, 20]);
    case.flip(0, 9000);
    case.flip(2, 64 * 1024 - 1);
    let verdicts = case.verify();
    assert_eq!(numbers(&verdicts.good), [0, 4, 8, 9, 11, 12, 15, 18, 19]);
    assert_eq!(numbers(&verdicts.bad), [1, 20]);
    assert_eq!(numbers(&verdicts.missing), [2, 3, 5, 6, 7, 10, 13, 14, 16, 17]);
    assert!(verdicts.finished);

    OpenOptions::new().write(true).open(case.file(0)).unwrap().set_len(33 << 10).unwrap();
    std::fs::remove_file(case.file(2)).unwrap();
    let verdicts = case.verify();
    assert_eq!(numbers(&verdicts.good), [0, 8, 9, 11, 12]);
    assert_eq!(numbers(&verdicts.bad), [1]);
    assert_eq!(verdicts.missing.count(), 15);
}

#[test]
fn reserved_room_is_missing_whether_or_not_the_file_system_calls_it_data() {
    let case = Case::new(&[64 << 10], 8 << 10);
    std::fs::create_dir_all(case.file(0).parent().unwrap()).unwrap();
    std::fs::write(case.file(0), vec![0; 64 << 10]).unwrap();
    let verdicts = case.verify();
    assert_eq!((verdicts.bad.count(), verdicts.missing.count()), (0, 8));
}

#[test]
fn a_check_reports_each_piece_and_can_be_cancelled() {
    let case = Case::new(&[1000], 10);
    let storage = case.storage();
    case.write(&storage, case.all());
    let (calls, cancel) = (AtomicU32::new(0), AtomicBool::new(false));
    let progress = |done, of| {
        assert_eq!(of, 100);
        calls.fetch_max(done, Ordering::Relaxed);
        if done >= 50 {
            cancel.store(true, Ordering::Relaxed);
        }
    };
    let found =
        verify(Arc::clone(&case.torrent), &case.out(), None, &all(&case.torrent), 2, &progress, &cancel)
            .unwrap();
    assert!(!found.finished && found.good.count() >= 50 && !found.good.is_full());
    assert!((50..100).contains(&calls.load(Ordering::Relaxed)));
}

#[test]
fn verifying_writes_nothing() {
    let case = Case::new(&[100], 10);
    let absent = verify(
        Arc::clone(&case.torrent),
        &case.out(),
        None,
        &all(&case.torrent),
        2,
        &|_, _| {},
        &AtomicBool::new(false),
    );
    assert_eq!(absent.unwrap_err().exit_status(), 2);
    assert!(!case.out().exists());
    std::fs::create_dir(case.out()).unwrap();
    assert_eq!(case.verify().missing.count(), 10);
    assert_eq!(std::fs::read_dir(case.out()).unwrap().count(), 0);
}

#[cfg_attr(
    any(not(target_os = "linux"), feature = "portable"),
    ignore = "holes are known on Linux only; elsewhere all of the zeros are read"
)]
#[test]
fn a_sparse_torrent_of_100_gib_is_looked_at_without_reading_it() {
    let dir = tempfile::tempdir().unwrap();
    let torrent = huge(dir.path(), Some(7));
    let calls = AtomicU32::new(0);
    let progress = |_, _| {
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let found =
        verify(Arc::clone(&torrent), dir.path(), None, &all(&torrent), 2, &progress, &AtomicBool::new(false))
            .unwrap();
    assert_eq!(numbers(&found.missing), [7], "a hole that should not be one");
    assert_eq!(found.good.count(), 25_599);
    assert_eq!(calls.into_inner(), 1, "no piece was read");
}
