//! Wrong data, the wrong torrent, a broken protocol.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_piece_bans_its_only_sender_and_is_fetched_from_another() {
    let payload = Recipe::file("it", 640 * KIB, 64 * KIB).make();
    let liar = Seed::start(&payload, Script { lies_about: vec![4], ..Script::default() }).await;
    // The honest one comes in when the lie is out, so the lie is the liar's alone.
    let honest = Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[liar.addr]);
    until_ended(&download, liar.addr, Cause::HashFailures).await;
    let reason =
        until(&download, "the liar is banned", |view| peer_at(view, liar.addr)?.banned.clone()).await;
    assert!(!reason.1.is_empty(), "a ban has a reason");

    honest.allow(u64::MAX);
    download.send(Command::AddPeer(honest.addr));
    until(&download, "the honest one delivers", |view| {
        (peer_at(view, honest.addr)?.stage == Stage::Transferring).then_some(())
    })
    .await;
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    let view = download.view();
    let (liars, honests) = (peer_at(&view, liar.addr).unwrap(), peer_at(&view, honest.addr).unwrap());
    assert_eq!((liars.group, liars.failed_pieces), (Group::Banned, 1));
    assert_eq!((honests.failed_pieces, honests.banned.clone()), (0, None));
    assert!(honest.pieces_asked().contains(&4), "the piece comes from another");
    assert_eq!(liar.seen().connections, 1, "a banned peer is not dialled");
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_many_only_the_liar_is_banned() {
    let payload = Recipe::file("it", 1024 * KIB, 32 * KIB).make();
    let liar = Seed::start(&payload, Script { lies_about: (0..32).collect(), ..Script::default() }).await;
    let mut seeds = Vec::new();
    for _ in 0..3 {
        seeds.push(Seed::start(&payload, Script { bps: 400_000, ..Script::default() }).await);
    }
    let mut peers: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
    peers.push(liar.addr);
    let lab = Lab::new();
    let download = lab.start(&payload, &peers);
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    let view = download.view();
    for seed in &seeds {
        let row = peer_at(&view, seed.addr).unwrap();
        assert!(row.banned.is_none(), "an honest peer is banned: {row:?}");
    }
    assert!(peer_at(&view, liar.addr).unwrap().failed_pieces > 0);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liars_are_found_among_those_they_share_pieces_with_and_nobody_else_is_banned() {
    let mut blamed_together = 0;
    // One that lies often, one that does rarely, two together, two that always do. Each is asked for about forty blocks, and
    // a lie is not seen where another peer sent the block sooner: so none of them may lie but once or twice.
    for liars in [&[5][..], &[8], &[5, 7], &[1, 1]] {
        // Fewer pieces than peers: none has a piece to itself.
        let payload = Recipe::file("it", 3 * 1024 * KIB, 1024 * KIB).make();
        let script = |lies_every| Script { bps: 500_000, lies_every, ..Script::default() };
        let (mut honest, mut lying) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            honest.push(Seed::start(&payload, script(None)).await);
        }
        for every in liars {
            lying.push(Seed::start(&payload, script(Some(*every))).await);
        }
        let peers: Vec<SocketAddr> = honest.iter().chain(&lying).map(|seed| seed.addr).collect();
        let lab = Lab::new();
        let download = lab.start(&payload, &peers);
        until(&download, "everything is here", phase_is(Phase::Seeding)).await;
        for liar in &lying {
            until(&download, "the liar is banned", |view| peer_at(view, liar.addr)?.banned.clone()).await;
        }
        let view = download.view();
        for seed in &honest {
            let row = peer_at(&view, seed.addr).unwrap();
            assert!(row.banned.is_none(), "an honest peer is banned: {row:?}");
            blamed_together += row.failed_pieces;
        }
        finish(&lab, &payload, download).await;
    }
    assert!(blamed_together > 0, "no piece was wrong that honest peers sent blocks of");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_come_twice_now_and_then_are_no_fault_and_all_of_them_are() {
    let payload = Recipe::file("it", 2 * 1024 * KIB, 64 * KIB).make();
    let now_and_then = Seed::start(&payload, Script { repeats_every: Some(5), ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[now_and_then.addr]);
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    assert_eq!(now_and_then.seen().connections, 1);
    finish(&lab, &payload, download).await;

    let twice = Seed::start(&payload, Script { repeats_every: Some(1), ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[twice.addr]);
    until_ended(&download, twice.addr, Cause::UnrequestedBlock).await;
    let honest = Seed::honest(&payload).await;
    download.send(Command::AddPeer(honest.addr));
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_for_another_torrent_is_named_and_never_asked() {
    let payload = Recipe::file("it", 100_000, 16 * KIB).make();
    let other = Script { info_hash: Some(InfoHash([7; 20])), ..Script::default() };
    let stranger = Seed::start(&payload, other).await;
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[stranger.addr, seed.addr]);
    until_ended(&download, stranger.addr, Cause::InfoHashMismatch).await;
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    let row = peer_at(&download.view(), stranger.addr).unwrap().clone();
    assert_eq!((row.group, row.cause), (Group::Failed, Some(Cause::InfoHashMismatch)));
    assert_eq!(row.attempts[0].received.len(), 68, "all of its handshake is kept");
    let seen = stranger.seen();
    assert_eq!((seen.requests.len(), seen.messages.len()), (0, 0));
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_for_another_torrent_is_turned_away_and_counted() {
    let payload = Recipe::file("it", 100_000, 16 * KIB).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let stream = TcpStream::connect(own_address(&download).await).await.unwrap();
    let mut wire = Wire::new(stream);
    wire.raw(&plain_handshake(InfoHash([9; 20])).to_bytes()).await;
    assert_eq!(soon("the connection ends", wire.handshake()).await, None);
    until(&download, "it is counted", |view| (view.incoming.failed == 1).then_some(())).await;
    assert!(download.view().peers.is_empty(), "no row for who never shook hands");
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_breaks_the_protocol_is_let_go_by_name_and_others_go_on() {
    let payload = Recipe::file("it", 300_000, 16 * KIB).make();
    let flood = {
        let mut out = bytes::BytesMut::new();
        Message::Interested.encode(&mut out);
        for _ in 0..20_000 {
            Message::Request(BlockSpec { index: 0, begin: 0, length: 16_384 }).encode(&mut out);
        }
        out.to_vec()
    };
    let cases = [
        (vec![0x7f, 0xff, 0xff, 0xff], Cause::MessageTooLarge),
        (vec![0, 0, 0, 2, 4, 0], Cause::BadMessage),
        (vec![0, 0, 0, 5, 4, 0, 0, 0xff, 0xff], Cause::PieceOutOfRange),
        ([&[0, 0, 0, 10, 7, 0, 0, 0, 1, 0, 0, 0, 0][..], b"x"].concat(), Cause::UnrequestedBlock),
        (flood, Cause::RequestFlood),
    ];
    let mut bad = Vec::new();
    for (says, cause) in cases {
        bad.push((Seed::start(&payload, Script { says, unchokes: None, ..Script::default() }).await, cause));
    }
    let peers: Vec<SocketAddr> = bad.iter().map(|(seed, _)| seed.addr).collect();
    let lab = Lab::new();
    let download = lab.start(&payload, &peers);
    for (seed, cause) in &bad {
        until_ended(&download, seed.addr, *cause).await;
    }
    let seed = Seed::honest(&payload).await;
    download.send(Command::AddPeer(seed.addr));
    finish(&lab, &payload, download).await;
}
