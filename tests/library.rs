//! What the program keeps of torrents from run to run, and what it runs when nothing is named.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::program::command;
use support::{
    Gives, Lab, Payload, Program, Recipe, Reply, Script, Seed, Several, Tracker, finals, nobody_at, soon,
};
use tokio::time::Instant;
use ttui::engine::Options;
use ttui::library::{Entry, Library};
use ttui::metainfo::InfoHash;

const PIECE: usize = 64 * 1024;

/// A seed that gives this number of blocks until it is allowed more.
fn gives(allowed: u64) -> Script {
    Script { allowed, ..Script::default() }
}

/// What is kept in a lab, in the order of the queue.
fn kept(lab: &Lab) -> Vec<Entry> {
    Library::of(&lab.state()).list().unwrap().entries
}

fn hashes(lab: &Lab) -> Vec<String> {
    kept(lab).iter().map(|entry| entry.info_hash.to_string()).collect()
}

fn entry_path(lab: &Lab, info_hash: InfoHash) -> PathBuf {
    lab.state().join(format!("torrents/{info_hash}.entry"))
}

/// Changes what is kept of a torrent that nobody runs.
fn change(lab: &Lab, info_hash: InfoHash, change: impl FnOnce(&mut Entry)) {
    let library = Library::of(&lab.state());
    let entries = library.list().unwrap().entries;
    let entry = entries.iter().find(|entry| entry.info_hash == info_hash).unwrap();
    library.take(entry).unwrap().change(change).unwrap();
}

/// `ttui` with nothing named.
fn bare(lab: &Lab, more: &[&str]) -> Program {
    Program::spawn(command(lab).arg("--json").args(more))
}

fn hash_of(line: &Value) -> Option<String> {
    line["torrent"]["info_hash"].as_str().map(str::to_owned)
}

fn states(lines: &[Value]) -> Vec<(&str, Option<String>)> {
    finals(lines).iter().map(|line| (line["state"].as_str().unwrap(), hash_of(line))).collect()
}

/// Waits until every torrent with one of these hashes has at least a piece.
async fn until_begun(program: &Program, hashes: &[String]) {
    let mut begun = BTreeSet::new();
    let look = |line: &Value| {
        if line["have_bytes"].as_u64() > Some(0) {
            begun.extend(hash_of(line));
        }
        hashes.iter().all(|hash| begun.contains(hash))
    };
    program.until("a part of each is here", look).await;
}

/// A torrent of a few bytes that stands complete in the output folder.
fn complete(lab: &Lab, name: &str) -> (Arc<Payload>, PathBuf) {
    let payload = Recipe::file(name, 1000, PIECE).make();
    payload.lay_out(&lab.out());
    let path = lab.write(&format!("{name}.torrent"), &payload.torrent_bytes);
    (payload, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_named_is_kept_and_alone_ttui_runs_all_of_it_until_it_is_done() {
    let several = Several::of(vec![gives(6), gives(6)]).await;
    let lab = &several.lab;
    let program = several.run(&["--json"]);
    let all: Vec<String> = (0..2).map(|number| several.torrents[number].0.info_hash().to_string()).collect();
    until_begun(&program, &all).await;
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code(), 1);
    assert_eq!(hashes(lab), all, "in the order they were named");
    // Its own copy is kept: the file may go.
    several.torrents.iter().for_each(|(_, path)| fs::remove_file(path).unwrap());
    several.seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let ended = bare(lab, &[]).ended().await;
    assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "{ended:#?}");
    let complete: Vec<_> = all.iter().map(|hash| ("complete", Some(hash.clone()))).collect();
    assert_eq!(states(&ended.json()), complete);
    several.torrents.iter().for_each(|(payload, _)| {
        assert_eq!(payload.right_at(&lab.out()).len() as u32, payload.pieces());
    });
    // Completed without a screen it is done: listed, and not run.
    let asked: Vec<usize> = several.seeds.iter().map(|seed| seed.seen().connections as usize).collect();
    let ended = bare(lab, &[]).ended().await;
    assert_eq!((ended.code(), ended.stdout.len()), (0, 2), "{ended:#?}");
    assert_eq!(states(&ended.json()), complete);
    let text = Program::run(lab, &["--headless"]).ended().await;
    let folder = lab.out().canonicalize().unwrap();
    for (number, line) in text.stdout.iter().enumerate() {
        let told = format!("done: it {number} in {}, complete in an earlier run; name it", folder.display());
        assert!(line.starts_with(&told), "{line}");
    }
    let now: Vec<usize> = several.seeds.iter().map(|seed| seed.seen().connections as usize).collect();
    assert_eq!(asked, now, "nobody was dialled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_named_runs_alone_and_the_others_stay_kept() {
    let several = Several::of(vec![gives(6), Script::default()]).await;
    let lab = &several.lab;
    let [first, second] = [&several.torrents[0].1, &several.torrents[1].1];
    let out = lab.out();
    let run = |path: &PathBuf| Program::spawn(command(lab).arg("--json").arg(path).arg("-o").arg(&out));
    let program = run(first);
    until_begun(&program, &[several.torrents[0].0.info_hash().to_string()]).await;
    program.signal(Signal::TERM);
    program.ended().await;
    let ended = run(second).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let ran: BTreeSet<_> = ended.json().iter().filter_map(hash_of).collect();
    assert_eq!(ran.len(), 1, "{ran:?}");
    assert_eq!(kept(lab).iter().map(|entry| entry.done).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_seed_what_is_complete_is_not_done_and_seeds_again() {
    let lab = Lab::new();
    let (_, path) = complete(&lab, "it");
    let seeds = |line: &Value| line["state"] == "seeding";
    let named = ["--json", "--seed", path.to_str().unwrap(), "-o", "out"];
    for arguments in [&named[..], &["--json", "--seed"]] {
        let program = Program::run(&lab, arguments);
        program.until("it seeds", seeds).await;
        program.signal(Signal::TERM);
        assert_eq!(program.ended().await.code(), 0);
        assert!(!kept(&lab)[0].done);
    }
    // Without it, it is done once it is complete.
    assert_eq!(bare(&lab, &[]).ended().await.code(), 0);
    assert!(kept(&lab)[0].done);
    // Named again it runs again.
    let program = Program::run(&lab, &named);
    program.until("it seeds", seeds).await;
    assert!(!kept(&lab)[0].done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_idles_is_read_back_from_its_kept_file_when_it_is_needed() {
    let lab = Lab::new();
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    payload.lay_out(&lab.out());
    let path = lab.torrent(&payload);
    let named = ["--json", "--seed", path.to_str().unwrap(), "-o", "out"];
    // Read from the file that is named, and from the one that is kept.
    for arguments in [&named[..], &["--json", "--seed"]] {
        let before = tracker.asked().len();
        let program = Program::run(&lab, arguments);
        program.until("it seeds", |line| line["state"] == "seeding").await;
        let announced = async {
            while tracker.asked().len() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon("it announces itself", announced).await;
        let peer = format!("127.0.0.1:{}", tracker.asked()[before].port);
        // Who has the magnet alone needs all of it: the metadata too.
        let other = Lab::new();
        let link = format!("magnet:?xt=urn:btih:{}", payload.info_hash());
        let ended = Program::run(&other, &["--json", &link, "--peer", &peer, "-o", "out"]).ended().await;
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(payload.right_at(&other.out()).len() as u32, payload.pieces());
        program.signal(Signal::TERM);
        assert_eq!(program.ended().await.code(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_seeding_counts_over_runs() {
    let lab = Lab::new();
    let (payload, path) = complete(&lab, "it");
    let long = ["--seed", "--seed-time", "1h", "--json"];
    let program =
        Program::spawn(command(&lab).arg(&path).args(["-o".as_ref(), lab.out().as_os_str()]).args(long));
    let mut since = None;
    let seeds = |line: &Value| {
        let at = line["t_ms"].as_u64().filter(|_| line["state"] == "seeding");
        at.is_some_and(|at| at >= *since.get_or_insert(at) + 1500)
    };
    program.until("it seeds for a while", seeds).await;
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await.code(), 0);
    assert!((1..60).contains(&kept(&lab)[0].totals.seeded_s), "{:?}", kept(&lab)[0].totals);
    change(&lab, payload.info_hash(), |entry| entry.totals.seeded_s = 3599);
    // One second is left of the hour.
    let ended = bare(&lab, &["--seed", "--seed-time", "1h"]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!((3600..3630).contains(&kept(&lab)[0].totals.seeded_s), "{:?}", kept(&lab)[0].totals);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_kept_one_line_says_how_to_begin() {
    let lab = Lab::new();
    let ended = Program::run(&lab, &[]).ended().await;
    let told = "ttui: expected a torrent file or a magnet link to download, as in `ttui FILE.torrent`: none is kept; \
                `ttui demo` needs none";
    assert_eq!((ended.code(), ended.complaint()), (2, told));
    assert!(!lab.path("state").exists(), "nothing is created by asking");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_torrent_is_kept_once_and_in_one_folder() {
    let lab = Lab::new();
    let (payload, path) = complete(&lab, "it");
    let path = path.to_str().unwrap();
    for arguments in
        [&["--json", path, "-o", "out"][..], &["--json", path], &["--json", path, "-o", "./out/."]]
    {
        let ended = Program::run(&lab, arguments).ended().await;
        assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "{arguments:?}: {ended:#?}");
        assert_eq!(hashes(&lab), [payload.info_hash().to_string()]);
    }
    let ended = Program::run(&lab, &["--json", path, "-o", "other"]).ended().await;
    let folder = |name: &str| lab.path(".").canonicalize().unwrap().join(name).display().to_string();
    let told = format!("ttui: it is kept in {}, and -o names {}: ", folder("out"), folder("other"));
    assert_eq!(ended.code(), 2, "{ended:#?}");
    assert!(ended.complaint().starts_with(&told), "{}", ended.complaint());
    assert!(!lab.path("other").exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_before_anything_came_may_be_named_with_another_folder() {
    let lab = Lab::new();
    let payload = Recipe::file("it", 1000, PIECE).make();
    let path = lab.torrent(&payload);
    fs::write(lab.out().join("it"), [1; 1000]).unwrap();
    let ended = Program::run(&lab, &["--json", path.to_str().unwrap(), "-o", "out"]).ended().await;
    assert!(ended.code() == 2 && ended.complaint().contains("holds no piece"), "{ended:#?}");
    assert!(kept(&lab).is_empty());
    fs::create_dir(lab.path("other")).unwrap();
    payload.lay_out(&lab.path("other"));
    let ended = Program::run(&lab, &["--json", path.to_str().unwrap(), "-o", "other"]).ended().await;
    assert_eq!((ended.code(), kept(&lab).len()), (0, 1), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_ttui_runs_is_neither_run_nor_written() {
    let several = Several::of(vec![gives(6), gives(6)]).await;
    let lab = &several.lab;
    let hash = several.torrents[0].0.info_hash();
    let one = Program::spawn(command(lab).arg("--json").arg(&several.torrents[0].1).arg("-o").arg(lab.out()));
    until_begun(&one, &[hash.to_string()]).await;
    let before = fs::read(entry_path(lab, hash)).unwrap();
    let elsewhere = format!("in another ttui (process {}): it 0 in ", one.pid());
    // Nothing else is kept: there is nothing to do.
    let ended = Program::run(lab, &["--headless"]).ended().await;
    assert_eq!((ended.code(), ended.stdout.len(), ended.stderr.len()), (1, 1, 0), "{ended:#?}");
    assert!(ended.stdout[0].starts_with(&elsewhere), "{}", ended.stdout[0]);
    // Named it is refused, and what is named beside it runs.
    several.seeds[1].allow(u64::MAX);
    let ended = several.run(&["--json"]).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    let told = format!("it 0 is in another ttui (process {}): it is neither run nor changed here", one.pid());
    assert_eq!(ended.complaint(), format!("ttui: {told}"));
    let lines = ended.json();
    assert_eq!(finals(&lines).iter().map(|line| &line["state"]).collect::<Vec<_>>(), ["error", "complete"]);
    // In JSON it is an error that says so.
    let ended = bare(lab, &[]).ended().await;
    let lines = ended.json();
    let line = finals(&lines).into_iter().find(|line| hash_of(line) == Some(hash.to_string())).unwrap();
    assert!(line["error"].as_str().unwrap().starts_with(&elsewhere), "{line}");
    assert_eq!(fs::read(entry_path(lab, hash)).unwrap(), before);
    // Once that has ended it is everybody's.
    several.seeds[0].allow(u64::MAX);
    assert_eq!(one.ended().await.code(), 0);
    assert!(kept(lab)[0].done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_share_what_is_kept_without_running_anything_twice() {
    let several = Several::of(vec![gives(6), gives(6)]).await;
    let lab = &several.lab;
    let program = several.run(&["--json"]);
    let all: Vec<String> = hashes_of(&several);
    until_begun(&program, &all).await;
    program.signal(Signal::KILL);
    program.ended().await;
    let both = [bare(lab, &[]), bare(lab, &[])];
    several.seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let mut ran = Vec::new();
    for program in both {
        let ended = program.ended().await;
        let lines = ended.json();
        ran.extend(
            finals(&lines).iter().filter(|line| line["error"].is_null()).filter_map(|line| hash_of(line)),
        );
    }
    ran.sort();
    let mut expected = all;
    expected.sort();
    // Who comes second may find them done already.
    assert!(ran.iter().collect::<BTreeSet<_>>() == expected.iter().collect(), "{ran:?}");
    assert!(kept(lab).iter().all(|entry| entry.done));
    several.torrents.iter().for_each(|(payload, _)| {
        assert_eq!(payload.right_at(&lab.out()).len() as u32, payload.pieces());
    });
}

fn hashes_of(several: &Several) -> Vec<String> {
    several.torrents.iter().map(|(payload, _)| payload.info_hash().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_only_look_keep_nothing() {
    let lab = Lab::new();
    let (payload, path) = complete(&lab, "it");
    let path = path.to_str().unwrap();
    let info = payload.torrent.public_info().unwrap().here().unwrap();
    let seed =
        Seed::start(&payload, Script { metadata: Some((info, Gives::Right)), ..Script::default() }).await;
    let link = format!("magnet:?xt=urn:btih:{}&x.pe={}", payload.info_hash(), seed.addr);
    let looks = [
        &["info", path][..],
        &["verify", path, "-o", "out"],
        &["check", path, "--for", "1s", "--json"],
        &[&link, "--metadata-only", "-o", "metadata"],
        &["demo", "--fast"],
    ];
    for arguments in looks {
        let ended = Program::run(&lab, arguments).ended().await;
        assert!(ended.code() < 2, "{arguments:?}: {ended:#?}");
        assert!(kept(&lab).is_empty(), "{arguments:?}");
    }
    assert!(lab.path("metadata/it.torrent").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_of_an_earlier_version_wait_and_are_taken_over_without_hashing() {
    let lab = Lab::new();
    let payload = Recipe::file("it", 8 * PIECE, PIECE).make();
    let seed = Seed::honest(&payload).await;
    // An earlier version left a record and nothing else, as the library alone does.
    let options = Options { sync: true, ..lab.options(&[seed.addr]) };
    let mut download = lab.start_with(&payload, options);
    download.completed().await.unwrap();
    download.stop().await.unwrap();
    let ended = Program::run(&lab, &["--headless"]).ended().await;
    let told = "none is kept; downloads of an earlier version wait (1): each goes on when its torrent is named with its \
                folder (-o)";
    assert!(ended.code() == 2 && ended.complaint().ends_with(told), "{ended:#?}");
    let (_, other) = complete(&lab, "other");
    let other = Program::run(&lab, &["--json", other.to_str().unwrap(), "-o", "out"]).ended().await;
    assert_eq!((other.code(), other.stderr.len()), (0, 0), "{other:#?}");
    let ended = bare(&lab, &[]).ended().await;
    assert_eq!(ended.code(), 0);
    assert!(ended.complaint().contains("wait (1)"), "{}", ended.complaint());
    // Nothing is hashed: what hashing would notice goes unnoticed.
    let file = lab.out().join("it");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let mut wrong = fs::read(&file).unwrap();
    wrong[0] ^= 1;
    fs::write(&file, &wrong).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    let torrent = lab.torrent(&payload);
    let ended = Program::run(&lab, &["--json", torrent.to_str().unwrap(), "-o", "out"]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(fs::read(&file).unwrap(), wrong);
    let ended = bare(&lab, &[]).ended().await;
    assert_eq!((ended.stderr.len(), ended.stdout.len()), (0, 2), "none waits any more: {ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alone_it_leaves_what_is_paused_and_named_it_goes_on() {
    let several = Several::of(vec![Script::default(), Script::default()]).await;
    let lab = &several.lab;
    let program = several.run(&["--json", "--seed"]);
    program.until("one seeds", |line| line["state"] == "seeding").await;
    program.signal(Signal::TERM);
    program.ended().await;
    let paused = several.torrents[0].0.info_hash();
    change(lab, paused, |entry| entry.paused = true);
    let ended = bare(lab, &[]).ended().await;
    assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "it is not waited for: {ended:#?}");
    let lines = ended.json();
    let state = |hash: &str| {
        let last = finals(&lines).into_iter().find(|line| hash_of(line).as_deref() == Some(hash)).unwrap();
        last["state"].as_str().unwrap().to_owned()
    };
    let of_it = lines.iter().filter(|line| hash_of(line) == Some(paused.to_string())).count();
    assert_eq!((state(&paused.to_string()).as_str(), of_it), ("paused", 1));
    assert_eq!(state(&several.torrents[1].0.info_hash().to_string()), "complete");
    let path = several.torrents[0].1.to_str().unwrap();
    let ended = Program::run(lab, &["--json", path]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let entries = kept(lab);
    assert!(entries.iter().all(|entry| entry.done && !entry.paused), "{entries:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_cannot_be_read_are_named_and_left_and_the_rest_runs() {
    let lab = Lab::new();
    let names = ["cut", "damaged", "newer", "good"];
    let made = names.map(|name| complete(&lab, name));
    let paths: Vec<&str> = made.iter().map(|(_, path)| path.to_str().unwrap()).collect();
    let mut arguments = vec!["--json", "--seed", "-o", "out"];
    arguments.extend(&paths);
    let program = Program::run(&lab, &arguments);
    let mut seeding = BTreeSet::new();
    program
        .until("all seed", |line| {
            seeding.extend(hash_of(line).filter(|_| line["state"] == "seeding"));
            seeding.len() == names.len()
        })
        .await;
    program.signal(Signal::TERM);
    program.ended().await;
    let spoil = |number: usize, spoil: fn(Vec<u8>) -> Vec<u8>| {
        let path = entry_path(&lab, made[number].0.info_hash());
        let spoiled = spoil(fs::read(&path).unwrap());
        fs::write(&path, &spoiled).unwrap();
        (path, spoiled)
    };
    let spoiled = [
        spoil(0, |bytes| bytes[..70].to_vec()),
        spoil(1, |mut bytes| {
            bytes[100] ^= 1;
            bytes
        }),
        spoil(2, |bytes| [b"ttui torrent 2 ", &bytes[15..]].concat()),
    ];
    let ended = bare(&lab, &[]).ended().await;
    assert_eq!((ended.code(), ended.stderr.len()), (2, 3), "{ended:#?}");
    for (path, bytes) in &spoiled {
        let named =
            |line: &&String| line.contains(&path.display().to_string()) && line.contains("left as it is");
        assert_eq!(ended.stderr.iter().filter(named).count(), 1, "{:#?}", ended.stderr);
        assert_eq!(&fs::read(path).unwrap(), bytes);
    }
    let lines = ended.json();
    let complete = finals(&lines).into_iter().find(|line| line["state"] == "complete").unwrap();
    assert_eq!(complete["torrent"]["name"], "good");
    // Named, such a torrent runs all the same.
    let ended = Program::run(&lab, &["--json", paths[0], "-o", "out"]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert!(ended.complaint().contains("cut short"), "{}", ended.complaint());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_kept_that_is_said_once_and_all_runs() {
    let lab = Lab::new();
    let paths = ["one", "two"].map(|name| complete(&lab, name).1);
    fs::create_dir_all(lab.state()).unwrap();
    // A file where the folder belongs: also root cannot write there.
    fs::write(lab.state().join("torrents"), b"").unwrap();
    let [one, two] = paths.each_ref().map(|path| path.to_str().unwrap());
    let ended = Program::run(&lab, &["--json", one, two, "-o", "out"]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let complaint = ended.complaint();
    assert!(complaint.contains("/torrents") && complaint.contains("will not know of it"), "{complaint}");
    let ended = Program::run(&lab, &["--headless"]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:#?}");
    assert!(ended.complaint().contains("/torrents"), "{}", ended.complaint());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_torrents_three_are_broken_and_the_rest_is_kept() {
    let lab = Lab::new();
    let mut paths: Vec<PathBuf> = (0..197).map(|number| complete(&lab, &format!("it {number}")).1).collect();
    for (at, name) in [(0, "broken 0"), (100, "broken 1"), (199, "broken 2")] {
        paths.insert(at, lab.write(name, b"d4:info"));
    }
    let mut all = command(&lab);
    all.arg("--json").args(&paths).arg("-o").arg(lab.out());
    let ended = Program::spawn(&mut all).ended().await;
    assert_eq!((ended.code(), ended.stderr.len()), (2, 3), "{:#?}", ended.stderr);
    for (line, name) in ended.stderr.iter().zip(["broken 0", "broken 1", "broken 2"]) {
        assert!(line.contains(name), "{line}");
    }
    let lines = ended.json();
    let finals = finals(&lines);
    assert_eq!(finals.len(), 200);
    assert_eq!(finals.iter().filter(|line| line["state"] == "complete").count(), 197);
    let ended = bare(&lab, &[]).ended().await;
    assert_eq!((ended.code(), ended.stdout.len(), ended.stderr.len()), (0, 197, 0));
    let names: Vec<String> = kept(&lab).into_iter().filter_map(|entry| entry.name).collect();
    assert_eq!(names, (0..197).map(|number| format!("it {number}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_is_the_torrent_s_entry_once_its_metadata_came() {
    let lab = Lab::new();
    let payload = Recipe::file("it", 8 * PIECE, PIECE).make();
    let info = payload.torrent.public_info().unwrap().here().unwrap();
    let script = Script { metadata: Some((info, Gives::Right)), allowed: 6, ..Script::default() };
    let seed = Seed::start(&payload, script).await;
    let link = format!("magnet:?xt=urn:btih:{}&x.pe={}", payload.info_hash(), seed.addr);
    let program = Program::run(&lab, &["--json", &link, "-o", "out"]);
    until_begun(&program, &[payload.info_hash().to_string()]).await;
    program.signal(Signal::KILL);
    program.ended().await;
    assert_eq!(hashes(&lab), [payload.info_hash().to_string()]);
    // One that gives no metadata is enough from here on; the link says where.
    seed.allow(u64::MAX);
    let ended = bare(&lab, &[]).ended().await;
    assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "{ended:#?}");
    let lines = ended.json();
    assert!(lines.iter().all(|line| line["state"] != "metadata"), "they are kept: {lines:#?}");
    payload.assert_at(&lab.out());
    let entry = &kept(&lab)[0];
    assert_eq!((entry.name.as_deref(), entry.totals.have_bytes), (Some("it"), payload.bytes.len() as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_ten_torrents_in_all_phases_it_has_all_of_them_again() {
    // Three that come, three that stop, and behind them: two complete, one nobody has, and a magnet.
    let slow = Script { bps: 200_000, ..Script::default() };
    let scripts = vec![slow.clone(), slow.clone(), slow, gives(6), gives(10), gives(1)];
    let several = Several::of(scripts).await;
    let lab = &several.lab;
    let complete = ["whole 0", "whole 1"].map(|name| complete(lab, name));
    let lonely = Recipe::file("lonely", 3 * PIECE, PIECE).make();
    let lonely_path = lab.write("lonely.torrent", &lonely.torrent_bytes);
    let magnet = format!("magnet:?xt=urn:btih:{}&x.pe={}", "ab".repeat(20), nobody_at().await);
    let mut more = vec!["--json", "--seed", &magnet, lonely_path.to_str().unwrap()];
    more.extend(complete.iter().map(|(_, path)| path.to_str().unwrap()));
    let program = several.run(&more);
    let mut begun = hashes_of(&several);
    begun.truncate(5);
    until_begun(&program, &begun).await;
    program.signal(Signal::KILL);
    program.ended().await;
    assert_eq!(kept(lab).len(), 10);
    several.seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let again = bare(lab, &["--seed"]);
    let (mut seen, mut seeding) = (BTreeSet::new(), BTreeSet::new());
    again
        .until("all are there, and all that can be had is had", |line| {
            seen.extend(hash_of(line));
            seeding.extend(hash_of(line).filter(|_| line["state"] == "seeding"));
            (seen.len(), seeding.len()) == (10, 8)
        })
        .await;
    let asked_at = Instant::now();
    again.signal(Signal::TERM);
    let ended = again.ended().await;
    assert!(asked_at.elapsed() < Duration::from_secs(8), "{:?}", asked_at.elapsed());
    assert_eq!(ended.code(), 1, "two are incomplete");
    assert_eq!(finals(&ended.json()).len(), 10);
    for (payload, _) in several.torrents.iter().chain(&complete) {
        assert_eq!(payload.right_at(&lab.out()).len() as u32, payload.pieces());
    }
}
