//! What others do to the files and the memory of a download, while it runs and between runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use rustix::process::Signal;
use sha1::{Digest, Sha1};
use support::program::Output;
use support::{Lab, Payload, Program, Recipe, Script, Seed, program, soon};
use ttui::storage::Record;

const PIECE: usize = 64 * 1024;

/// Something done to a file.
type Act = fn(&Path);

const ACTS: [(&str, Act); 8] = [
    ("removed", |file| fs::remove_file(file).unwrap()),
    ("removed with its folder", |file| fs::remove_dir_all(file.parent().unwrap()).unwrap()),
    ("replaced by a longer one", |file| replace(file, 41 * PIECE)),
    ("replaced by a shorter one", |file| replace(file, 7)),
    ("replaced by one of the same length", |file| replace(file, 40 * PIECE)),
    ("replaced by a link", |file| {
        let elsewhere = file.with_extension("elsewhere");
        fs::rename(file, &elsewhere).unwrap();
        symlink(&elsewhere, file).unwrap();
    }),
    ("replaced by a folder", |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    }),
    ("cut", |file| OpenOptions::new().write(true).open(file).unwrap().set_len(PIECE as u64).unwrap()),
];

fn replace(file: &Path, bytes: usize) {
    let copy = file.with_extension("copy");
    fs::write(&copy, vec![7; bytes]).unwrap();
    fs::rename(&copy, file).unwrap();
}

fn payload() -> Arc<Payload> {
    Recipe::files("it", &[("a", 40 * PIECE)], PIECE).make()
}

/// A download of which so many blocks are sent, and about a quarter is verified.
async fn quarter_of(lab: &Lab, payload: &Arc<Payload>, allowed: u64) -> (Seed, Program) {
    let seed = Seed::start(payload, Script { allowed, ..Script::default() }).await;
    let run = program::download(lab, payload, &["--peer", &seed.addr.to_string()]);
    let quarter = payload.bytes.len() as u64 / 4;
    run.until("much of it is verified", |line| line["have_bytes"].as_u64() >= Some(quarter)).await;
    (seed, run)
}

/// Takes away what is in the way, so that the next run can work.
fn tidy_up(file: &Path) {
    match fs::symlink_metadata(file) {
        Ok(found) if found.is_dir() => fs::remove_dir(file).unwrap(),
        Ok(found) if found.is_symlink() || found.len() > 40 * PIECE as u64 => fs::remove_file(file).unwrap(),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_replaced_or_cut_while_running_is_named_and_fetched_anew() {
    let payload = &payload();
    let each = ACTS.map(|(what, act)| async move {
        let lab = Lab::new();
        let (seed, run) = quarter_of(&lab, payload, payload.blocks() / 2).await;
        let file = lab.out().join("it/a");
        act(&file);
        seed.allow(u64::MAX);
        let ended = run.ended().await;
        assert_eq!(ended.code(), 3, "{what}: {ended:#?}");
        assert!(ended.complaint().contains("it/a"), "{what}: {}", ended.complaint());
        let last = ended.json().pop().unwrap();
        assert_eq!((&last["final"], &last["state"]), (&true.into(), &"error".into()), "{what}: {last}");
        tidy_up(&file);
        again(&lab, payload, &[&seed], what).await;
    });
    join_all(each).await;
}

/// What a run that was killed remembers is of the files that were there then.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_or_cut_before_a_kill_is_not_taken_for_right_after_it() {
    let payload = &payload();
    let each = ACTS.map(|(what, act)| async move {
        let lab = Lab::new();
        // Synced by the first run, so that it is trusted by the others.
        let seed = Seed::start(payload, Script { allowed: payload.blocks() / 2, ..Script::default() }).await;
        let peer = seed.addr.to_string();
        let first = program::download(&lab, payload, &["--sync", "--peer", &peer]);
        let quarter = payload.bytes.len() as u64 / 4;
        first.until("much of it is verified", |line| line["have_bytes"].as_u64() >= Some(quarter)).await;
        first.signal(Signal::TERM);
        assert_eq!(first.ended().await.code(), 1, "{what}");
        assert!(remembered(&lab).synced.count() >= 10, "{what}");
        let second = program::download(&lab, payload, &["--peer", &peer]);
        second.until("it goes on", |line| line["state"] == "downloading").await;
        let file = lab.out().join("it/a");
        act(&file);
        second.signal(Signal::KILL);
        second.ended().await;
        tidy_up(&file);
        seed.allow(u64::MAX);
        again(&lab, payload, &[&seed], what).await;
    });
    join_all(each).await;
}

/// At the very end, when no write would notice it.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_file_that_is_replaced_before_the_end_is_not_called_complete() {
    let payload = &Recipe::files("it", &[("a", 40 * PIECE), ("b", PIECE)], PIECE).make();
    let each = ACTS.map(|(what, act)| async move {
        let lab = Lab::new();
        let (first, second) = (Some((0..40).collect()), Some(vec![40]));
        let first = Seed::start(payload, Script { has: first, ..Script::default() }).await;
        let second = Seed::start(payload, Script { has: second, allowed: 0, ..Script::default() }).await;
        let peers = [first.addr.to_string(), second.addr.to_string()];
        let run = program::download(&lab, payload, &["--peer", &peers[0], "--peer", &peers[1]]);
        let whole = 40 * PIECE as u64;
        run.until("the first file is here", |line| line["have_bytes"].as_u64() == Some(whole)).await;
        let file = lab.out().join("it/a");
        act(&file);
        second.allow(u64::MAX);
        let ended = run.ended().await;
        assert_eq!(ended.code(), 3, "{what}: {ended:#?}");
        // A folder that went took the other file with it.
        assert!(ended.complaint().contains("/it/"), "{what}: {}", ended.complaint());
        tidy_up(&file);
        again(&lab, payload, &[&first, &second], what).await;
    });
    join_all(each).await;
}

async fn again(lab: &Lab, payload: &Payload, seeds: &[&Seed], what: &str) {
    let addresses: Vec<String> = seeds.iter().map(|seed| seed.addr.to_string()).collect();
    let more: Vec<&str> = addresses.iter().flat_map(|address| ["--peer", address]).collect();
    let ended = program::download(lab, payload, &more).ended().await;
    assert_eq!(ended.code(), 0, "{what}: {ended:#?}");
    assert_right(lab, payload, what);
}

#[track_caller]
fn assert_right(lab: &Lab, payload: &Payload, what: &str) {
    assert_eq!(payload.right_at(&lab.out()).len(), payload.pieces() as usize, "{what}");
}

fn resume_file(lab: &Lab) -> PathBuf {
    let mut paths = fs::read_dir(lab.state()).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|ext| ext == "resume")).unwrap()
}

fn remembered(lab: &Lab) -> Record {
    Record::from_bytes(&fs::read(resume_file(lab)).unwrap()).unwrap()
}

/// A complete download, and the seed it came from.
async fn complete(payload: &Arc<Payload>) -> (Lab, Seed) {
    let (lab, seed) = (Lab::new(), Seed::honest(payload).await);
    let ended = program::download(&lab, payload, &["--sync", "--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    (lab, seed)
}

/// Runs it again; returns which pieces were asked for, and what was said.
async fn run_again(lab: &Lab, payload: &Payload, seed: &Seed) -> (BTreeSet<u32>, Output) {
    let before = seed.seen().requests.len();
    let ended = program::download(lab, payload, &["--peer", &seed.addr.to_string()]).ended().await;
    (seed.seen().requests[before..].iter().map(|spec| spec.index).collect(), ended)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_older_or_newer_than_remembered_is_hashed_and_kept() {
    let payload = payload();
    let (lab, seed) = complete(&payload).await;
    let file = lab.out().join("it/a");
    let now = fs::metadata(&file).unwrap().modified().unwrap();
    for time in [SystemTime::UNIX_EPOCH, now - Duration::from_secs(3600), now + Duration::from_secs(1 << 31)]
    {
        File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        let (asked, ended) = run_again(&lab, &payload, &seed).await;
        assert_eq!((ended.code(), asked), (0, BTreeSet::new()), "{time:?}");
    }
    assert_right(&lab, &payload, "times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_file_that_is_not_what_it_should_be_is_told_and_everything_hashed() {
    let payload = payload();
    let (lab, seed) = complete(&payload).await;
    let path = resume_file(&lab);
    let good = fs::read(&path).unwrap();
    let other = {
        let mut record = remembered(&lab);
        record.info_hash.0[0] ^= 1;
        record.to_bytes()
    };
    let newer = {
        let mut content = good[..good.len() - 20].to_vec();
        content[13] = 200;
        let sum = Sha1::digest(&content);
        [&content[..], &sum].concat()
    };
    let write = |bytes: &[u8]| {
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let cases: [(&str, &dyn Fn()); 7] = [
        ("about another torrent", &|| write(&other)),
        ("another version of ttui (format 200", &|| write(&newer)),
        ("cut short or damaged", &|| write(&good[..good.len() / 2])),
        ("cut short or damaged", &|| write(b"")),
        ("cut short or damaged", &|| write(&vec![0; good.len()])),
        ("1073741824 bytes", &|| {
            write(b"");
            OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        }),
        ("no file", &|| {
            fs::remove_file(&path).unwrap();
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from_raw_mode(0o600),
                0,
            )
            .unwrap();
        }),
    ];
    for (words, spoil) in cases {
        spoil();
        let (asked, ended) = run_again(&lab, &payload, &seed).await;
        assert_eq!((ended.code(), asked), (0, BTreeSet::new()), "{words}: {ended:#?}");
        let line = ended.complaint();
        assert!(line.contains("ignoring the resume file") && line.contains(words), "{words}: {line}");
        assert!(remembered(&lab).clean, "{words}: the next run knows again");
    }
    assert_right(&lab, &payload, "resume files");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_resume_file_put_back_claims_nothing_that_is_not_so() {
    let (payload, lab) = (payload(), Lab::new());
    let (seed, run) = quarter_of(&lab, &payload, payload.blocks() / 2).await;
    run.signal(Signal::TERM);
    run.ended().await;
    let old = fs::read(resume_file(&lab)).unwrap();
    seed.allow(u64::MAX);
    let (_, ended) = run_again(&lab, &payload, &seed).await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    // Everything came since; and of what was there before, a byte is wrong now.
    fs::write(resume_file(&lab), old).unwrap();
    let file = lab.out().join("it/a");
    let mut content = fs::read(&file).unwrap();
    let wrong =
        (0..40).find(|piece| remembered(&lab).unsynced.numbers().any(|known| known == *piece)).unwrap();
    content[wrong as usize * PIECE] ^= 1;
    fs::write(&file, content).unwrap();
    let (asked, ended) = run_again(&lab, &payload, &seed).await;
    assert_eq!((ended.code(), asked), (0, BTreeSet::from([wrong])), "{ended:#?}");
    assert_right(&lab, &payload, "an old resume file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_and_woken_it_goes_on() {
    let (payload, lab) = (payload(), Lab::new());
    let (seed, run) = quarter_of(&lab, &payload, payload.blocks() / 2).await;
    run.signal(Signal::STOP);
    let is_stopped = async {
        // `T` behind the name in brackets: stopped by a signal.
        let state = || fs::read_to_string(format!("/proc/{}/stat", run.pid())).unwrap();
        while !state().rsplit(')').next().unwrap().trim_start().starts_with('T') {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon("it is stopped", is_stopped).await;
    // Whoever it spoke to is gone when it wakes, and somebody else is there.
    let whole = payload.right_at(&lab.out());
    drop(seed);
    let lines = run.output().stdout.len();
    let seed = Seed::honest(&payload).await;
    run.signal(Signal::CONT);
    let mut heard = 0;
    run.until("it speaks again", |_| {
        heard += 1;
        heard > lines
    })
    .await;
    run.signal(Signal::TERM);
    assert_eq!(run.ended().await.code(), 1);
    let (asked, ended) = run_again(&lab, &payload, &seed).await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(asked.is_disjoint(&whole), "asked for again: {asked:?}");
    assert_right(&lab, &payload, "suspended");
}

/// Blocks: piece, first byte.
type Blocks = BTreeSet<(u32, u32)>;

/// Quits a download in the middle of its pieces. Returns what came.
async fn unfinished(lab: &Lab, payload: &Arc<Payload>, script: Script) -> Blocks {
    let allowed = script.allowed;
    let seed = Seed::start(payload, script).await;
    let run = program::download(lab, payload, &["--peer", &seed.addr.to_string()]);
    let seen = seed.until("all it may send is sent", |seen| seen.sent.len() as u64 == allowed).await;
    // What is on its way is no loss: that it came shows where it is written or asked for again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    run.signal(Signal::TERM);
    assert_eq!(run.ended().await.code(), 1);
    seen.sent.iter().map(|(_, spec)| (spec.index, spec.begin)).collect()
}

/// Completes it from an honest peer. Returns what was asked for of what had come.
async fn completed(lab: &Lab, payload: &Arc<Payload>, came: &Blocks) -> Blocks {
    let seed = Seed::honest(payload).await;
    let ended = program::download(lab, payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
    assert_eq!(seed.seen().handshakes, 1, "it is not banned for what it did not send");
    let asked = seed.seen().requests.iter().map(|spec| (spec.index, spec.begin)).collect();
    came.intersection(&asked).copied().collect()
}

const LONG: usize = 16 * PIECE;

fn long_pieces() -> Arc<Payload> {
    Recipe::files("it", &[("a", 4 * LONG), ("b", 4 * LONG)], LONG).make()
}

fn some() -> Script {
    Script { allowed: 150, ..Script::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_unfinished_piece_that_was_changed_between_runs_the_changed_block_is_fetched_again() {
    let (lab, payload) = (Lab::new(), long_pieces());
    let came = unfinished(&lab, &payload, some()).await;
    let whole = payload.right_at(&lab.out());
    let changed = came.iter().copied().filter(|(piece, _)| !whole.contains(piece)).nth(3).unwrap();
    let at = changed.0 as usize * LONG + changed.1 as usize + 77;
    let (name, at) = if at < 4 * LONG { ("it/a", at) } else { ("it/b", at - 4 * LONG) };
    let file = OpenOptions::new().write(true).open(lab.out().join(name)).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"somebody else", at as u64).unwrap();
    let again = completed(&lab, &payload, &came).await;
    let others: Vec<_> = again.iter().filter(|(piece, _)| !whole.contains(piece)).collect();
    assert_eq!(others, [&changed], "of unfinished pieces");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_unfinished_pieces_that_is_fetched_again_which_a_cut_or_replaced_file_took() {
    let acts: [(&str, Act); 3] = [
        ("cut", |file| OpenOptions::new().write(true).open(file).unwrap().set_len(100_000).unwrap()),
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("replaced", |file| replace(file, 4 * LONG)),
    ];
    for (what, act) in acts {
        let (lab, payload) = (Lab::new(), long_pieces());
        let came = unfinished(&lab, &payload, some()).await;
        let whole = payload.right_at(&lab.out());
        act(&lab.out().join("it/a"));
        let there = if what == "cut" { 100_000 } else { 0 };
        let again = completed(&lab, &payload, &came).await;
        let is_lost = |(piece, begin): &&(u32, u32)| {
            let from = *piece as usize * LONG + *begin as usize;
            // A piece that was whole is lost with any of its blocks.
            from < 4 * LONG && (from + 16_384 > there || whole.contains(piece))
        };
        let lost: Blocks = came.iter().filter(is_lost).copied().collect();
        assert_eq!(again, lost, "{what}: what was taken, and no more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_written_in_runs_that_fails_after_a_restart_is_fetched_anew_and_nobody_is_banned() {
    // Wrong from the start, or changed since.
    for lies in [true, false] {
        let lab = Lab::new();
        let payload = Recipe::files("it", &[("a", 4 << 20)], 4 << 20).make();
        let lies_about = if lies { vec![0] } else { Vec::new() };
        let came = unfinished(&lab, &payload, Script { lies_about, ..some() }).await;
        if !lies {
            let file = OpenOptions::new().write(true).open(lab.out().join("it/a")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"somebody else", 70_000).unwrap();
        }
        assert_eq!(completed(&lab, &payload, &came).await, came, "all of it");
    }
}
