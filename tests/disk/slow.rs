//! A disk that takes less than the peers send.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ttui::command::Command;
use ttui::engine::{Download, Options, Wanted};
use ttui::event::Phase;
use ttui::ledger::VerdictCode;
use ttui::metainfo::Magnet;

use super::model::{Act, Disk, ENOSPC, Fault, Speed};
use super::support::{Gives, Recipe, Script, Seed, soon, until};
use super::{Bench, in_a_namespace};

const MIB: usize = 1 << 20;
/// A network mount, or an old disk.
const SPEED: Speed = Speed { bytes_a_second: 20e6, operation: Duration::from_millis(30) };

fn bench() -> Bench {
    let disk = Disk::new();
    disk.slow_down(SPEED);
    Bench::on(disk)
}

/// How long four writers take that write a MiB at a time.
fn four_writers(bench: &Bench, mib: usize) -> Duration {
    let file = File::create(bench.lab.out().join("reference")).unwrap();
    file.set_len((mib * MIB) as u64).unwrap();
    let (next, bytes, began) = (AtomicUsize::new(0), vec![7; MIB], Instant::now());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= mib {
                        return;
                    }
                    file.write_all_at(&bytes, (at * MIB) as u64).unwrap();
                }
            });
        }
    });
    began.elapsed()
}

#[test]
fn a_slow_disk_is_used_to_the_full_in_bounded_memory() {
    in_a_namespace("slow::a_slow_disk_is_used_to_the_full_in_bounded_memory", used_to_the_full);
}

async fn used_to_the_full() {
    for piece_bytes in [256 << 10, MIB, 4 * MIB] {
        // One writer at a time takes 0.64 of it; how near a download comes to all is for a quiet machine to say.
        let part = part_of_the_disk(piece_bytes).await;
        assert!(part >= 0.68, "{part:.3} of what the disk takes, in pieces of {piece_bytes}");
    }
}

/// How much of what four writers get of the disk a download gets.
async fn part_of_the_disk(piece_bytes: usize) -> f64 {
    let bench = bench();
    let mib = 96;
    let reference = four_writers(&bench, mib);
    let payload = Recipe::file("it", mib * MIB, piece_bytes).make();
    let mut seeds = Vec::new();
    for _ in 0..3 {
        seeds.push(Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await);
    }
    let peers: Vec<String> = seeds.iter().map(|seed| seed.addr.to_string()).collect();
    let more: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
    let run = bench.download(&payload, &more);
    for seed in &seeds {
        seed.until("it is asked", |seen| !seen.requests.is_empty()).await;
    }
    let began = Instant::now();
    seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let status = format!("/proc/{}/status", run.pid());
    let mut peak_kib = 0;
    while !run.has_ended() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = kib.unwrap_or(0u64).max(peak_kib);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let ended = run.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    bench.assert_right(&payload);
    let part = reference.as_secs_f64() / took.as_secs_f64();
    println!("{piece_bytes}: {took:?}, four writers {reference:?}: {part:.3}; peak {peak_kib} KiB");
    assert!(peak_kib < 96 << 10, "{peak_kib} KiB");
    part
}

#[test]
fn a_slow_disk_is_named_as_the_limit_and_the_view_stays_quick() {
    in_a_namespace("slow::a_slow_disk_is_named_as_the_limit_and_the_view_stays_quick", named);
}

async fn named() {
    let bench = bench();
    let payload = Recipe::file("it", 160 * MIB, MIB).make();
    let (one, other) = (Seed::honest(&payload).await, Seed::honest(&payload).await);
    let options = Options { output: bench.out(), ..bench.lab.options(&[one.addr, other.addr]) };
    let download = Download::start(payload.torrent.clone(), options).unwrap();
    let mut views = download.views();
    let (mut said, mut longest, mut last) = (Vec::new(), Duration::ZERO, Instant::now());
    // It takes eight seconds. Nothing may fail before it stops: who serves a disk must not end while it is written to.
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        if view.phase == Phase::Downloading && view.have_bytes > 0 {
            longest = longest.max(last.elapsed());
        }
        last = Instant::now();
        let slow = view.verdicts.iter().find(|verdict| verdict.code == VerdictCode::DiskSlow);
        said.extend(slow.map(|verdict| verdict.text.clone()));
        if view.phase == Phase::Seeding {
            break;
        }
    }
    let ended = soon("the download stops", download.stop()).await;
    ended.unwrap();
    // It takes 19 MiB/s; one second may hold a write more.
    assert!(said.iter().any(|said| said.starts_with("The disk is the limit: it takes 1")), "{said:?}");
    assert!(longest < Duration::from_secs(2), "no view for {longest:?}");
}

#[test]
fn blocks_are_asked_for_while_files_are_made_and_written_when_they_are() {
    in_a_namespace(
        "slow::blocks_are_asked_for_while_files_are_made_and_written_when_they_are",
        asked_meanwhile,
    );
}

async fn asked_meanwhile() {
    const PIECE: usize = 64 * 1024;
    for magnet in [false, true] {
        let payload = Recipe::files("it", &[("a", PIECE), ("b", PIECE)], PIECE).make();
        let bench = Bench::new();
        bench.disk.hold_making("b");
        let metadata = payload.torrent.public_info().map(|info| (info.here().unwrap(), Gives::Right));
        let seed = Seed::start(&payload, Script { metadata, ..Script::default() }).await;
        let link = format!("magnet:?xt=urn:btih:{}&x.pe={}", payload.info_hash(), seed.addr);
        let wanted: Wanted = match magnet {
            true => link.parse::<Magnet>().unwrap().into(),
            false => payload.torrent.clone().into(),
        };
        let state = bench.lab.path("state");
        let options =
            Options { output: bench.out(), state: Some(state.clone()), ..bench.lab.options(&[seed.addr]) };
        let mut download = Download::start(wanted, options).unwrap();
        seed.until("everything is sent", |seen| seen.sent.len() == 2 * PIECE / (16 << 10)).await;
        assert_eq!(download.view().phase, Phase::Downloading);
        let content = |name: &str| bench.disk.content(&Path::new("data/it").join(name));
        assert_eq!((content("a"), content("b")), (Some(Vec::new()), None), "nothing is written yet");
        let mut entries = fs::read_dir(&state).unwrap().flatten();
        let recorded = entries.any(|entry| entry.path().extension().is_some_and(|end| end == "resume"));
        assert!(!recorded, "the record says that writing began when it may begin");
        bench.disk.mend();
        soon("the download completes", download.completed()).await.unwrap();
        soon("the download stops", download.stop()).await.unwrap();
        bench.assert_right(&payload);
    }
}

#[test]
fn a_disk_that_is_full_before_all_files_are_made_is_asked_again_and_what_came_is_kept() {
    in_a_namespace(
        "slow::a_disk_that_is_full_before_all_files_are_made_is_asked_again_and_what_came_is_kept",
        full_meanwhile,
    );
}

async fn full_meanwhile() {
    const PIECE: usize = 64 * 1024;
    let payload = Recipe::files("it", &[("one", PIECE), ("two", PIECE)], PIECE).make();
    let bench = Bench::new();
    bench.disk.hold_making("one");
    bench.disk.fail(Fault { act: Act::Make, on: "two", errno: ENOSPC, after: 0, times: u32::MAX });
    let seed = Seed::honest(&payload).await;
    let options = Options {
        output: bench.out(),
        state: Some(bench.lab.path("state")),
        ..bench.lab.options(&[seed.addr])
    };
    let mut download = Download::start(payload.torrent.clone(), options).unwrap();
    let blocks = 2 * PIECE / (16 << 10);
    seed.until("everything is sent", |seen| seen.sent.len() == blocks).await;
    bench.disk.go_on_making();
    let reason = until(&download, "it stops", |view| {
        (view.phase == Phase::Stopped).then(|| view.phase_reason.clone().unwrap_or_default())
    })
    .await;
    assert!(reason.contains("cannot create") && reason.contains("full"), "{reason}");
    assert_eq!(download.view().verdicts[0].code, VerdictCode::DiskTrouble);
    bench.disk.mend();
    download.send(Command::Resume);
    soon("the download completes", download.completed()).await.unwrap();
    assert_eq!(seed.seen().sent.len(), blocks, "nothing is fetched twice");
    soon("the download stops", download.stop()).await.unwrap();
    bench.assert_right(&payload);
}
