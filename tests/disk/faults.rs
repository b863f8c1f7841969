//! The disk fails, refuses, and has a clock of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::Signal;
use ttui::command::Command;
use ttui::engine::{Download, Options, Session, SessionOptions, TorrentOptions};
use ttui::event::Phase;
use ttui::ledger::VerdictCode;
use ttui::storage::{self, Start};

use super::model::{Act, EACCES, EDQUOT, EFBIG, EIO, EMFILE, ENOMEM, ENOSPC, EROFS, ESTALE, Errno, Fault};
use super::support::overview::assert_first_is_shown_first;
use super::support::{Payload, Recipe, Script, Seed, soon, until};
use super::{Bench, in_a_namespace};

const PIECE: usize = 64 * 1024;
const ALWAYS: u32 = u32::MAX;

#[test]
fn a_disk_that_refuses_ends_it_with_one_line_and_what_was_verified_kept() {
    in_a_namespace("faults::a_disk_that_refuses_ends_it_with_one_line_and_what_was_verified_kept", refuses);
}

async fn refuses() {
    let failing: [(Act, Errno, &str); 10] = [
        (Act::Write, EIO, "cannot write {}: the device reports an input/output error"),
        (Act::Write, EROFS, "cannot write {}: the file system is read-only"),
        (Act::Write, EDQUOT, "cannot write {}: the disk is full, or its quota is used up"),
        (
            Act::Write,
            EFBIG,
            "cannot write {}: the file system, or a limit of this process (ulimit -f), does not take",
        ),
        (Act::Write, ESTALE, "cannot write {}: Stale file handle"),
        (Act::Write, ENOMEM, "cannot write {}: Cannot allocate memory"),
        (Act::Reserve, EIO, "cannot reserve room for {}: the device reports an input/output error"),
        (Act::Make, EACCES, "cannot create {}: permission denied"),
        (Act::Make, EMFILE, "cannot create {}: too many files are open (see ulimit -n)"),
        (Act::Make, EROFS, "cannot create {}: the file system is read-only"),
    ];
    for (act, errno, words) in failing {
        let payload = Recipe::files("it", &[("a", 8 * PIECE), ("b", 8 * PIECE)], PIECE).make();
        let bench = Bench::new();
        bench.disk.fail(Fault { act, on: "b", errno, after: 0, times: ALWAYS });
        let first = Seed::start(&payload, Script { has: Some((0..8).collect()), ..Script::default() }).await;
        let second = Script { has: Some((8..16).collect()), allowed: 0, ..Script::default() };
        let second = Seed::start(&payload, second).await;
        let peers = ["--peer", &first.addr.to_string(), "--peer", &second.addr.to_string()];
        let run = bench.download(&payload, &peers);
        // Nothing may be fetched where a file cannot even be made.
        if act != Act::Make {
            let half = 8 * PIECE as u64;
            run.until("the first file is here", |line| line["have_bytes"].as_u64() == Some(half)).await;
        }
        second.allow(u64::MAX);
        let ended = run.ended().await;
        assert_eq!(ended.code(), 3, "{act:?} {errno}: {ended:#?}");
        let path = bench.out().canonicalize().unwrap().join("it/b");
        let expected = words.replace("{}", &path.display().to_string());
        assert!(ended.complaint().contains(&expected), "{} is not: {expected}", ended.complaint());
        let last = ended.json().pop().unwrap();
        assert_eq!((&last["final"], &last["state"]), (&true.into(), &"error".into()), "{last}");

        bench.disk.mend();
        let asked_before = first.seen().requests.len();
        let kept = payload.right_at(&bench.out());
        let ended = bench.download(&payload, &peers).ended().await;
        assert_eq!(ended.code(), 0, "{act:?} {errno}: {ended:#?}");
        bench.assert_right(&payload);
        let asked: BTreeSet<u32> =
            first.seen().requests[asked_before..].iter().map(|spec| spec.index).collect();
        assert!(asked.is_disjoint(&kept), "{act:?} {errno}: asked for again: {asked:?}");
    }
}

#[test]
fn what_the_disk_refuses_leads_every_screen_at_once() {
    in_a_namespace("faults::what_the_disk_refuses_leads_every_screen_at_once", refusal_leads);
}

async fn refusal_leads() {
    for (errno, words) in [(ENOSPC, "the disk is full"), (EROFS, "the file system is read-only")] {
        let payload = Recipe::file("it", 8 * PIECE, PIECE).make();
        let bench = Bench::new();
        bench.disk.fail(Fault { act: Act::Write, on: "it", errno, after: 2, times: ALWAYS });
        let seed = Seed::honest(&payload).await;
        let options = Options {
            output: bench.out(),
            state: Some(bench.lab.out().join("state")),
            ..bench.lab.options(&[seed.addr])
        };
        let mut download = Download::start(payload.torrent.clone(), options).unwrap();
        let view = until(&download, "it stops", |view| {
            (view.phase == Phase::Stopped).then(|| Arc::new(view.clone()))
        })
        .await;
        let first = &view.verdicts[0];
        assert!(first.text.starts_with("Stopped: cannot write "), "{}", first.text);
        assert!(first.text.contains(words) && first.advice.contains("go on"), "{first:?}");
        assert_eq!((first.code, view.verdicts.len()), (VerdictCode::DiskTrouble, 1), "{:?}", view.verdicts);
        assert_first_is_shown_first(&view);
        // With room again it goes on where the user says so, and nothing is said of the disk.
        bench.disk.mend();
        download.send(Command::Resume);
        soon("the download completes", download.completed()).await.unwrap();
        let said = download.view().verdicts.iter().any(|verdict| verdict.code == VerdictCode::DiskTrouble);
        assert!(!said, "{:?}", download.view().verdicts);
        soon("the download stops", download.stop()).await.unwrap();
        bench.assert_right(&payload);
    }
}

#[test]
fn a_full_disk_stops_its_torrent_and_no_other() {
    in_a_namespace("faults::a_full_disk_stops_its_torrent_and_no_other", full_of_one);
}

async fn full_of_one() {
    let bench = Bench::new();
    bench.disk.fail(Fault { act: Act::Write, on: "full", errno: ENOSPC, after: 2, times: ALWAYS });
    let state = Some(bench.lab.path("state"));
    let session =
        Session::start(SessionOptions { state, loopback: true, ..SessionOptions::default() }).unwrap();
    let (mut torrents, mut seeds) = (Vec::new(), Vec::new());
    for number in 0..10 {
        let name = if number == 0 { "full".to_owned() } else { format!("it {number}") };
        let payload = Recipe::file(&name, 16 * PIECE, PIECE).seed(number).make();
        let seed = Seed::honest(&payload).await;
        let options =
            TorrentOptions { output: bench.out(), peers: vec![seed.addr], ..TorrentOptions::default() };
        torrents.push((session.add(payload.torrent.clone(), options).unwrap(), payload));
        seeds.push(seed);
    }
    for (torrent, payload) in &mut torrents[1..] {
        soon("the others complete", torrent.completed()).await.unwrap();
        bench.assert_right(payload);
    }
    let (full, payload) = &mut torrents[0];
    let mut views = full.views();
    let stopped = views.wait_for(|view| view.phase == Phase::Stopped);
    let reason = soon("it stops", stopped).await.unwrap().phase_reason.clone().unwrap_or_default();
    assert!(reason.contains("the disk is full") && full.outcome().is_none(), "{reason}");
    bench.disk.mend();
    full.send(Command::Resume);
    soon("it goes on where it stopped", full.completed()).await.unwrap();
    bench.assert_right(payload);
    soon("all stop", session.stop()).await.unwrap();
}

#[test]
fn a_sync_that_failed_once_is_never_taken_for_done() {
    in_a_namespace("faults::a_sync_that_failed_once_is_never_taken_for_done", failed_sync);
}

/// Real disks say so once: the next sync succeeds, and what was written is lost.
async fn failed_sync() {
    let payload = Recipe::file("it", 16 * PIECE, PIECE).make();
    let bench = Bench::new();
    bench.disk.fail(Fault { act: Act::Sync, on: "it", errno: EIO, after: 0, times: 1 });
    let seed = Seed::start(&payload, Script { allowed: 4 * 6, ..Script::default() }).await;
    let options = || Options {
        output: bench.out(),
        state: Some(bench.lab.out().join("state")),
        sync_after: Duration::from_millis(20),
        ..bench.lab.options(&[seed.addr])
    };
    let download = Download::start(payload.torrent.clone(), options()).unwrap();
    let reason = until(&download, "it stops", |view| {
        (view.phase == Phase::Stopped).then(|| view.phase_reason.clone().unwrap_or_default())
    })
    .await;
    assert!(reason.contains("cannot sync") && reason.contains("input/output error"), "{reason}");
    // The user insists: from now on every sync succeeds.
    seed.allow(4 * 12);
    download.send(Command::Resume);
    let (syncs, wanted) = (bench.disk.syncs("it"), 10 * PIECE as u64);
    until(&download, "it goes on", |view| (view.have_bytes >= wanted).then_some(())).await;
    let synced_again = async {
        while bench.disk.syncs("it") == syncs {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon("another sync succeeds", synced_again).await;
    soon("the download stops", download.stop()).await.unwrap();

    let right = payload.right_at(&bench.out());
    assert!(right.len() < 12, "the disk has lost something: {right:?}");
    seed.allow(u64::MAX);
    let asked_before = seed.seen().requests.len();
    let mut again = Download::start(payload.torrent.clone(), options()).unwrap();
    soon("it completes", again.completed()).await.unwrap();
    soon("the download stops", again.stop()).await.unwrap();
    bench.assert_right(&payload);
    let asked: BTreeSet<u32> = seed.seen().requests[asked_before..].iter().map(|spec| spec.index).collect();
    assert_eq!(asked, (0..16).filter(|piece| !right.contains(piece)).collect(), "what was lost, and no more");
}

#[test]
fn with_sync_a_failing_one_is_told_at_the_end_with_status_3() {
    in_a_namespace("faults::with_sync_a_failing_one_is_told_at_the_end_with_status_3", failed_last_sync);
}

async fn failed_last_sync() {
    let payload = Recipe::file("it", 16 * PIECE, PIECE).make();
    let bench = Bench::new();
    bench.disk.fail(Fault { act: Act::Sync, on: "it", errno: EIO, after: 0, times: 1 });
    let seed = Seed::honest(&payload).await;
    let peer = seed.addr.to_string();
    let ended = bench.download(&payload, &["--sync", "--peer", &peer]).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    assert!(ended.complaint().contains("cannot sync"), "{}", ended.complaint());
    let ended = bench.download(&payload, &["--sync", "--peer", &peer]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    bench.assert_right(&payload);
}

#[test]
fn what_the_disk_cannot_read_is_fetched_again() {
    in_a_namespace("faults::what_the_disk_cannot_read_is_fetched_again", unreadable);
}

async fn unreadable() {
    let payload = Recipe::files("it", &[("a", 8 * PIECE), ("b", 8 * PIECE)], PIECE).make();
    for what in ["b", ".resume"] {
        let bench = Bench::new();
        let seed = Seed::honest(&payload).await;
        let (peer, state) = (seed.addr.to_string(), bench.lab.out().join("state"));
        let download = || {
            let mut command = super::program::command(&bench.lab);
            command.env("XDG_STATE_HOME", &state).arg("--json").arg(bench.lab.torrent(&payload));
            command.arg("-o").arg(bench.out()).args(["--peer", &peer]);
            super::Program::spawn(&mut command)
        };
        assert_eq!(download().ended().await.code(), 0);
        bench.disk.fail(Fault { act: Act::Read, on: what, errno: EIO, after: 0, times: ALWAYS });
        let asked_before = seed.seen().requests.len();
        let ended = download().ended().await;
        assert_eq!(ended.code(), 0, "{what}: {ended:#?}");
        let asked: BTreeSet<u32> =
            seed.seen().requests[asked_before..].iter().map(|spec| spec.index).collect();
        let expected: BTreeSet<u32> = if what == "b" { (8..16).collect() } else { BTreeSet::new() };
        assert_eq!(asked, expected, "{what}");
        if what == ".resume" {
            assert!(ended.complaint().contains("ignoring the resume file"), "{}", ended.complaint());
        }
        bench.disk.mend();
        bench.assert_right(&payload);
    }
}

#[test]
fn a_clock_that_jumps_or_runs_backwards_loses_nothing() {
    in_a_namespace("faults::a_clock_that_jumps_or_runs_backwards_loses_nothing", wrong_clock);
}

async fn wrong_clock() {
    const NOW: u64 = 1_700_000_000;
    // Before and during the first run, and after it: in 1970, in 2106, and back.
    for (first, step, then) in [(NOW, -7, 5), (5, 1, NOW), (4_294_967_290, 3, NOW), (NOW, 0, NOW)] {
        for signal in [Signal::TERM, Signal::KILL] {
            let payload = Recipe::files("it", &[("a", 8 * PIECE + 3), ("b", 8 * PIECE)], PIECE).make();
            let bench = Bench::new();
            bench.disk.set_clock(first, step);
            let seed =
                Seed::start(&payload, Script { allowed: payload.blocks() / 2, ..Script::default() }).await;
            let peer = seed.addr.to_string();
            let run = bench.download(&payload, &["--peer", &peer]);
            run.until("some of it is here", |line| line["have_bytes"].as_u64() >= Some(4 * PIECE as u64))
                .await;
            run.signal(signal);
            run.ended().await;
            bench.disk.set_clock(then, -step);
            let kept = payload.right_at(&bench.out());
            seed.until("it is gone", |seen| seen.open == 0).await;
            let asked_before = seed.seen().requests.len();
            seed.allow(u64::MAX);
            let ended = bench.download(&payload, &["--peer", &peer]).ended().await;
            assert_eq!(ended.code(), 0, "{first} {step} {signal:?}: {ended:#?}");
            bench.assert_right(&payload);
            let asked: BTreeSet<u32> =
                seed.seen().requests[asked_before..].iter().map(|spec| spec.index).collect();
            assert!(asked.is_disjoint(&kept), "{first} {step} {signal:?}: asked for again: {asked:?}");
        }
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_run_loses_nothing_that_it_took() {
    in_a_namespace(
        "faults::a_disk_that_fills_up_in_the_middle_of_a_run_loses_nothing_that_it_took",
        full_in_a_run,
    );
}

async fn full_in_a_run() {
    for after in [1, 4, 7] {
        let payload = Recipe::files("it", &[("a", 64 * PIECE), ("b", 64 * PIECE)], 32 * PIECE).make();
        let bench = Bench::new();
        bench.disk.fail(Fault { act: Act::Write, on: "a", errno: EDQUOT, after, times: ALWAYS });
        let has = Some(vec![0, 1]);
        let seed = Seed::start(&payload, Script { has, ..Script::default() }).await;
        let peer = seed.addr.to_string();
        let ended = bench.download(&payload, &["--peer", &peer]).ended().await;
        assert_eq!(ended.code(), 3, "{ended:#?}");
        assert!(ended.complaint().contains("the disk is full"), "{}", ended.complaint());
        bench.disk.mend();
        let unfinished = unfinished(&bench, &payload);
        assert!(!unfinished.is_empty(), "after {after} writes nothing is kept");
        let wrong = payload.wrong_at(&bench.out(), &unfinished);
        assert!(wrong.is_empty(), "named, and not there: {wrong:?}");

        let asked_before = seed.seen().requests.len();
        let rest = Seed::honest(&payload).await;
        let more = ["--peer", &peer, "--peer", &rest.addr.to_string()];
        let ended = bench.download(&payload, &more).ended().await;
        assert_eq!(ended.code(), 0, "{ended:#?}");
        bench.assert_right(&payload);
        let asked = |from: usize, seed: &Seed| -> BTreeSet<(u32, u32)> {
            seed.seen().requests[from..].iter().map(|spec| (spec.index, spec.begin)).collect()
        };
        let asked = &asked(asked_before, &seed) | &asked(0, &rest);
        assert!(asked.is_disjoint(&unfinished), "asked for again: {:?}", &asked & &unfinished);
    }
}

/// The blocks of unfinished pieces that are taken for written: piece, first byte.
fn unfinished(bench: &Bench, payload: &Payload) -> BTreeSet<(u32, u32)> {
    let started = storage::start(Start {
        torrent: Arc::new(payload.torrent.clone()),
        output_dir: &bench.out(),
        state_dir: &bench.lab.state(),
        options: storage::Options::default(),
        choice: &|_| None,
        threads: 1,
        progress: &|_, _| {},
        cancel: &AtomicBool::new(false),
    });
    let unfinished = started.unwrap().unfinished;
    unfinished.blocks().map(|(piece, block)| (piece.number(), block.number * 16_384)).collect()
}
