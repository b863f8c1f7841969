//! Who is asked for what, and how fast it comes.

use super::*;

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
    let stream = soon("we are dialled", listener.accept()).await.unwrap().0;
    let ours = plain_handshake(payload.info_hash());
    let mut wire = soon("a handshake", Wire::answer(stream, &ours)).await.unwrap();
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
