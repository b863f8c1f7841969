//! Who dials, who calls, who is let in.

use ttui::swarm::TransportPolicy;

use super::*;

/// UDP payload of a packet of uTP.
const MOST_PACKET_BYTES: u64 = 1472;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_stream_went_to_its_end_is_known_at_the_end_of_the_run() {
    let payload = Recipe::file("it", 3_000_000, 64 * KIB).make();
    let (from, lab, transport) = (Lab::new(), Lab::new(), TransportPolicy::Utp);
    payload.lay_out(&from.out());
    let mut seed = from.start_with(&payload, Options { transport, ..from.options(&[]) });
    soon("the seed has looked at its files", seed.completed()).await.unwrap();
    let addr = own_address(&seed).await;
    let mut download = lab.start_with(&payload, Options { transport, ..lab.options(&[addr]) });
    soon("the download completes", download.completed()).await.unwrap();
    let views = download.views();
    soon("the download stops", download.stop()).await.unwrap();
    let view = views.borrow().clone();
    let stream = peer_at(&view, addr).unwrap().stream.clone().unwrap();
    // Told when it began, and not again while it took less than a second.
    assert!(stream.received * MOST_PACKET_BYTES >= 3_000_000, "{stream:?}");
    soon("the seed stops", seed.stop()).await.unwrap();
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
    stream.dribble(&plain_handshake(payload.info_hash()).to_bytes()).await;
    let theirs = soon("a handshake in answer", stream.handshake()).await.unwrap();
    assert_eq!(theirs.info_hash, payload.info_hash());
    assert!(theirs.peer_id.0.starts_with(b"-Tu0100-"), "{:?}", theirs.peer_id);
    assert_eq!(theirs.reserved.names(), ["extension protocol", "fast"]);

    finish(&lab, &payload, download).await;
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
