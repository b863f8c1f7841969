//! What is on the disk is verified once more while the torrent runs.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use ttui::ledger::PieceState;

use super::*;

const PIECE: usize = 64 * KIB;

/// Something done to a file.
type Act = fn(&Path);

fn payload() -> Arc<support::Payload> {
    Recipe::file("it", 16 * PIECE, PIECE).make()
}

/// Writes over a few bytes of a piece.
fn damage(lab: &Lab, piece: usize) {
    let file = OpenOptions::new().write(true).open(lab.out().join("it")).unwrap();
    file.write_all_at(b"not what it was", (piece * PIECE + 77) as u64).unwrap();
}

fn here(view: &View) -> Vec<usize> {
    let states = view.pieces.states.iter().enumerate();
    states.filter(|(_, state)| **state == PieceState::Good).map(|(piece, _)| piece).collect()
}

/// Waits for the answer to a recheck.
async fn until_answered(download: &Download, words: &str) {
    until(download, words, |view| view.answer.as_ref().filter(|(_, text)| text.contains(words)).map(drop))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_while_seeding_is_found_never_served_and_fetched_again() {
    let payload = payload();
    let seed = Seed::start(&payload, Script { allowed: payload.blocks(), ..Script::default() }).await;
    let lab = Lab::new();
    let mut download = lab.start(&payload, &[seed.addr]);
    soon("the download completes", download.completed()).await.unwrap();
    let mut caller = Wire::dial(own_address(&download).await, payload.info_hash()).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    caller.fetch(&payload, 3).await;

    damage(&lab, 3);
    damage(&lab, 7);
    download.send(Command::Recheck);
    // Nothing is served while it is looked at.
    caller.expect(&Message::Choke).await;
    until_answered(&download, "2 pieces were damaged or gone, and are fetched again").await;
    until(&download, "it downloads again", phase_is(Phase::Downloading)).await;
    let left: Vec<usize> = (0..16).filter(|piece| ![3, 7].contains(piece)).collect();
    assert_eq!(here(&download.view()), left);
    // What is wrong is not served, though it was promised; what is right is, over the same connection.
    caller.expect(&Message::Unchoke).await;
    caller.say(&[Message::Request(BlockSpec { index: 3, begin: 0, length: 16_384 })]).await;
    caller.fetch(&payload, 5).await;

    seed.allow(u64::MAX);
    until(&download, "everything is here again", phase_is(Phase::Seeding)).await;
    assert_eq!(seed.seen().sent.len() as u64, payload.blocks() + 8, "two pieces of four blocks more");
    caller.fetch(&payload, 3).await;
    caller.fetch(&payload, 7).await;
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_while_downloading_is_found_and_peers_stay() {
    let payload = payload();
    let seed = Seed::start(&payload, Script { allowed: 30, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    seed.until("it sent what it may", |seen| seen.sent.len() == 30).await;
    let had =
        until(&download, "some of it is here", |view| Some(here(view)).filter(|here| here.len() >= 3)).await;
    damage(&lab, had[1]);
    download.send(Command::Recheck);
    until_answered(&download, "1 piece was damaged or gone, and is fetched again").await;
    assert!(!here(&download.view()).contains(&had[1]));
    seed.allow(u64::MAX);
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    assert_eq!(seed.seen().connections, 1, "it stayed connected");
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_cut_or_replaced_is_fetched_again() {
    let acts: [(&str, Act); 3] = [
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("cut", |file| OpenOptions::new().write(true).open(file).unwrap().set_len(PIECE as u64).unwrap()),
        ("replaced", |file| {
            let copy = file.with_extension("copy");
            fs::write(&copy, vec![7; 16 * PIECE]).unwrap();
            fs::rename(&copy, file).unwrap();
        }),
    ];
    for (what, act) in acts {
        let payload = payload();
        let seed = Seed::honest(&payload).await;
        let lab = Lab::new();
        let mut download = lab.start(&payload, &[seed.addr]);
        soon(what, download.completed()).await.unwrap();
        act(&lab.out().join("it"));
        download.send(Command::Recheck);
        until_answered(&download, "damaged or gone").await;
        until(&download, what, phase_is(Phase::Seeding)).await;
        finish(&lab, &payload, download).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_put_there_is_found_and_a_pause_stays_one() {
    let payload = payload();
    let seed = Seed::start(&payload, Script { allowed: 10, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    seed.until("it sent what it may", |seen| seen.sent.len() == 10).await;
    download.send(Command::Recheck);
    until_answered(&download, "every one is right").await;
    download.send(Command::Pause);
    until(&download, "paused", phase_is(Phase::Paused)).await;
    // Somebody copies into the file what was not asked for yet.
    let file = OpenOptions::new().write(true).open(lab.out().join("it")).unwrap();
    file.write_all_at(&payload.bytes, 0).unwrap();
    let before = here(&download.view()).len();
    download.send(Command::Recheck);
    until_answered(&download, "more than was known").await;
    until(&download, "paused", phase_is(Phase::Paused)).await;
    let (here, arriving) = (here(&download.view()).len(), download.view().pieces.arriving as usize);
    assert!(here > before && here + arriving == 16, "{before}, then {here} and {arriving}");
    seed.allow(u64::MAX);
    download.send(Command::Resume);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_while_it_verifies_ends_soon() {
    let payload = Recipe::file("it", 64 * 1024 * KIB, 256 * KIB).make();
    let lab = Lab::new();
    payload.lay_out(&lab.out());
    let download = lab.start(&payload, &[]);
    until(&download, "it is here", phase_is(Phase::Seeding)).await;
    download.send(Command::Recheck);
    until(&download, "it says how far it has come", |view| {
        view.checked.filter(|_| view.phase == Phase::Checking).map(drop)
    })
    .await;
    soon("the download stops", download.stop()).await.unwrap();
}
