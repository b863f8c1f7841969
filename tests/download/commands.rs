//! Pause, hold, drop.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_takes_back_what_was_asked_and_resuming_finishes() {
    let payload = Recipe::file("it", 1024 * KIB, 64 * KIB).make();
    let seed = Seed::start(&payload, Script { allowed: 20, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    seed.until("it is asked for more than it sends", |seen| seen.sent.len() == 20 && seen.unanswered > 4)
        .await;
    let mut caller = Wire::dial(own_address(&download).await, payload.info_hash()).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;

    download.send(Command::Pause);
    until(&download, "paused", phase_is(Phase::Paused)).await;
    seed.until("every request is taken back", |seen| seen.unanswered == 0).await;
    caller.expect(&Message::Choke).await;
    seed.allow(u64::MAX);
    // Whoever is named now is not dialled before it goes on.
    let late = Seed::honest(&payload).await;
    download.send(Command::AddPeer(late.addr));
    until(&download, "it is known", |view| peer_at(view, late.addr).map(drop)).await;
    assert_eq!((late.seen().connections, seed.seen().sent.len()), (0, 20));

    download.send(Command::Resume);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_peer_stays_connected_and_is_neither_asked_nor_served() {
    let payload = Recipe::file("it", 1024 * KIB, 64 * KIB).make();
    let held = Seed::start(&payload, Script { allowed: 10, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[held.addr]);
    held.until("it is asked for more than it sends", |seen| seen.sent.len() == 10 && seen.unanswered > 4)
        .await;
    let key = key_of(&download, held.addr).await;
    download.send(Command::Hold(key));
    until(&download, "it is shown as held", |view| peer_at(view, held.addr)?.held.then_some(())).await;
    held.until("every request is taken back", |seen| seen.unanswered == 0).await;
    held.allow(u64::MAX);
    let asked_before = held.seen().requests.len();

    let other = Seed::honest(&payload).await;
    download.send(Command::AddPeer(other.addr));
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    let seen = held.seen();
    assert_eq!((seen.sent.len(), seen.requests.len()), (10, asked_before), "asked while held");
    assert_eq!(seen.connections, 1);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_peer_is_gone_until_it_is_retried() {
    let payload = Recipe::file("it", 512 * KIB, 64 * KIB).make();
    let seed = Seed::start(&payload, Script { allowed: 5, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    seed.until("it sent what it may", |seen| seen.sent.len() == 5).await;
    let key = key_of(&download, seed.addr).await;
    download.send(Command::Drop(key));
    until_ended(&download, seed.addr, Cause::DroppedByUser).await;
    seed.until("the connection is closed", |seen| seen.open == 0).await;
    let row = peer_at(&download.view(), seed.addr).unwrap().clone();
    assert!(row.dropped && row.next_try.is_none(), "{row:?}");

    seed.allow(u64::MAX);
    download.send(Command::Retry(key));
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    assert_eq!(seed.seen().connections, 2);
    finish(&lab, &payload, download).await;
}
