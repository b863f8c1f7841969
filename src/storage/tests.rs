mod relocate;
mod side;
mod start;
mod verify;

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::hash::{sha1, sha1_of_zeros};
use crate::metainfo::{Bitfield, Geometry};

/// A torrent of files named `f0`, `d1/f1`, `f2`, `d3/f3`, … in the folder `t`; negative lengths are pad files.
pub(crate) fn torrent(lengths: &[i64], piece_bytes: u32, hash: impl Fn(u32) -> [u8; 20]) -> Arc<Torrent> {
    let total: u64 = lengths.iter().map(|length| length.unsigned_abs()).sum();
    let pieces = total.div_ceil(u64::from(piece_bytes)) as u32;
    let mut bytes = b"d4:infod5:filesl".to_vec();
    for (i, &length) in lengths.iter().enumerate() {
        let attributes = if length < 0 { "4:attr1:p" } else { "" };
        let name = format!("f{i}");
        let folder = if i % 2 == 0 { String::new() } else { format!("2:d{}", i % 8) };
        let length = length.unsigned_abs();
        let file = format!("d{attributes}6:lengthi{length}e4:pathl{folder}{}:{name}ee", name.len());
        bytes.extend_from_slice(file.as_bytes());
    }
    let rest = format!("e4:name1:t12:piece lengthi{piece_bytes}e6:pieces{}:", pieces * 20);
    bytes.extend_from_slice(rest.as_bytes());
    (0..pieces).for_each(|piece| bytes.extend_from_slice(&hash(piece)));
    bytes.extend_from_slice(b"ee");
    Arc::new(Torrent::from_bytes(&bytes).unwrap())
}

/// All pieces of a torrent.
fn all(torrent: &Torrent) -> Bitfield {
    Bitfield::full(torrent.geometry.piece_count())
}

/// A torrent with content, an output folder and a state folder.
struct Case {
    dir: TempDir,
    torrent: Arc<Torrent>,
    content: Vec<u8>,
}

impl Case {
    fn new(lengths: &[i64], piece_bytes: u32) -> Self {
        let total: i64 = lengths.iter().map(|length| length.abs()).sum();
        let mut random = fastrand::Rng::with_seed(7);
        let mut content = vec![0; total as usize];
        let mut at = 0;
        for length in lengths {
            let end = at + length.unsigned_abs() as usize;
            if *length > 0 {
                // None is zero: where holes are not known, room that was reserved is read, and is right.
                content[at..end].fill_with(|| random.u8(1..));
            }
            at = end;
        }
        let hashes: Vec<[u8; 20]> = content.chunks(piece_bytes as usize).map(sha1).collect();
        let torrent = torrent(lengths, piece_bytes, |piece| hashes[piece as usize]);
        Self { dir: tempfile::tempdir().unwrap(), torrent, content }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn file(&self, number: usize) -> PathBuf {
        self.out().join(self.torrent.files.file(number).unwrap().path.as_str())
    }

    fn storage(&self) -> Storage {
        Storage::open(Arc::clone(&self.torrent), &self.out(), Options::default()).unwrap()
    }

    fn piece(&self, number: u32) -> PieceIndex {
        self.torrent.geometry.piece(number).unwrap()
    }

    fn bytes_of(&self, piece: PieceIndex) -> &[u8] {
        let geometry = self.torrent.geometry;
        let from = geometry.offset_of(piece) as usize;
        &self.content[from..from + geometry.length_of(piece) as usize]
    }

    fn write(&self, storage: &Storage, pieces: impl IntoIterator<Item = u32>) {
        for number in pieces {
            let piece = self.piece(number);
            storage.write(piece, 0, &[IoSlice::new(self.bytes_of(piece))]).unwrap();
        }
    }

    fn all(&self) -> std::ops::Range<u32> {
        0..self.torrent.geometry.piece_count()
    }

    fn verify(&self) -> Verdicts {
        verify(
            Arc::clone(&self.torrent),
            &self.out(),
            None,
            &all(&self.torrent),
            2,
            &|_, _| {},
            &AtomicBool::new(false),
        )
        .unwrap()
    }

    fn try_start(&self, overwrite: bool) -> Result<Started, StorageError> {
        self.try_start_in(&self.out(), overwrite)
    }

    fn try_start_in(&self, output_dir: &Path, overwrite: bool) -> Result<Started, StorageError> {
        start(Start {
            torrent: Arc::clone(&self.torrent),
            output_dir,
            state_dir: &self.dir.path().join("state"),
            options: Options { overwrite, ..Options::default() },
            choice: &|_| None,
            threads: 2,
            progress: &|_, _| {},
            cancel: &AtomicBool::new(false),
        })
    }

    fn start(&self) -> Started {
        self.try_start(false).unwrap()
    }

    /// Ends a run that left these pieces synced and unsynced.
    fn end(&self, mut run: Started, synced: &[u32], unsynced: &[u32], clean: bool) {
        let set = |numbers: &[u32]| {
            let mut set = Bitfield::empty(self.torrent.geometry.piece_count());
            for &number in numbers {
                set.set(self.piece(number));
            }
            set
        };
        run.record.synced = set(synced);
        run.record.unsynced = set(unsynced);
        run.record.clean = clean;
        run.storage.describe(&run.storage.survey().unwrap(), &mut run.record).unwrap();
        run.resume.save(&run.record).unwrap();
    }

    /// Changes a byte in a file, and its time.
    fn flip(&self, number: usize, at: u64) {
        let mut file = OpenOptions::new().read(true).write(true).open(self.file(number)).unwrap();
        let mut byte = [0];
        file.seek(SeekFrom::Start(at)).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte[0] ^ 1]).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    }
}

fn numbers(set: &Bitfield) -> Vec<u32> {
    set.numbers().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_written_is_read_over_any_layout(
        lengths in proptest::collection::vec(-40i64..120, 1..24),
        piece_bytes in 1u32..100,
        cuts in proptest::collection::vec(1usize..30, 1..10),
        preallocate: bool,
    ) {
        prop_assume!(lengths.iter().any(|&length| length > 0));
        let case = Case::new(&lengths, piece_bytes);
        let options = Options { preallocate, ..Options::default() };
        let storage = Storage::open(Arc::clone(&case.torrent), &case.out(), options).unwrap();
        let mut order: Vec<u32> = case.all().collect();
        fastrand::Rng::with_seed(u64::from(piece_bytes)).shuffle(&mut order);
        let mut cuts = cuts.into_iter().cycle();
        for &number in &order {
            let piece = case.piece(number);
            let mut bytes = case.bytes_of(piece);
            let mut slices = Vec::new();
            while !bytes.is_empty() {
                let (slice, rest) = bytes.split_at(cuts.next().unwrap().min(bytes.len()));
                slices.push(IoSlice::new(slice));
                bytes = rest;
            }
            // In two runs, as a large piece is written.
            let first = slices.len() / 2;
            let begin: usize = slices[..first].iter().map(|slice| slice.len()).sum();
            storage.write(piece, 0, &slices[..first]).unwrap();
            storage.write(piece, begin as u32, &slices[first..]).unwrap();
        }
        for &number in &order {
            let piece = case.piece(number);
            let expected = case.bytes_of(piece);
            let mut read = vec![0xaa; expected.len()];
            storage.read(piece, 0, &mut read).unwrap();
            prop_assert_eq!(&read, expected);
            let begin = expected.len() / 3;
            storage.read(piece, begin as u32, &mut read[begin..]).unwrap();
            prop_assert_eq!(&read, expected);
        }
        for (number, file) in case.torrent.files.iter().enumerate() {
            if file.pad || file.length == 0 {
                prop_assert!(!case.file(number).exists(), "pad files and empty ones are not written");
            } else {
                let expected = &case.content[file.offset as usize..(file.offset + file.length) as usize];
                prop_assert_eq!(std::fs::read(case.file(number)).unwrap(), expected);
            }
        }
        prop_assert!(case.verify().good.is_full());
    }
}

#[test]
fn preparing_creates_every_file_but_pad_files() {
    let case = Case::new(&[100, 0, 50, -14, 0, 30], 16);
    let storage = case.storage();
    storage.prepare(&Bitfield::empty(case.all().end)).unwrap();
    let exist: Vec<bool> = (0..6).map(|number| case.file(number).exists()).collect();
    assert_eq!(exist, [true, true, true, false, true, true]);
    assert!(storage.survey().unwrap()[1].is_some_and(|found| found.bytes == 0));
}

#[test]
fn what_is_read_at_once_is_what_is_on_disk_and_opens_nothing() {
    let case = Case::new(&[100, -28, 50], 64);
    let storage = case.storage();
    let mut at_once = [1; 40];
    assert!(!storage.read_cached(case.piece(1), 10, &mut at_once), "nothing is open");
    case.write(&storage, case.all());
    // Not every file system can tell what is in memory.
    if storage.read_cached(case.piece(1), 10, &mut at_once) {
        let mut read = [2; 40];
        storage.read(case.piece(1), 10, &mut read).unwrap();
        assert_eq!(at_once, read);
        OpenOptions::new().write(true).open(case.file(0)).unwrap().set_len(70).unwrap();
        assert!(!storage.read_cached(case.piece(1), 0, &mut at_once), "it was cut");
    }
}

#[test]
fn preparing_many_files_tells_how_far_it_is() {
    let told = std::sync::Mutex::new(Vec::new());
    for files in [60, 200] {
        let case = Case::new(&vec![3; files], 25);
        let tell = |done, of| told.lock().unwrap().push((done, of));
        case.storage().prepare_telling(&Bitfield::empty(case.all().end), &tell).unwrap();
    }
    assert_eq!(*told.lock().unwrap(), [(64, 200), (128, 200), (192, 200), (200, 200)]);
}

#[test]
fn files_beyond_the_first_thousand_are_created_when_they_are_written() {
    let mut lengths = vec![3; 1200];
    (lengths[0], lengths[1100]) = (0, 0);
    let case = Case::new(&lengths, 25);
    let storage = case.storage();
    let nothing = Bitfield::empty(case.all().end);
    let existing = || (0..1200).filter(|&number| case.file(number).exists()).collect::<Vec<_>>();
    storage.prepare(&nothing).unwrap();
    assert_eq!(
        existing(),
        (0..1001).chain([1100]).collect::<Vec<_>>(),
        "those of no length are never written"
    );
    case.write(&storage, [case.all().end - 1]);
    assert_eq!(existing().len(), 1002 + 7, "the last piece lies in seven files");
    case.write(&storage, case.all());
    assert_eq!(existing().len(), 1200);
    storage.confirm().unwrap();
    assert!(case.verify().good.is_full());
}

#[test]
fn what_appears_where_a_file_is_to_be_created_is_not_written_to() {
    let case = Case::new(&[30; 1100], 30);
    let storage = case.storage();
    let nothing = Bitfield::empty(case.all().end);
    storage.prepare(&nothing).unwrap();
    let place = |number: usize| {
        std::fs::create_dir_all(case.file(number).parent().unwrap()).unwrap();
        case.file(number)
    };
    let try_write = |storage: &Storage, number: u32| {
        storage.write(case.piece(number), 0, &[IoSlice::new(case.bytes_of(case.piece(number)))])
    };

    std::fs::write(place(1050), b"my diary").unwrap();
    let appeared = StorageError::Appeared {
        path: storage.output_dir().join(case.file(1050).strip_prefix(case.out()).unwrap()),
    };
    assert_eq!(try_write(&storage, 1050).unwrap_err(), appeared);
    assert_eq!(storage.prepare(&nothing).unwrap_err(), appeared, "asking again does not make it ours");
    assert!(appeared.to_string().contains("--overwrite"));
    assert_eq!(std::fs::read(case.file(1050)).unwrap(), b"my diary");
    let options = Options { overwrite: true, ..Options::default() };
    let told = Storage::open(Arc::clone(&case.torrent), &case.out(), options).unwrap();
    try_write(&told, 1050).unwrap();
    std::fs::remove_file(case.file(1050)).unwrap();
    try_write(&storage, 1050).unwrap();

    #[cfg(unix)]
    {
        let outside = case.dir.path().join("outside");
        std::fs::write(&outside, b"precious").unwrap();
        symlink(&outside, place(1060)).unwrap();
        assert!(matches!(try_write(&storage, 1060), Err(StorageError::InTheWay { .. })));
        assert_eq!(std::fs::read(&outside).unwrap(), b"precious");
    }
    std::fs::create_dir(place(1061)).unwrap();
    assert!(matches!(try_write(&storage, 1061), Err(StorageError::InTheWay { .. })));

    // There is nothing in it that could be lost.
    std::fs::write(place(1070), b"").unwrap();
    try_write(&storage, 1070).unwrap();
    assert!(!storage.is_disturbed());
    // What was created is ours, and missed when it goes.
    std::fs::remove_file(case.file(1070)).unwrap();
    assert!(matches!(try_write(&storage, 1070), Err(StorageError::Lost { .. })));
    assert!(storage.is_disturbed());
}

#[test]
fn more_files_than_may_be_open_are_written_and_read() {
    let case = Case::new(&[10; 300], 25);
    let storage = case.storage();
    for round in 0..2 {
        case.write(&storage, case.all());
        assert_eq!(storage.open.count(), MOST_OPEN_FILES, "round {round}");
    }
    assert!(case.verify().good.is_full());
}

#[test]
fn torrents_that_share_a_number_of_open_files_close_each_other_s() {
    let cases = [Case::new(&[10; 6], 10), Case::new(&[10; 6], 10)];
    let shared = Options { open_files: OpenFiles::new(4), ..Options::default() };
    let storages = cases
        .each_ref()
        .map(|case| Storage::open(Arc::clone(&case.torrent), &case.out(), shared.clone()).unwrap());
    for _ in 0..2 {
        for (case, storage) in cases.iter().zip(&storages) {
            case.write(storage, case.all());
            let open = storages.iter().map(|storage| storage.open.count());
            assert!(open.sum::<usize>() <= 4 && storage.open.count() > 0);
        }
    }
    assert!(cases.iter().all(|case| case.verify().good.is_full()));
    let [first, second] = storages;
    drop(first);
    cases[1].write(&second, cases[1].all());
    assert_eq!(second.open.count(), 4, "those of a torrent that ended are free");
}

#[test]
fn a_piece_with_more_blocks_than_one_call_takes_is_written_whole() {
    let case = Case::new(&[3000, 3000], 6000);
    let storage = case.storage();
    let piece = case.piece(0);
    let slices: Vec<IoSlice<'_>> = case.bytes_of(piece).chunks(2).map(IoSlice::new).collect();
    storage.write(piece, 0, &slices).unwrap();
    assert!(case.verify().good.is_full());
}

#[cfg(unix)]
#[test]
fn links_in_the_output_folder_are_not_written_through() {
    let case = Case::new(&[100, 100], 50);
    let outside = case.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f1"), b"").unwrap();
    std::fs::create_dir_all(case.out().join("t")).unwrap();
    symlink(&outside, case.out().join("t/d1")).unwrap();
    symlink(outside.join("f1"), case.out().join("t/f0")).unwrap();
    let storage = case.storage();
    for (number, link) in [(0, "t/f0"), (2, "t/d1")] {
        let piece = case.piece(number);
        let error = storage.write(piece, 0, &[IoSlice::new(case.bytes_of(piece))]).unwrap_err();
        assert!(
            matches!(&error, StorageError::InTheWay { path, .. } if *path == storage.output_dir().join(link))
        );
        assert!(storage.read(piece, 0, &mut [0; 10]).is_err());
    }
    assert_eq!(case.try_start(true).unwrap_err().exit_status(), 2);
    assert_eq!(std::fs::read(outside.join("f1")).unwrap(), b"");
}

/// A torrent of 100 GiB, all zeros, as a file of one large hole.
fn huge(dir: &Path, wrong: Option<u32>) -> Arc<Torrent> {
    let (total, piece_bytes) = (100u64 << 30, 4 << 20);
    let zeros = sha1_of_zeros(u64::from(piece_bytes));
    std::fs::create_dir(dir.join("t")).unwrap();
    std::fs::File::create(dir.join("t/f0")).unwrap().set_len(total).unwrap();
    torrent(&[total as i64], piece_bytes, |piece| if wrong == Some(piece) { [0; 20] } else { zeros })
}

#[test]
fn a_disk_too_small_is_told_before_the_first_byte() {
    let dir = tempfile::tempdir().unwrap();
    let free = Storage::open(torrent(&[1], 1, |_| [0; 20]), dir.path(), Options::default())
        .unwrap()
        .root
        .free()
        .unwrap()
        .bytes;
    let piece_bytes = Geometry::MAX_PIECE_BYTES;
    let length = (free + (1 << 40)).next_multiple_of(u64::from(piece_bytes));
    let storage =
        Storage::open(torrent(&[length as i64, 5], piece_bytes, |_| [0; 20]), dir.path(), Options::default())
            .unwrap();
    let pieces = storage.torrent().geometry.piece_count();
    let error = storage.prepare(&Bitfield::empty(pieces)).unwrap_err();
    assert!(
        matches!(error, StorageError::NoRoom { needed_bytes, .. } if needed_bytes == length + 5),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    storage.prepare(&Bitfield::full(pieces)).unwrap();
}
