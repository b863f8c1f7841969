//! Which files of a torrent are wanted: chosen before, while it runs and over restarts.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use support::program::{Output, command};
use support::{Gives, Lab, Payload, Program, Recipe, Script, Seed, is_empty, program, soon, until};
use ttui::command::Command;
use ttui::engine::Download;
use ttui::event::Phase;
use ttui::ledger::View;
use ttui::metainfo::{Choice, FilePriority};

const PIECE: usize = 64 * 1024;

/// Three files; the first ends within a piece that the others begin in.
fn three_files() -> Arc<Payload> {
    Recipe::files("it", &[("a", 3 * PIECE + 99), ("b/c", 5 * PIECE), ("d", 2 * PIECE)], PIECE).make()
}

fn choice(view: &View) -> Option<Choice> {
    view.choice.as_deref().cloned()
}

async fn until_begun(download: &Download) {
    until(download, "it begins", |view| (view.phase == Phase::Downloading).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_is_kept_over_restarts() {
    let (payload, lab) = (three_files(), Lab::new());
    let download = lab.start(&payload, &[]);
    until_begun(&download).await;
    download.send(Command::Choose { from: 1, to: 2, priority: FilePriority::Skip });
    download.send(Command::Choose { from: 2, to: 3, priority: FilePriority::High });
    download.send(Command::InOrder(true));
    let chosen = Choice::new(vec![FilePriority::Normal, FilePriority::Skip, FilePriority::High], true);
    until(&download, "it is chosen", |view| (choice(view).as_ref() == Some(&chosen)).then_some(())).await;
    soon("the download stops", download.stop()).await.unwrap();
    let again = lab.start(&payload, &[]);
    until_begun(&again).await;
    assert_eq!(choice(&again.view()), Some(chosen));
}

/// The pieces that these files of the payload reach into.
fn pieces_of(payload: &Payload, files: &[usize]) -> BTreeSet<u32> {
    let torrent = &payload.torrent;
    let wanted =
        |piece: &ttui::metainfo::PieceIndex| torrent.spans_of(*piece).any(|span| files.contains(&span.file));
    torrent.geometry.pieces().filter(wanted).map(ttui::metainfo::PieceIndex::number).collect()
}

/// The side files that there are.
fn aside(lab: &Lab) -> Vec<PathBuf> {
    let found = std::fs::read_dir(lab.state()).unwrap().map(|entry| entry.unwrap().path());
    found.filter(|path| path.extension().is_some_and(|extension| extension == "side")).collect()
}

/// Runs the program on the payload until it ends.
async fn run(lab: &Lab, payload: &Payload, seed: &Seed, more: &[&str]) -> Output {
    let peer = seed.addr.to_string();
    program::download(lab, payload, &[&["--peer", &peer], more].concat()).ended().await
}

/// Runs the program on a magnet link of the payload, which names the peer and more.
async fn run_magnet(lab: &Lab, payload: &Payload, seed: &Seed, link: &str, more: &[&str]) -> Output {
    let link = format!("magnet:?xt=urn:btih:{}&x.pe={}{link}", payload.info_hash(), seed.addr);
    Program::spawn(command(lab).arg("--json").arg(link).arg("-o").arg(lab.out()).args(more)).ended().await
}

/// A seed that gives the metadata, too.
async fn giver(payload: &Arc<Payload>) -> Seed {
    let info: Bytes = payload.torrent.public_info().expect("it is not private").here().unwrap();
    Seed::start(payload, Script { metadata: Some((info, Gives::Right)), ..Script::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_files_that_are_named_are_fetched_and_looked_at() {
    let (payload, lab) = (three_files(), Lab::new());
    let seed = Seed::honest(&payload).await;
    let ended = run(&lab, &payload, &seed, &["--files", "b"]).await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(ended.json().last().unwrap()["state"], "complete");
    assert_eq!(seed.pieces_asked(), pieces_of(&payload, &[1]));
    let verify = async |more: &[&str]| {
        let (torrent, out) = (lab.torrent(&payload), lab.out());
        let [torrent, out] = [&torrent, &out].map(|path| path.to_str().unwrap());
        Program::run(&lab, &[&["verify", torrent, "-o", out], more].concat()).ended().await
    };
    assert_eq!(verify(&["--files", "1"]).await.code(), 0);
    let all = verify(&[]).await;
    assert_eq!(
        (all.code(), all.stdout[0].starts_with("it: 6 of 11 pieces are verified")),
        (1, true),
        "{all:#?}"
    );
    // Nothing was made for the others, and their halves of two pieces stand aside.
    assert!(!lab.out().join("it/a").exists() && !lab.out().join("it/d").exists());
    assert_eq!(aside(&lab).len(), 1, "{ended:#?}");

    // Named again with other files those are wanted; with none, those that were wanted last.
    let ended = run(&lab, &payload, &seed, &["--files", "0,2"]).await;
    assert_eq!((ended.code(), seed.pieces_asked().len()), (0, 11), "{ended:#?}");
    let last = ended.json().pop().unwrap();
    let ended = run(&lab, &payload, &seed, &[]).await;
    assert_eq!(ended.json().pop().unwrap()["have_bytes"], last["have_bytes"]);
    payload.assert_at(&lab.out());
    assert!(aside(&lab).is_empty(), "the last of them came home");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_no_file_ends_with_status_2_and_says_which_there_are() {
    let (payload, lab) = (three_files(), Lab::new());
    let seed = giver(&payload).await;
    let expected =
        "no file of it is named: expected numbers from 0 to 2 (it has 3 files), or a pattern of paths as 'a'";
    for more in [["--files", "*.iso"], ["--files", "3-9"]] {
        let ended = run(&lab, &payload, &seed, &more).await;
        let told = format!("ttui: --files: {expected}; `ttui info` lists them");
        assert_eq!((ended.code(), ended.complaint()), (2, told.as_str()));
        let ended = run_magnet(&lab, &payload, &seed, "", &more).await;
        assert_eq!(ended.code(), 2, "{ended:#?}");
        assert!(ended.stderr.iter().any(|line| line.contains(expected)), "{ended:#?}");
        assert_eq!(ended.json().pop().unwrap()["state"], "error");
    }
    let torrent = lab.torrent(&payload);
    let verify = Program::run(&lab, &["verify", torrent.to_str().unwrap(), "--files", "x"]).ended().await;
    assert_eq!(verify.code(), 2);
    assert!(is_empty(&lab.out()) && seed.seen().requests.is_empty(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_magnet_are_named_before_it_has_its_metadata() {
    for (link, more) in [("&so=1", &[][..]), ("", &["--files", "b/c"]), ("&so=0", &["--files", "1"])] {
        let (payload, lab) = (three_files(), Lab::new());
        let seed = giver(&payload).await;
        let ended = run_magnet(&lab, &payload, &seed, link, more).await;
        assert_eq!(ended.code(), 0, "{ended:#?}");
        assert_eq!(seed.pieces_asked(), pieces_of(&payload, &[1]), "{link} {more:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_order_files_begin_and_end_early() {
    let payload = Recipe::file("it", 40 * PIECE, PIECE).make();
    let lab = Lab::new();
    // One at a time: what is asked for first comes first.
    let seed = Seed::start(&payload, Script { bps: 4 << 20, ..Script::default() }).await;
    let ended = run(&lab, &payload, &seed, &["--sequential"]).await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let mut asked: Vec<u32> = seed.seen().requests.iter().map(|spec| spec.index).collect();
    asked.dedup();
    assert_eq!(asked[..2], [0, 39], "the first piece and the last");
    assert!(asked[2..].is_sorted(), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_paused_waits_and_a_magnet_fetches_its_metadata_before() {
    let (payload, lab) = (three_files(), Lab::new());
    let seed = giver(&payload).await;
    let ended = run_magnet(&lab, &payload, &seed, "", &["--paused"]).await;
    let last = ended.json().pop().unwrap();
    assert_eq!((&last["state"], &last["torrent"]["name"]), (&"paused".into(), &"it".into()), "{ended:#?}");
    assert!(is_empty(&lab.out()) && seed.seen().requests.is_empty(), "nothing was begun");
    let ended = Program::spawn(command(&lab).arg("--json")).ended().await;
    assert_eq!(ended.json().pop().unwrap()["state"], "paused", "{ended:#?}");
    // On the screen it is chosen, and goes on.
    let mut download = lab.start(&payload, &[seed.addr]);
    until(&download, "it waits", |view| (view.phase == Phase::Paused).then_some(())).await;
    download.send(Command::Choose { from: 1, to: 3, priority: FilePriority::Skip });
    download.send(Command::Resume);
    soon("the download completes", download.completed()).await.unwrap();
    soon("it stops", download.stop()).await.unwrap();
    assert_eq!(seed.pieces_asked(), pieces_of(&payload, &[0]));
}
