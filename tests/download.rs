//! Downloads over real sockets on loopback, from peers that behave as a script says.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use support::{Heard, Lab, Recipe, Script, Seed, Wire, is_empty, key_of, nobody_at, peer_at, soon, until};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use ttui::command::Command;
use ttui::engine::{Download, EngineError, Options};
use ttui::event::{Cause, Phase, Source};
use ttui::ledger::{Flags, Group, PeerRecord, Stage, View};
use ttui::metainfo::InfoHash;
use ttui::wire::{BlockSpec, Message};

const KIB: usize = 1024;

/// Where the download listens.
async fn own_address(download: &Download) -> SocketAddr {
    let port = until(download, "a port is listened on", |view| view.port).await;
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn phase_is(phase: Phase) -> impl FnMut(&View) -> Option<()> {
    move |view| (view.phase == phase).then_some(())
}

/// Waits until a peer's last attempt ended by this cause.
async fn until_ended(download: &Download, addr: SocketAddr, cause: Cause) {
    until(download, &format!("{addr} ends by {cause:?}"), |view| {
        peer_at(view, addr)?.attempts.iter().any(|attempt| attempt.cause == Some(cause)).then_some(())
    })
    .await;
}

async fn finish(lab: &Lab, payload: &support::Payload, mut download: Download) {
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&lab.out());
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_of_any_length_in_pieces_of_any_length_arrives_byte_for_byte() {
    for (bytes, piece_bytes) in [
        (1, 16 * KIB),
        (16 * KIB, 16 * KIB),
        (16 * KIB + 1, 16 * KIB),
        (300_001, 16 * KIB - 1),
        (300_000, 16 * KIB + 1),
        (100_003, 33_333),
        (97, 7),
        (2_500_000, 1024 * KIB),
    ] {
        let payload = Recipe::file("one file.bin", bytes, piece_bytes).make();
        let seed = Seed::honest(&payload).await;
        Lab::new().download(&payload, &[seed.addr]).await;
        assert!(seed.seen().sent.len() as u64 >= payload.blocks());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_odd_lengths_and_of_none_arrive_where_they_belong() {
    let payload = Recipe::files(
        "an album",
        &[
            ("empty first", 0),
            ("a", 1),
            ("cd 1/track.flac", 40_001),
            ("cd 1/deep/er/x", 16_383),
            ("empty/in the middle", 0),
            ("ünïcödé \u{65e5}\u{672c}", 70_000),
            ("z", 3),
            ("empty last", 0),
        ],
        32 * KIB,
    )
    .make();
    let seed = Seed::honest(&payload).await;
    Lab::new().download(&payload, &[seed.addr]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_of_sixteen_mebibytes_arrive_from_two_seeds() {
    let payload = Recipe::file("large pieces", 2 * (16 << 20) + 4_567_891, 16 << 20).make();
    let seeds = [Seed::honest(&payload).await, Seed::honest(&payload).await];
    Lab::new().download(&payload, &[seeds[0].addr, seeds[1].addr]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pad_files_are_not_created() {
    let payload = Recipe::files("padded", &[("a", 5_000)], 16 * KIB)
        .padded_file("b", 40_000)
        .padded_file("c", 1)
        .make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    lab.download(&payload, &[seed.addr]).await;
    assert!(!lab.out().join("padded/.pad").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_comes_byte_by_byte_is_understood() {
    let payload = Recipe::file("it", 50_000, 16 * KIB).make();
    let seed = Seed::start(&payload, Script { dribbles: true, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);

    // And one that calls us so.
    let mut stream =
        Wire::new(soon("a connection", TcpStream::connect(own_address(&download).await)).await.unwrap());
    let handshake = ttui::wire::Handshake {
        reserved: ttui::wire::Reserved::default(),
        info_hash: payload.info_hash(),
        peer_id: ttui::metainfo::PeerId(*b"-XX0001-0123456789ab"),
    };
    stream.dribble(&handshake.to_bytes()).await;
    let theirs = soon("a handshake in answer", stream.handshake()).await.unwrap();
    assert_eq!(theirs.info_hash, payload.info_hash());
    assert!(theirs.peer_id.0.starts_with(b"-Tu0100-"), "{:?}", theirs.peer_id);
    assert_eq!(theirs.reserved.names(), ["extension protocol", "fast"]);

    finish(&lab, &payload, download).await;
}

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
        seeds.push(Seed::start(&payload, Script { bps: Some(400_000), ..Script::default() }).await);
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
    // One that lies often, one that does rarely, two together, two that always do.
    for liars in [&[5][..], &[17], &[5, 7], &[1, 1]] {
        // Fewer pieces than peers: none has a piece to itself.
        let payload = Recipe::file("it", 3 * 1024 * KIB, 1024 * KIB).make();
        let script = |lies_every| Script { bps: Some(500_000), lies_every, ..Script::default() };
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
async fn forty_dead_peers_do_not_delay_ten() {
    let payload = Recipe::file("it", 400_000, 16 * KIB).make();
    let mut dead = Vec::new();
    let mut silent = Vec::new();
    for n in 0..40 {
        if n % 2 == 0 {
            silent.push(Seed::start(&payload, Script { is_silent: true, ..Script::default() }).await);
            dead.push(silent.last().unwrap().addr);
        } else {
            dead.push(nobody_at().await);
        }
    }
    let mut seeds = Vec::new();
    for _ in 0..10 {
        seeds.push(Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await);
    }
    // The dead come first, so whoever goes down the list one by one meets them first.
    let peers: Vec<SocketAddr> = dead.iter().copied().chain(seeds.iter().map(|seed| seed.addr)).collect();
    let lab = Lab::new();
    let download = lab.start(&payload, &peers);
    until(&download, "all ten shook hands", |view| {
        let ready = seeds.iter().filter(|seed| peer_at(view, seed.addr).is_some_and(PeerRecord::is_live));
        (ready.count() == 10).then_some(())
    })
    .await;
    seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    // No clock is asked: the silent ones are still being waited for.
    let view = download.view();
    for seed in &silent {
        let row = peer_at(&view, seed.addr).unwrap();
        assert!(row.attempts.iter().all(|attempt| attempt.ended.is_none()), "{row:?}");
    }
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stalled_peer_was_asked_for_goes_to_others() {
    let payload = Recipe::file("it", 512 * KIB, 64 * KIB).make();
    let stalled = Seed::start(&payload, Script { allowed: 3, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[stalled.addr]);
    let asked = stalled.until("the stalled one was asked for much", |seen| seen.unanswered >= 8).await;
    let seed = Seed::honest(&payload).await;
    download.send(Command::AddPeer(seed.addr));
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    assert_eq!(stalled.seen().sent.len(), 3);
    let last = asked.requests.last().unwrap();
    assert!(seed.seen().requests.contains(last), "another was asked for {last:?}");
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_choke_takes_back_is_asked_for_again() {
    let payload = Recipe::file("it", 600_000, 64 * KIB).make();
    let seed = Seed::start(&payload, Script { chokes_every: Some(5), ..Script::default() }).await;
    Lab::new().download(&payload, &[seed.addr]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_asked_of_one_who_chokes_and_every_state_is_shown() {
    let payload = Recipe::file("it", 48 * KIB, 16 * KIB).make();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let lab = Lab::new();
    let download = lab.start(&payload, &[addr]);
    let mut wire = Wire::new(soon("we are dialled", listener.accept()).await.unwrap().0);
    soon("a handshake", wire.handshake()).await.unwrap();
    let handshake = ttui::wire::Handshake {
        reserved: ttui::wire::Reserved::default(),
        info_hash: payload.info_hash(),
        peer_id: ttui::metainfo::PeerId(*b"-XX0001-0123456789ab"),
    };
    wire.raw(&handshake.to_bytes()).await;
    let flags_are = |flags: Flags| {
        move |view: &View| peer_at(view, addr).filter(|row| row.is_live() && row.flags == flags).map(drop)
    };
    let begin = Flags::default();
    until(&download, "as a connection begins", flags_are(begin)).await;

    // One piece: it becomes interesting. It chokes, so it is told so and asked for nothing.
    wire.say(&[Message::Bitfield(vec![0b1000_0000].into())]).await;
    let no_request = |heard: &Heard| match heard {
        Heard::Message(Message::Request(spec)) => panic!("asked for {spec:?} while choking"),
        Heard::Message(message) => Some(message.clone()),
        _ => None,
    };
    loop {
        if wire.hear_until("interested", no_request).await == Message::Interested {
            break;
        }
    }
    until(&download, "interested", flags_are(Flags { am_interested: true, ..begin })).await;

    // It is interested, too, and is unchoked.
    wire.say(&[Message::Interested]).await;
    loop {
        if wire.hear_until("unchoke", no_request).await == Message::Unchoke {
            break;
        }
    }
    let serving = Flags { am_choking: false, am_interested: true, peer_interested: true, ..begin };
    until(&download, "both interested, we unchoke", flags_are(serving)).await;

    // It unchokes: now it is asked.
    wire.say(&[Message::Unchoke]).await;
    let asked = wire
        .hear_until("a request", |heard| match heard {
            Heard::Message(Message::Request(spec)) => Some(*spec),
            _ => None,
        })
        .await;
    assert_eq!(asked, BlockSpec { index: 0, begin: 0, length: 16_384 });
    until(&download, "unchoked", flags_are(Flags { peer_choking: false, ..serving })).await;
    wire.send_block(asked, payload.block(0, 0, 16_384)).await;

    // It has nothing more: no longer interesting, until it has.
    wire.expect(&Message::NotInterested).await;
    until(
        &download,
        "not interested",
        flags_are(Flags { peer_choking: false, am_interested: false, ..serving }),
    )
    .await;
    wire.say(&[Message::Choke, Message::NotInterested, Message::Have(2)]).await;
    wire.expect(&Message::Interested).await;
    until(&download, "choked, and interested again", |view| {
        let flags = peer_at(view, addr)?.flags;
        (flags.peer_choking && flags.am_interested && !flags.peer_interested).then_some(())
    })
    .await;
    soon("the download stops", download.stop()).await.unwrap();
    wire.hear_until("the end", |heard| (*heard == Heard::End).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_is_served_while_downloading_and_after() {
    let payload = Recipe::file("it", 8 * 64 * KIB, 64 * KIB).make();
    let first_half = Script { has: Some((0..4).collect()), ..Script::default() };
    let seed = Seed::start(&payload, first_half).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    until(&download, "half is here", |view| (view.have_bytes == 4 * 64 * KIB as u64).then_some(())).await;

    let mut caller = Wire::dial(own_address(&download).await, payload.info_hash()).await;
    caller.expect(&Message::Bitfield(vec![0b1111_0000].into())).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    for piece in 0..4 {
        caller.fetch(&payload, piece).await;
    }

    let rest = Seed::start(&payload, Script { has: Some((4..8).collect()), ..Script::default() }).await;
    download.send(Command::AddPeer(rest.addr));
    let mut told = std::collections::BTreeSet::new();
    caller
        .hear_until("HAVE of every new piece", |heard| {
            if let Heard::Message(Message::Have(piece)) = heard {
                assert!(told.insert(*piece), "{piece} is told once");
            }
            (told.len() == 4).then_some(())
        })
        .await;
    assert_eq!(told, (4..8).collect());
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    for piece in (0..8).rev() {
        caller.fetch(&payload, piece).await;
    }
    let view = download.view();
    let row =
        view.peers.iter().find(|row| row.sources.contains(&Source::Incoming)).expect("a row of its own");
    assert!(row.is_live());
    until(&download, "what was sent is counted", |view| {
        (view.up_bytes == 12 * 64 * KIB as u64).then_some(())
    })
    .await;
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_for_another_torrent_is_turned_away_and_counted() {
    let payload = Recipe::file("it", 100_000, 16 * KIB).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let stream = TcpStream::connect(own_address(&download).await).await.unwrap();
    let mut wire = Wire::new(stream);
    let handshake = ttui::wire::Handshake {
        reserved: ttui::wire::Reserved::default(),
        info_hash: InfoHash([9; 20]),
        peer_id: ttui::metainfo::PeerId(*b"-XX0001-0123456789ab"),
    };
    wire.raw(&handshake.to_bytes()).await;
    assert_eq!(soon("the connection ends", wire.handshake()).await, None);
    until(&download, "it is counted", |view| (view.incoming.failed == 1).then_some(())).await;
    assert!(download.view().peers.is_empty(), "no row for who never shook hands");
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ttui_downloads_from_the_first() {
    let payload = Recipe::files("both", &[("a", 700_000), ("b", 5), ("c", 1_000_001)], 32 * KIB).make();
    let (first, second) = (Lab::new(), Lab::new());
    payload.lay_out(&first.out());
    let mut seeding = first.start(&payload, &[]);
    soon("what is there is found good", seeding.completed()).await.unwrap();
    assert_eq!(seeding.view().down_bytes, 0);
    second.download(&payload, &[own_address(&seeding).await]).await;
    until(&seeding, "it was all sent", |view| (view.up_bytes >= payload.bytes.len() as u64).then_some(()))
        .await;
    soon("the first stops", seeding.stop()).await.unwrap();
    payload.assert_at(&first.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ttuis_give_each_other_what_they_lack() {
    let payload = Recipe::file("it", 2_000_000, 64 * KIB).make();
    let count = payload.pieces();
    let low =
        Seed::start(&payload, Script { has: Some((0..count / 2).collect()), ..Script::default() }).await;
    let high =
        Seed::start(&payload, Script { has: Some((count / 2..count).collect()), ..Script::default() }).await;
    let (one, two) = (Lab::new(), Lab::new());
    let mut first = one.start(&payload, &[low.addr]);
    let mut second = two.start(&payload, &[high.addr, own_address(&first).await]);
    soon("the first completes", first.completed()).await.unwrap();
    soon("the second completes", second.completed()).await.unwrap();
    payload.assert_at(&one.out());
    payload.assert_at(&two.out());
    soon("the first stops", first.stop()).await.unwrap();
    soon("the second stops", second.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_carries_both_directions() {
    let payload = Recipe::file("it", 300_000, 16 * KIB).make();
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI must have IPv6");
        println!("skipped: this machine has no IPv6");
        return;
    }
    let seed =
        Seed::start(&payload, Script { ip: IpAddr::V6(Ipv6Addr::LOCALHOST), ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    until(&download, "everything is here", phase_is(Phase::Seeding)).await;
    let at = SocketAddr::from((Ipv6Addr::LOCALHOST, own_address(&download).await.port()));
    let mut caller = Wire::dial(at, payload.info_hash()).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    for piece in 0..payload.pieces() {
        caller.fetch(&payload, piece).await;
    }
    finish(&lab, &payload, download).await;
}

/// What passed in the fullest three seconds and altogether, bytes a second, from stamped amounts.
fn rates(passed: &[(Instant, u64)]) -> (f64, f64) {
    let window = Duration::from_secs(3);
    let mut fullest = 0.0f64;
    for (n, (from, _)) in passed.iter().enumerate() {
        let within = passed[n..].iter().take_while(|(at, _)| at.duration_since(*from) <= window);
        let bytes: u64 = within.map(|(_, bytes)| bytes).sum();
        fullest = fullest.max(bytes as f64 / window.as_secs_f64());
    }
    let time = passed.last().unwrap().0.duration_since(passed[0].0).as_secs_f64();
    (fullest, passed.iter().map(|(_, bytes)| bytes).sum::<u64>() as f64 / time)
}

#[track_caller]
fn assert_held(name: &str, limit: u64, passed: &[(Instant, u64)]) {
    let (fullest, mean) = rates(passed);
    let limit = limit as f64;
    // Never too much, not over any three seconds. Too little only where the machine had no time for us, which no
    // machine has for whole three seconds.
    assert!(fullest <= limit * 1.1, "{name}: {fullest} a second, where {limit} are allowed");
    assert!(fullest >= limit * 0.9, "{name}: {fullest} a second at most, where {limit} are allowed");
    assert!(mean <= limit * 1.1, "{name}: {mean} a second, where {limit} are allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_held_within_a_tenth() {
    const LIMIT: u64 = 600_000;
    let payload = Recipe::file("it", 5 * LIMIT as usize, 64 * KIB).make();
    let down = async {
        let lab = Lab::new();
        let seeds = [Seed::honest(&payload).await, Seed::honest(&payload).await];
        let peers = seeds.each_ref().map(|seed| seed.addr);
        let options = Options { down_bps: Some(LIMIT), ..lab.options(&peers) };
        finish(&lab, &payload, lab.start_with(&payload, options)).await;
        let mut passed: Vec<(Instant, u64)> = Vec::new();
        for seed in &seeds {
            passed.extend(seed.seen().sent.iter().map(|(at, spec)| (*at, u64::from(spec.length))));
        }
        passed.sort_unstable();
        passed
    };
    let up = async {
        let lab = Lab::new();
        payload.lay_out(&lab.out());
        let options = Options { up_bps: Some(LIMIT), ..lab.options(&[]) };
        let download = lab.start_with(&payload, options);
        until(&download, "what is there is found good", phase_is(Phase::Seeding)).await;
        let mut caller = Wire::dial(own_address(&download).await, payload.info_hash()).await;
        caller.say(&[Message::Interested]).await;
        caller.expect(&Message::Unchoke).await;
        let mut passed: Vec<(Instant, u64)> = Vec::new();
        for index in 0..payload.pieces() {
            let length = payload.piece_length(index);
            let blocks = (0..length).step_by(16_384);
            let requests: Vec<Message> = blocks
                .map(|begin| Message::Request(BlockSpec { index, begin, length: 16_384.min(length - begin) }))
                .collect();
            caller.say(&requests).await;
        }
        let mut left = payload.bytes.len() as u64;
        while left > 0 {
            if let Heard::Block(header, _) = caller.hear().await {
                passed.push((Instant::now(), u64::from(header.length)));
                left -= u64::from(header.length);
            }
        }
        soon("the seed stops", download.stop()).await.unwrap();
        passed
    };
    let (down, up) = tokio::join!(down, up);
    assert_held("download", LIMIT, &down);
    assert_held("upload", LIMIT, &up);
}

/// A fast peer is read when much is there. What it sent before it falls silent is less than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_that_a_fast_peer_sent_before_it_fell_silent_is_read() {
    const BLOCKS: u64 = 4000;
    let payload = Recipe::file("it", 96 * 1024 * KIB, 256 * KIB).make();
    let seed = Seed::start(&payload, Script { allowed: BLOCKS, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    seed.until("it fell silent", |seen| seen.sent.len() as u64 == BLOCKS && seen.unanswered > 64).await;
    // Sooner than what is owed would be taken back from it.
    let read = until(&download, "all it sent is here", |view| {
        (view.down_bytes >= BLOCKS * 16 * KIB as u64).then_some(())
    });
    tokio::time::timeout(Duration::from_secs(6), read).await.unwrap();
    seed.allow(u64::MAX);
    finish(&lab, &payload, download).await;
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_torrent_takes_no_peers_from_the_last_run() {
    for private in [false, true] {
        let recipe = Recipe::file("it", 512 * KIB, 64 * KIB);
        let payload = if private { recipe.private() } else { recipe }.make();
        let seed = Seed::start(&payload, Script { allowed: 8, ..Script::default() }).await;
        let lab = Lab::new();
        let download = lab.start(&payload, &[seed.addr]);
        until(&download, "a part is here", |view| (view.have_bytes > 0).then_some(())).await;
        soon("the download stops", download.stop()).await.unwrap();

        seed.allow(u64::MAX);
        let again = lab.start(&payload, &[]);
        if private {
            let known = until(&again, "the download goes on", |view| {
                (view.phase == Phase::Downloading && view.port.is_some()).then_some(view.peers.len())
            })
            .await;
            assert_eq!(known, 0);
            soon("the download stops", again.stop()).await.unwrap();
            assert_eq!(seed.seen().connections, 1);
        } else {
            let row = until(&again, "the peer is remembered", |view| peer_at(view, seed.addr).cloned()).await;
            assert_eq!(row.sources, [Source::Resume]);
            finish(&lab, &payload, again).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_peers_are_connected_than_the_setting_allows() {
    let payload = Recipe::file("it", 640 * KIB, 64 * KIB).make();
    let mut seeds = Vec::new();
    for _ in 0..6 {
        seeds.push(Seed::start(&payload, Script { allowed: 4, ..Script::default() }).await);
    }
    let peers: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
    let lab = Lab::new();
    let download = lab.start_with(&payload, Options { max_peers: 2, ..lab.options(&peers) });
    until(&download, "two are connected", |view| (view.groups.live == 2).then_some(())).await;
    seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let mut most = 0;
    until(&download, "everything is here", |view| {
        most = most.max(view.groups.live);
        (view.phase == Phase::Seeding).then_some(())
    })
    .await;
    assert_eq!(most, 2);
    finish(&lab, &payload, download).await;
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
        bad.push((Seed::start(&payload, Script { says, chokes: true, ..Script::default() }).await, cause));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_created_before_the_disk_was_looked_at_and_nothing_is_left_over() {
    let payload = Recipe::files("it", &[("a", 1000), ("b/c", 0)], 16 * KIB).make();
    let lab = Lab::new();
    assert!(is_empty(&lab.out()));
    let seed = Seed::honest(&payload).await;
    lab.download(&payload, &[seed.addr]).await;
    // Only the files of the torrent: no resume file, no partial names beside them.
    payload.assert_at(&lab.out());
    assert!(!is_empty(&lab.state()), "the resume file lies in the state folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_it_ended_may_be_asked_more_than_once() {
    let lab = Lab::new();
    let payload = Recipe::file("one file.bin", 100 * KIB, 16 * KIB).make();
    let mut download = lab.start(&payload, &[]);
    until(&download, "the disk is looked at", |view| (view.phase == Phase::Downloading).then_some(())).await;
    download.send(Command::Quit);
    let completed = soon("it ends", download.completed()).await;
    assert_eq!(completed, Err(EngineError::Ended), "nobody finished it");
    soon("it is over", download.ended()).await.unwrap();
    soon("it has ended", download.ended()).await.unwrap();
    soon("it has ended for good", download.stop()).await.unwrap();
}
