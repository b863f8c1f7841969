//! Files that are moved to another folder, wherever that is and whatever lies there.

use std::collections::BTreeMap;
use std::fs;

use super::*;

/// A torrent of five files and a pad, in pieces that reach over files.
const LENGTHS: [i64; 6] = [100, 3000, -20, 0, 50_000, 700];

/// A torrent in its folder, and another one.
struct Lab {
    case: Case,
    /// Where the other folder lies, if not beside the first.
    other: Option<TempDir>,
}

impl Lab {
    /// Everything is here but these pieces.
    fn without(missing: &[u32], clean: bool) -> Self {
        let case = Case::new(&LENGTHS, 1000);
        let run = case.start();
        run.storage.prepare(&run.have).unwrap();
        let here: Vec<u32> = case.all().filter(|piece| !missing.contains(piece)).collect();
        case.write(&run.storage, here.iter().copied());
        case.end(run, &here, &[], clean);
        Self { case, other: None }
    }

    /// The same with the other folder on another device; `None`: there is none here.
    fn on_two_devices(missing: &[u32]) -> Option<Self> {
        let mut lab = Self::without(missing, true);
        let device = |path: &Path| Some(look_at(&fs::File::open(path).ok()?).ok()?.stat.identity.0);
        let other = tempfile::tempdir_in("/dev/shm")
            .ok()
            .filter(|other| device(other.path()) != device(lab.case.dir.path()));
        if other.is_none() {
            assert!(std::env::var_os("CI").is_none(), "CI has a /dev/shm");
            println!("skipped: there is no second device here");
        }
        lab.other = Some(other?);
        Some(lab)
    }

    fn old(&self) -> PathBuf {
        self.case.out()
    }

    fn new_place(&self) -> PathBuf {
        self.other.as_ref().unwrap_or(&self.case.dir).path().join("deep/other")
    }

    fn state(&self) -> PathBuf {
        self.case.dir.path().join("state")
    }

    /// The path of a file in a folder.
    fn at(&self, folder: &Path, number: usize) -> PathBuf {
        folder.join(self.case.torrent.files.file(number).unwrap().path.as_str())
    }

    fn run_telling(
        &self,
        begun: bool,
        told: &mut dyn FnMut(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<Option<Relocated>, RelocateError> {
        let (from, to, state_dir) = (self.old(), self.new_place(), self.state());
        let torrent = &self.case.torrent;
        let relocation = Relocation { torrent, from: &from, to: &to, state_dir: &state_dir, begun };
        if !begun {
            relocation.check(cancel)?;
        }
        let done = relocation.run(told, cancel)?;
        if done.is_some() {
            relocation.finish().unwrap();
        }
        Ok(done)
    }

    fn run(&self, begun: bool) -> Result<Relocated, RelocateError> {
        Ok(self.run_telling(begun, &mut |_, _| {}, &AtomicBool::new(false))?.expect("nobody cancelled it"))
    }

    /// A start in the new folder: which pieces are here, how many were hashed.
    fn found(&self) -> (Vec<u32>, u32) {
        let run = self.case.try_start_in(&self.new_place(), false).unwrap();
        (numbers(&run.have), run.hashed)
    }

    fn pieces_but(&self, missing: &[u32]) -> Vec<u32> {
        self.case.all().filter(|piece| !missing.contains(piece)).collect()
    }

    /// Everything that lies in a folder, with what it holds.
    fn lying(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).into_iter().flatten().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    let path = entry.path().strip_prefix(folder).unwrap().to_owned();
                    all.insert(path, fs::read(entry.path()).unwrap());
                }
            }
        }
        all
    }

    /// How many files this program may delete in the new folder, and how many it may not.
    fn removable(&self) -> (usize, usize) {
        let removal = Removal::of(&self.state(), &self.case.torrent, &self.new_place()).unwrap();
        (removal.files().len(), removal.foreign)
    }
}

/// On one device and, where there is one, on two.
fn labs(missing: &[u32]) -> impl Iterator<Item = Lab> {
    [Some(Lab::without(missing, true)), Lab::on_two_devices(missing)].into_iter().flatten()
}

#[test]
fn all_files_are_in_the_other_folder_with_all_that_is_remembered() {
    for lab in labs(&[7, 40]) {
        let before = Lab::lying(&lab.old());
        let mut told = Vec::new();
        let done = lab.run_telling(false, &mut |done, of| told.push((done, of)), &AtomicBool::new(false));
        assert_eq!(done, Ok(Some(Relocated { moved: 5, ..Relocated::default() })));
        assert!(told.iter().all(|(done, of)| done <= of) && told.is_sorted(), "{told:?}");
        assert_eq!(told.last().map(|(done, of)| done == of), Some(true));
        assert_eq!(Lab::lying(&lab.new_place()), before, "nothing else lies there");
        assert_eq!(fs::read_dir(lab.old()).unwrap().count(), 0, "folders that were created are gone, too");
        assert_eq!(lab.found(), (lab.pieces_but(&[7, 40]), 0), "nothing is hashed again");
        assert_eq!(lab.removable(), (5, 0));
        let left: Vec<_> = Lab::lying(&lab.state()).into_keys().collect();
        assert_eq!(left.iter().filter(|path| path.extension().is_some_and(|is| is == "resume")).count(), 1);
        assert!(!left.iter().any(|path| path.extension().is_some_and(|is| is == "moving")), "{left:?}");
    }
}

#[test]
fn stopped_anywhere_it_goes_on() {
    for is_across in [false, true] {
        for stop in 0.. {
            let lab = if is_across { Lab::on_two_devices(&[]) } else { Some(Lab::without(&[], true)) };
            let Some(lab) = lab else { break };
            let before = Lab::lying(&lab.old());
            let (cancel, mut told) = (AtomicBool::new(stop == 0), 0);
            let mut count = |_, _| {
                told += 1;
                cancel.store(told >= stop, Ordering::Relaxed);
            };
            let stopped = lab.run_telling(false, &mut count, &cancel).unwrap();
            if stopped.is_some() {
                assert!(stop > 5, "it was never stopped");
                break;
            }
            for (path, bytes) in &before {
                let here = [lab.old(), lab.new_place()]
                    .into_iter()
                    .filter_map(|folder| fs::read(folder.join(path)).ok());
                assert!(here.into_iter().any(|here| here == *bytes), "{} is whole", path.display());
            }
            assert_eq!(lab.run(true).unwrap().refused, []);
            assert_eq!(Lab::lying(&lab.new_place()), before, "stopped at {stop}");
            assert_eq!(Lab::lying(&lab.old()).len(), 0);
            assert_eq!(lab.found(), (lab.pieces_but(&[]), 0));
            assert_eq!(lab.removable(), (5, 0));
        }
    }
}

#[test]
fn killed_while_a_copy_has_two_names_it_takes_away_the_one_of_before() {
    let Some(lab) = Lab::on_two_devices(&[]) else { return };
    let before = Lab::lying(&lab.old());
    let cancel = AtomicBool::new(false);
    let first = lab.at(&lab.new_place(), 0);
    let mut until_the_first_came = |_, _| cancel.store(first.exists(), Ordering::Relaxed);
    assert_eq!(lab.run_telling(false, &mut until_the_first_came, &cancel), Ok(None));
    let temporary = format!(".ttui-{}-0.moving", lab.case.torrent.info_hash);
    fs::hard_link(&first, first.with_file_name(temporary)).unwrap();
    lab.run(true).unwrap();
    assert_eq!(Lab::lying(&lab.new_place()), before);
}

#[test]
fn killed_while_the_old_names_are_taken_away_it_takes_away_the_rest() {
    for lab in labs(&[]) {
        let before = Lab::lying(&lab.old());
        let (from, to, state_dir) = (lab.old(), lab.new_place(), lab.state());
        let torrent = &lab.case.torrent;
        let relocation = |begun| Relocation { torrent, from: &from, to: &to, state_dir: &state_dir, begun };
        relocation(false).run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap().unwrap();
        // Two of them are still there, as they were.
        for number in [1, 4] {
            fs::create_dir_all(lab.at(&from, number).parent().unwrap()).unwrap();
            if lab.other.is_some() {
                fs::copy(lab.at(&to, number), lab.at(&from, number)).unwrap();
            } else {
                fs::hard_link(lab.at(&to, number), lab.at(&from, number)).unwrap();
            }
        }
        let done = relocation(true).run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap().unwrap();
        assert_eq!((done.moved, done.adopted, done.left), (5, 0, 0));
        relocation(true).finish().unwrap();
        assert_eq!((Lab::lying(&to), Lab::lying(&from).len()), (before, 0));
        assert_eq!(lab.removable(), (5, 0));
        assert_eq!(lab.found().0, lab.pieces_but(&[]));
    }
}

#[test]
fn what_lies_there_is_taken_hashed_and_not_ours() {
    for lab in labs(&[]) {
        // One was moved by hand; of another there is a copy with a wrong byte at its end; one is nowhere.
        let (old, new) = (lab.old(), lab.new_place());
        fs::create_dir_all(new.join("t/d1")).unwrap();
        fs::create_dir_all(new.join("t/d5")).unwrap();
        fs::copy(lab.at(&old, 1), lab.at(&new, 1)).unwrap();
        fs::remove_file(lab.at(&old, 1)).unwrap();
        let mut wrong = fs::read(lab.at(&old, 4)).unwrap();
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        fs::write(lab.at(&new, 4), &wrong).unwrap();
        fs::remove_file(lab.at(&old, 0)).unwrap();
        let done = lab.run(false).unwrap();
        assert_eq!((done.moved, done.adopted, done.left), (2, 2, 1));
        assert_eq!(fs::read(lab.at(&new, 4)).unwrap(), wrong, "it is not written over");
        assert!(lab.at(&old, 4).exists(), "nor is the other thrown away");
        let (here, hashed) = lab.found();
        // The bytes of the first file are in piece 0, the wrong one is in the last but one.
        assert_eq!(here, lab.pieces_but(&[0, 53]));
        assert!(hashed >= 50, "{hashed}");
        assert_eq!(lab.removable(), (2, 2));
    }
}

#[test]
fn a_file_that_is_another_s_is_neither_written_over_nor_taken() {
    let lab = Lab::without(&[], true);
    let before = Lab::lying(&lab.old());
    let theirs = lab.at(&lab.new_place(), 4);
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, b"my diary").unwrap();
    let real = theirs.canonicalize().unwrap();
    assert_eq!(lab.run(false), Err(RelocateError::Foreign(real.clone())));
    fs::write(&theirs, vec![1; 60_000]).unwrap();
    let refused = lab.run(false).unwrap_err();
    assert_eq!(refused, RelocateError::TooLong { path: real, found_bytes: 60_000, expected_bytes: 50_000 });
    assert_eq!(Lab::lying(&lab.old()), before);
    assert_eq!(fs::read(&theirs).unwrap(), vec![1; 60_000]);
    // A folder in the place of a file is in the way.
    fs::remove_file(&theirs).unwrap();
    fs::create_dir(&theirs).unwrap();
    assert!(matches!(lab.run(false), Err(RelocateError::Storage(StorageError::InTheWay { .. }))));
    assert_eq!(Lab::lying(&lab.old()), before);
}

#[test]
fn a_folder_that_will_not_do_is_refused_and_nothing_is_left_of_the_try() {
    let lab = Lab::without(&[], true);
    let before = Lab::lying(&lab.old());
    let (from, state_dir, torrent) = (lab.old(), lab.state(), &lab.case.torrent);
    let to = |to: &Path| {
        let relocation = Relocation { torrent, from: &from, to, state_dir: &state_dir, begun: false };
        let refused = relocation.check(&AtomicBool::new(false)).unwrap_err();
        assert_eq!(relocation.run(&mut |_, _| {}, &AtomicBool::new(false)), Err(refused.clone()));
        refused
    };
    assert_eq!(to(&from.join("../out/.")), RelocateError::Same(from.canonicalize().unwrap()));
    let file = lab.at(&from, 0);
    for inside in [file.clone(), file.join("deep")] {
        assert!(to(&inside).to_string().ends_with("something on the way is not a folder"), "{}", to(&inside));
    }
    // Another ttui works on it there.
    let new = lab.new_place();
    let (held, _) = ResumeFile::open(&state_dir, torrent.info_hash, &without_links(&new)).unwrap();
    let relocation = Relocation { torrent, from: &from, to: &new, state_dir: &state_dir, begun: false };
    let refused = relocation.run(&mut |_, _| {}, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(refused, RelocateError::Storage(StorageError::Locked { .. })), "{refused}");
    drop(held);
    assert!(!lab.case.dir.path().join("deep").exists());
    assert_eq!(Lab::lying(&from), before);
}

#[test]
fn a_file_that_would_take_the_place_of_another_of_the_torrent_is_refused() {
    let case = Case::new(&[10, 10], 16);
    // `t/f0` and `t/t/f0`, moved into `t`.
    let file =
        crate::metainfo::NewTorrent::of_files("t", 16_384, &[("f0", &[1; 10][..]), ("t/f0", &[2; 10])]);
    let torrent = Torrent::from_bytes(&file.to_bytes()).unwrap();
    fs::create_dir_all(case.out().join("t/t")).unwrap();
    fs::write(case.out().join("t/f0"), [1; 10]).unwrap();
    fs::write(case.out().join("t/t/f0"), [2; 10]).unwrap();
    let (from, to, state_dir) = (case.out(), case.out().join("t"), case.dir.path().join("state"));
    let relocation =
        Relocation { torrent: &torrent, from: &from, to: &to, state_dir: &state_dir, begun: false };
    let refused = relocation.check(&AtomicBool::new(false)).unwrap_err();
    assert_eq!(refused, RelocateError::Within(from.canonicalize().unwrap().join("t/t/f0")));
    assert_eq!(fs::read(case.out().join("t/t/f0")).unwrap(), [2; 10]);
}

#[test]
fn what_was_brought_to_a_folder_that_is_gone_is_waited_for() {
    let lab = Lab::without(&[], true);
    let (cancel, mut told) = (AtomicBool::new(false), 0);
    let mut count = |_, _| {
        told += 1;
        cancel.store(told == 3, Ordering::Relaxed);
    };
    assert_eq!(lab.run_telling(false, &mut count, &cancel), Ok(None));
    fs::rename(lab.new_place(), lab.case.dir.path().join("hidden")).unwrap();
    let refused = lab.run(true).unwrap_err();
    assert!(refused.is_torn() && refused == RelocateError::Gone(lab.new_place()), "{refused}");
    assert!(!lab.new_place().exists());
    fs::rename(lab.case.dir.path().join("hidden"), lab.new_place()).unwrap();
    assert_eq!(lab.run(true).unwrap().moved, 5);
}

#[test]
fn what_changed_since_the_last_run_is_hashed_at_the_new_place() {
    for clean in [true, false] {
        let lab = Lab::without(&[], clean);
        lab.case.flip(4, 5_000);
        // Where the last run did not end well, another file in its place is what tells.
        let path = lab.at(&lab.old(), 4);
        let content = fs::read(&path).unwrap();
        let beside = path.with_extension("new");
        fs::write(&beside, content).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(lab.run(false).unwrap().moved, 5);
        assert_eq!(lab.found().0, lab.pieces_but(&[8]), "clean: {clean}");
    }
}

#[test]
fn parts_of_files_that_nobody_wants_go_along_in_the_state_folder() {
    use crate::metainfo::{Choice, FilePriority};
    let case = Case::new(&LENGTHS, 1000);
    let choice = || {
        let mut wanted = vec![FilePriority::Normal; LENGTHS.len()];
        wanted[1] = FilePriority::Skip;
        Choice::new(wanted, false)
    };
    let begin = |out: &Path| {
        start(Start {
            torrent: Arc::clone(&case.torrent),
            output_dir: out,
            state_dir: &case.dir.path().join("state"),
            options: Options::default(),
            choice: &|_| Some(choice()),
            threads: 1,
            progress: &|_, _| {},
            cancel: &AtomicBool::new(false),
        })
        .unwrap()
    };
    let run = begin(&case.out());
    run.storage.prepare(&run.have).unwrap();
    // Pieces 0 and 3 reach into the file that nobody wants.
    let here: Vec<u32> = [0].into_iter().chain(3..54).collect();
    case.write(&run.storage, here.iter().copied());
    case.end(run, &here, &[], true);
    let lab = Lab { case, other: None };
    assert_eq!(lab.run(false).unwrap().moved, 4);
    let lab_case = &lab.case;
    let run = start(Start {
        torrent: Arc::clone(&lab_case.torrent),
        output_dir: &lab.new_place(),
        state_dir: &lab.state(),
        options: Options::default(),
        choice: &|_| None,
        threads: 1,
        progress: &|_, _| {},
        cancel: &AtomicBool::new(false),
    })
    .unwrap();
    assert_eq!((numbers(&run.have), run.hashed), (here, 0));
    assert!(run.storage.is_aside(1) && !lab.at(&lab.new_place(), 1).exists());
}

/// Runs the test of this name once more where this file system is mounted over a folder of its own, which it is told.
#[cfg(target_os = "linux")]
fn in_a_namespace(name: &str, options: &str) -> Option<PathBuf> {
    const TOLD: &str = "TTUI_TEST_MOUNTED";
    if let Some(folder) = std::env::var_os(TOLD) {
        return Some(folder.into());
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o {options} small \"${TOLD}\" && exec \"$0\" --exact \"$1\"");
    let test = std::env::current_exe().unwrap();
    let ran = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .arg(test)
        .arg(format!("storage::tests::relocate::{name}"))
        .env(TOLD, dir.path())
        .output();
    let said = ran.map(|ran| (ran.status.success(), format!("{ran:?}")));
    match said {
        Ok((true, said)) => assert!(said.contains("1 passed"), "{said}"),
        Ok((false, said)) if said.contains("FAILED") => panic!("{said}"),
        said => {
            assert!(std::env::var_os("CI").is_none(), "CI must allow mount namespaces: {said:?}");
            println!("skipped: no mount namespace can be made here");
        }
    }
    None
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_too_small_or_fills_up_leaves_all_where_it_was() {
    let name = "a_disk_that_is_too_small_or_fills_up_leaves_all_where_it_was";
    let Some(small) = in_a_namespace(name, "size=44k") else { return };
    let lab = Lab::without(&[], true);
    let before = Lab::lying(&lab.old());
    let (from, to, state_dir, torrent) = (lab.old(), small.join("a"), lab.state(), &lab.case.torrent);
    let relocation = Relocation { torrent, from: &from, to: &to, state_dir: &state_dir, begun: false };
    let run = |told: &mut dyn FnMut(u64, u64)| relocation.run(told, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(run(&mut |_, _| {}), RelocateError::NoRoom { .. }));
    // Others take the room after it was looked for.
    let mount = |size: &str| {
        let mut mount = std::process::Command::new("mount");
        assert!(mount.args(["-o", &format!("remount,size={size}")]).arg(&small).status().unwrap().success());
    };
    mount("200k");
    let mut is_first = true;
    let refused = run(&mut |_, _| {
        if std::mem::take(&mut is_first) {
            mount("32k");
        }
    });
    assert!(matches!(&refused, RelocateError::Storage(error) if error.is_disk_full()), "{refused}");
    assert_eq!(Lab::lying(&from), before);
    assert_eq!(fs::read_dir(&small).unwrap().count(), 0, "nothing is left of the try");
    let run = lab.case.start();
    assert_eq!((run.have.is_full(), run.hashed), (true, 0), "nothing is forgotten of it");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_is_refused() {
    let name = "a_folder_that_cannot_be_written_to_is_refused";
    let Some(sealed) = in_a_namespace(name, "ro") else { return };
    let lab = Lab::without(&[], true);
    let before = Lab::lying(&lab.old());
    let (from, state_dir, torrent) = (lab.old(), lab.state(), &lab.case.torrent);
    for to in [sealed.clone(), sealed.join("below")] {
        let relocation = Relocation { torrent, from: &from, to: &to, state_dir: &state_dir, begun: false };
        let refused = relocation.check(&AtomicBool::new(false)).unwrap_err();
        assert!(refused.to_string().ends_with("the file system is read-only"), "{refused}");
    }
    assert_eq!(Lab::lying(&from), before);
}
