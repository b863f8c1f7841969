//! What is on disk: continued, checked, repaired, and left alone where it is somebody else's.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use sha1::{Digest, Sha1};
use support::program::{Output, command};
use support::{Lab, Payload, Program, Recipe, Script, Seed, is_empty, peer_at, program, soon, until};
use tokio::time::Instant;
use ttui::event::Phase;
use ttui::metainfo::{Bitfield, Torrent};
use ttui::storage::{FileStamp, Record, ResumeFile};

const PIECE: usize = 64 * 1024;

/// Downloads about half, ends the program by this signal, and lets it start again.
async fn half_then_again(payload: Arc<Payload>, signal: Signal) {
    let half = payload.blocks() / 2;
    let seed = Seed::start(&payload, Script { allowed: half, ..Script::default() }).await;
    let peer = seed.addr.to_string();
    let lab = Lab::new();
    let first = program::download(&lab, &payload, &["--peer", &peer]);
    seed.until("half is sent", |seen| seen.sent.len() as u64 == half).await;
    let quarter = payload.bytes.len() as u64 / 4;
    first.until("much of it is verified", |line| line["have_bytes"].as_u64() >= Some(quarter)).await;
    first.signal(signal);
    let ended = first.ended().await;
    if signal == Signal::TERM {
        assert_eq!(ended.code(), 1);
        assert!(ended.stderr.is_empty(), "{:?}", ended.stderr);
        let last = ended.json().pop().unwrap();
        assert_eq!((&last["final"], &last["state"]), (&true.into(), &"downloading".into()));
    }

    // Remembered, and gone.
    drop(seed);
    let kept = payload.right_at(&lab.out());
    assert!(kept.len() >= 16, "only {} pieces were kept", kept.len());
    assert!(kept.len() < payload.pieces() as usize);
    let again = Seed::honest(&payload).await;
    let ended = program::download(&lab, &payload, &["--peer", &again.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
    let asked = again.pieces_asked();
    let twice: Vec<_> = asked.intersection(&kept).collect();
    assert!(twice.is_empty(), "asked for again: {twice:?}");
    assert_eq!(asked.len() + kept.len(), payload.pieces() as usize);
}

fn odd_files() -> Arc<Payload> {
    Recipe::files("it", &[("a", 20 * PIECE + 99), ("b/c", 0), ("d", 44 * PIECE)], PIECE).make()
}

/// More than are created before the first byte.
fn very_many_files() -> Arc<Payload> {
    let names: Vec<String> = (0..2000).map(|number| format!("{}/{number}", number / 100)).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), PIECE / 31)).collect();
    Recipe::files("it", &files, PIECE).make()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quitting_at_half_goes_on_without_asking_for_a_piece_twice() {
    half_then_again(odd_files(), Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_killed_at_half_goes_on_without_asking_for_a_written_piece_twice() {
    half_then_again(odd_files(), Signal::KILL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_created_when_they_are_written_to_are_found_again_after_quitting_and_being_killed() {
    for signal in [Signal::TERM, Signal::KILL] {
        half_then_again(very_many_files(), signal).await;
    }
}

/// Blocks that a peer sent that long before the end are there afterwards.
const NAMED_AFTER: Duration = Duration::from_secs(6);

/// Downloads from many slow peers, ends the program by this signal, and goes on from one that shows what is asked for.
async fn slow_then_again(piece: usize, signal: Signal) {
    let payload = Recipe::file("it", 24 * 1024 * 1024 + 777, piece).make();
    let mut slow = Vec::new();
    for _ in 0..24 {
        slow.push(Seed::start(&payload, Script { bps: 32 * 1024, ..Script::default() }).await);
    }
    let lab = Lab::new();
    let peers: Vec<String> = slow.iter().map(|seed| seed.addr.to_string()).collect();
    let more: Vec<&str> = peers.iter().flat_map(|peer| ["--peer", peer]).collect();
    let first = program::download(&lab, &payload, &more);
    slow[0]
        .until("it has sent for long", |seen| {
            seen.sent.first().is_some_and(|(at, _)| at.elapsed() > NAMED_AFTER + Duration::from_secs(3))
        })
        .await;
    let end = Instant::now();
    first.signal(signal);
    first.ended().await;
    // What is on its way when it ends is no loss.
    let grace = if signal == Signal::KILL { NAMED_AFTER } else { Duration::from_millis(300) };
    let came: BTreeSet<(u32, u32)> = slow
        .iter()
        .flat_map(|seed| seed.seen().sent)
        .filter(|(at, _)| *at + grace < end)
        .map(|(_, spec)| (spec.index, spec.begin))
        .collect();
    assert!(came.len() > 100, "only {} blocks came", came.len());
    drop(slow);
    let (_, bad, missing) = verdict(&verify(&lab, &payload).await);
    assert!(bad.is_empty() && !missing.is_empty(), "unfinished pieces are missing, not bad: {bad:?}");

    let again = Seed::honest(&payload).await;
    let ended = program::download(&lab, &payload, &["--peer", &again.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
    let asked: BTreeSet<(u32, u32)> =
        again.seen().requests.iter().map(|spec| (spec.index, spec.begin)).collect();
    let twice: Vec<_> = asked.intersection(&came).collect();
    assert!(twice.is_empty(), "{} of {} blocks were asked for again: {twice:?}", twice.len(), came.len());
    let (good, bad, missing) = verdict(&verify(&lab, &payload).await);
    assert_eq!((good, bad, missing), (payload.pieces().into(), vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slow_peers_sent_of_unfinished_pieces_is_there_after_quitting() {
    for piece in [4 << 20, 16 << 20] {
        slow_then_again(piece, Signal::TERM).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slow_peers_sent_of_unfinished_pieces_is_there_after_being_killed() {
    for piece in [512 << 10, 4 << 20, 16 << 20] {
        slow_then_again(piece, Signal::KILL).await;
    }
}

async fn verify(lab: &Lab, payload: &Payload) -> Output {
    let mut command = command(lab);
    command.arg("verify").arg("--json").arg(lab.torrent(payload)).arg("-o").arg(lab.out());
    Program::spawn(&mut command).ended().await
}

/// What `verify --json` says: good, bad, missing.
fn verdict(output: &Output) -> (u64, Vec<u64>, Vec<u64>) {
    let lines = output.json();
    assert_eq!(lines.len(), 1, "one line");
    let line = &lines[0];
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["bad", "files", "good", "missing", "pieces", "schema"]);
    assert_eq!(line["schema"], "ttui.verify/1");
    let list =
        |key: &str| line[key].as_array().unwrap().iter().map(|piece| piece.as_u64().unwrap()).collect();
    let (good, bad, missing): (u64, Vec<u64>, Vec<u64>) =
        (line["good"].as_u64().unwrap(), list("bad"), list("missing"));
    assert_eq!(line["pieces"].as_u64().unwrap(), good + (bad.len() + missing.len()) as u64);
    (good, bad, missing)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_is_named_by_verify_and_its_piece_alone_is_fetched_again() {
    let payload = Recipe::files("it", &[("a", 5 * PIECE + 5), ("b", 4 * PIECE)], PIECE).make();
    let lab = Lab::new();
    let seed = Seed::honest(&payload).await;
    let ended = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    // It is remembered, and would be asked as well.
    drop(seed);
    let output = verify(&lab, &payload).await;
    assert_eq!((output.code(), verdict(&output)), (0, (10, vec![], vec![])));

    // The file may have been written within the same tick of the file system's clock: what is changed later has
    // another time.
    let changed = lab.out().join("it/b");
    let before = fs::metadata(&changed).unwrap().modified().unwrap();
    let file = File::options().read(true).write(true).open(&changed).unwrap();
    let at = 2 * PIECE as u64;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    file.set_modified(before + Duration::from_secs(2)).unwrap();
    drop(file);
    let flipped = 7; // 5 pieces and 5 bytes of `a`, then 2 pieces.
    let output = verify(&lab, &payload).await;
    assert_eq!((output.code(), verdict(&output)), (1, (9, vec![flipped], vec![])));

    let again = Seed::honest(&payload).await;
    let ended = program::download(&lab, &payload, &["--peer", &again.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(again.pieces_asked(), BTreeSet::from([flipped as u32]));
    payload.assert_at(&lab.out());
    let output = verify(&lab, &payload).await;
    assert_eq!((output.code(), verdict(&output)), (0, (10, vec![], vec![])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_tells_missing_from_bad_and_creates_nothing() {
    let payload = Recipe::files("it", &[("a", 2 * PIECE), ("b", 2 * PIECE), ("c", PIECE)], PIECE).make();
    let lab = Lab::new();
    let output = verify(&lab, &payload).await;
    assert_eq!((output.code(), verdict(&output)), (1, (0, vec![], vec![0, 1, 2, 3, 4])));
    assert!(is_empty(&lab.out()), "verify writes nothing");
    assert!(!lab.state().exists(), "verify writes no resume file");

    payload.lay_out(&lab.out());
    fs::remove_file(lab.out().join("it/c")).unwrap();
    fs::write(lab.out().join("it/b"), vec![b'x'; 2 * PIECE]).unwrap();
    let output = verify(&lab, &payload).await;
    assert_eq!((output.code(), verdict(&output)), (1, (2, vec![2, 3], vec![4])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_stays_paused_over_a_restart() {
    let payload = Recipe::file("it", 8 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 6, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    until(&download, "a part is here", |view| (view.have_bytes > 0).then_some(())).await;
    download.send(ttui::command::Command::Pause);
    let phase = |phase: Phase| move |view: &ttui::ledger::View| (view.phase == phase).then_some(());
    until(&download, "paused", phase(Phase::Paused)).await;
    soon("the download stops", download.stop()).await.unwrap();

    let again = lab.start(&payload, &[seed.addr]);
    until(&again, "paused again", phase(Phase::Paused)).await;
    let named = until(&again, "the peer is known", |view| peer_at(view, seed.addr).cloned()).await;
    assert!(named.attempts.is_empty(), "nobody is dialled: {named:?}");
    assert_eq!(seed.seen().connections, 1);
    seed.allow(u64::MAX);
    again.send(ttui::command::Command::Resume);
    until(&again, "everything is here", phase(Phase::Seeding)).await;
    soon("the download stops", again.stop()).await.unwrap();
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ttui_on_the_same_data_is_turned_away() {
    let payload = Recipe::file("it", 4 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 5, ..Script::default() }).await;
    let lab = Lab::new();
    let first = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]);
    first.until("it downloads", |line| line["have_bytes"].as_u64() > Some(0)).await;

    let second = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(second.code(), 3);
    let complaint = second.complaint();
    assert!(complaint.contains(&first.pid().to_string()), "{complaint}");
    assert!(complaint.contains("another ttui"), "{complaint}");

    // The first has noticed nothing.
    seed.allow(u64::MAX);
    let ended = first.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
}

/// Runs against an output folder that must not be touched: status 2, and one line that names the path.
async fn refused(lab: &Lab, payload: &Arc<Payload>, named: &Path) {
    let seed = Seed::honest(payload).await;
    let ended = program::download(lab, payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:#?}");
    let complaint = ended.complaint();
    assert!(complaint.contains(&*named.to_string_lossy()), "{complaint}");
    let last = ended.json().pop().unwrap();
    assert_eq!((&last["final"], &last["state"]), (&true.into(), &"error".into()), "{last}");
    assert!(complaint.contains(last["error"].as_str().unwrap()), "the same words: {last}");
    assert_eq!(seed.seen().sent.len(), 0, "nothing is fetched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_file_is_left_alone_unless_overwriting_is_asked_for() {
    let payload = Recipe::files("it", &[("a", 3 * PIECE), ("b", PIECE)], PIECE).make();
    let lab = Lab::new();
    let path = lab.out().join("it/a");
    fs::create_dir(lab.out().join("it")).unwrap();
    fs::write(&path, b"somebody else's letters").unwrap();
    refused(&lab, &payload, &path).await;
    assert_eq!(fs::read(&path).unwrap(), b"somebody else's letters");
    assert!(!lab.out().join("it/b").exists(), "nothing is created beside it");

    let seed = Seed::honest(&payload).await;
    let ended =
        program::download(&lab, &payload, &["--overwrite", "--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_file_is_left_alone_and_never_cut() {
    let payload = Recipe::file("it", 3 * PIECE, PIECE).make();
    let lab = Lab::new();
    let path = lab.out().join("it");
    // Even where all of the torrent is in it.
    let mut longer = payload.bytes.clone();
    longer[PIECE] ^= 1;
    longer.extend(b" and more");
    fs::write(&path, &longer).unwrap();
    refused(&lab, &payload, &path).await;
    assert_eq!(fs::read(&path).unwrap(), longer);

    let seed = Seed::honest(&payload).await;
    let ended =
        program::download(&lab, &payload, &["--overwrite", "--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let found = fs::read(&path).unwrap();
    assert_eq!(found[..payload.bytes.len()], payload.bytes);
    assert_eq!(&found[payload.bytes.len()..], b" and more", "nothing is ever cut");
    assert_eq!(seed.pieces_asked(), BTreeSet::from([1]), "what was right is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_in_the_output_folder_lead_nowhere() {
    // A link where a file belongs, and one where a folder belongs; to something, and to nothing.
    let payload = Recipe::files("it", &[("sub/a", PIECE), ("b", PIECE)], PIECE).make();
    for (link, exists) in [("it/b", true), ("it/b", false), ("it/sub", true), ("it", true)] {
        let lab = Lab::new();
        let outside = lab.path("outside");
        fs::create_dir(&outside).unwrap();
        let target = if link == "it/b" { outside.join("file") } else { outside.clone() };
        if link == "it/b" && exists {
            fs::write(&target, b"precious").unwrap();
        }
        let link = lab.out().join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&target, &link).unwrap();
        refused(&lab, &payload, &link).await;
        match (target == outside, exists) {
            (true, _) => assert!(is_empty(&outside), "something was written through {}", link.display()),
            (false, true) => assert_eq!(fs::read(&target).unwrap(), b"precious"),
            (false, false) => assert!(!target.exists(), "a file was created through {}", link.display()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_folder_may_itself_be_a_link_or_not_exist_yet() {
    let payload = Recipe::file("it", 2 * PIECE, PIECE).make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let real = lab.path("real");
    fs::create_dir(&real).unwrap();
    fs::remove_dir(lab.out()).unwrap();
    symlink(&real, lab.out()).unwrap();
    let ended = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&real);

    let lab = Lab::new();
    fs::remove_dir(lab.out()).unwrap();
    let ended = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_folder_that_cannot_be_is_named() {
    let payload = Recipe::file("it", 2 * PIECE, PIECE).make();
    // A file where the folder should be, and one in the path to it.
    for below in ["", "deeper"] {
        let lab = Lab::new();
        fs::remove_dir(lab.out()).unwrap();
        fs::write(lab.out(), b"a file").unwrap();
        let folder = if below.is_empty() { lab.out() } else { lab.out().join(below) };
        let mut command = command(&lab);
        command.arg("--json").arg(lab.torrent(&payload)).arg("-o").arg(&folder);
        let ended = Program::spawn(&mut command).ended().await;
        assert_eq!(ended.code(), 2, "{ended:#?}");
        assert!(ended.complaint().contains(&*lab.out().to_string_lossy()), "{}", ended.complaint());
        assert_eq!(fs::read(lab.out()).unwrap(), b"a file");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_torrent_of_a_hundred_gibibytes_starts_without_being_read() {
    const LARGE: u64 = 16 << 20;
    const PIECES: u32 = 6400;
    let recipe = Recipe::file("huge", (LARGE * u64::from(PIECES)) as usize, LARGE as usize);
    let hash = Sha1::digest(vec![0; LARGE as usize]);
    let torrent = Torrent::from_bytes(&recipe.torrent(&hash.repeat(PIECES as usize))).unwrap();
    let lab = Lab::new();
    let path = lab.out().join("huge");
    let file = File::create(&path).unwrap();
    file.set_len(LARGE * u64::from(PIECES)).unwrap();
    drop(file);
    // As a clean exit leaves it.
    let remember = || {
        let (resume, _) =
            ResumeFile::open(&lab.state(), torrent.info_hash, &fs::canonicalize(lab.out()).unwrap()).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let since_1970 = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        let mut record = Record::new(torrent.info_hash, PIECES, 1);
        record.synced = Bitfield::full(PIECES);
        record.clean = true;
        record.files = vec![Some(FileStamp {
            bytes: LARGE * u64::from(PIECES),
            modified: (since_1970.as_secs() as i64, since_1970.subsec_nanos()),
            inode: 0,
        })];
        resume.save(&record).unwrap();
    };
    remember();
    // Hashing it would take minutes, far longer than anything is waited for here.
    let mut download = ttui::engine::Download::start(torrent.clone(), lab.options(&[])).unwrap();
    soon("it is found complete", download.completed()).await.unwrap();
    let view = download.view();
    assert!(view.at.as_secs() < 5, "it took {:?}", view.at);
    soon("the download stops", download.stop()).await.unwrap();

    // And it is left so: the next start is as quick.
    let mut again = ttui::engine::Download::start(torrent.clone(), lab.options(&[])).unwrap();
    soon("it is found complete again", again.completed()).await.unwrap();
    soon("the download stops", again.stop()).await.unwrap();
}
