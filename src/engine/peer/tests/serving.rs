//! Blocks that we are asked for.

use super::*;

#[tokio::test(start_paused = true)]
async fn serves_what_it_has_while_it_unchokes() {
    let mut world = piped(Begin { have: &[0, 19], ..PLAIN });
    world.peer.hear().await;
    world.serve().await;
    let last = geometry().blocks_of(piece(19)).last().unwrap();
    let wanted: Vec<BlockSpec> = geometry()
        .blocks_of(piece(0))
        .chain([last])
        .map(spec)
        .chain([BlockSpec { index: 0, begin: 7, length: 3 }])
        .collect();
    let requests: Vec<Message> = wanted.iter().copied().map(Message::Request).collect();
    world.peer.say(&requests).await;
    for spec in wanted {
        let Heard::Block(header, bytes) = world.peer.hear().await else { panic!("no block") };
        assert_eq!((header.index, header.begin, header.length), (spec.index, spec.begin, spec.length));
        assert!((spec.begin..).zip(&bytes).all(|(at, &byte)| byte == content(spec.index, at)));
    }
    world.peer.say(&[Message::Request(BlockSpec { index: 4, begin: 0, length: 16384 })]).await;
    world.order(Order::Choke(true)).await;
    world.peer.expect(Message::Choke).await;
    world.peer.say(&[Message::Request(BlockSpec { index: 0, begin: 0, length: 16384 })]).await;
    assert_eq!(
        world.peer.hear_within(Duration::from_secs(5)).await,
        None,
        "neither what we lack nor when we choke"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_to_those_who_understand_them() {
    let mut world = piped(Begin { have: &[0], up_bps: Some(4 * 16384), ..MODERN });
    world.peer.hear().await;
    world.peer.expect_extension_handshake().await;
    let (mine, other) = (spec(blocks(1)[0]), BlockSpec { index: 4, begin: 0, length: 16384 });
    world.peer.say(&[Message::Request(mine)]).await;
    world.peer.expect(Message::Reject(mine)).await;
    world.serve().await;
    // The first takes all the limit allows; the rest wait for a quarter of a second, and none passes.
    let waiting: Vec<BlockSpec> = blocks(5).into_iter().map(spec).collect();
    let requests: Vec<Message> =
        [mine, other].into_iter().chain(waiting[1..].iter().copied()).map(Message::Request).collect();
    world.peer.say(&requests).await;
    let mut heard = [world.peer.hear().await, world.peer.hear().await];
    heard.sort_by_key(|heard| matches!(heard, Heard::Block(..)));
    assert_eq!(heard[0], Heard::Message(Message::Reject(other)));
    assert!(matches!(heard[1], Heard::Block(..)));
    world.peer.say(&[Message::Cancel(waiting[4])]).await;
    world.peer.expect(Message::Reject(waiting[4])).await;
    world.order(Order::Choke(true)).await;
    world.peer.expect(Message::Choke).await;
    for &spec in &waiting[1..4] {
        world.peer.expect(Message::Reject(spec)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_its_answers_is_let_go() {
    let (here, there) = duplex(4096);
    let mut world = start(MODERN, (here, there));
    let request = encoded(&vec![Message::Request(BlockSpec { index: 0, begin: 0, length: 16384 }); 400]);
    let closed = loop {
        if world.peer.stream.write_all(&request).await.is_err() {
            break world.closed().await;
        }
        sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(closed.cause, Cause::RequestFlood);
}

#[tokio::test(start_paused = true)]
async fn who_sends_more_than_is_taken_waits() {
    let mut world = piped(PLAIN);
    // Nobody takes reports, of which there is one a second at least; the pipe holds a mebibyte.
    let alive = [0; 8192];
    let mut seconds = 0;
    while timeout(Duration::from_secs(1), world.peer.stream.write_all(&alive)).await.is_ok() {
        sleep(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 3000, "it goes on reading");
    }
    assert!(seconds > 900, "it stopped reading before anything was full");
    for _ in 0..1100 {
        assert!(timeout(PATIENCE, world.reports.recv()).await.unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn our_failing_disk_is_named() {
    let mut world = piped(Begin { have: &[0], disk_fails: true, ..PLAIN });
    world.peer.hear().await;
    world.serve().await;
    world.peer.say(&[Message::Request(spec(blocks(1)[0]))]).await;
    let closed = world.closed().await;
    assert_eq!(closed.cause, Cause::DiskError);
    assert!(closed.error.is_some());
}

#[tokio::test(start_paused = true)]
async fn while_it_chokes_it_serves_what_it_allowed_each_piece_once() {
    let mut world = piped(Begin { have: &[0, 1], ..MODERN });
    world.peer.hear().await;
    world.peer.expect_extension_handshake().await;
    world.peer.say(&[Message::HaveNone]).await;
    world.has().await;
    world.order(Order::AllowFast(vec![piece(0)])).await;
    world.peer.expect(Message::AllowedFast(0)).await;
    let blocks_of = |number| geometry().blocks_of(piece(number)).map(spec).collect::<Vec<BlockSpec>>();
    let all: Vec<Message> = blocks_of(0).into_iter().map(Message::Request).collect();
    world.peer.say(&all).await;
    for spec in blocks_of(0) {
        let Heard::Block(header, _) = world.peer.hear().await else { panic!("no block") };
        assert_eq!((header.index, header.begin), (0, spec.begin));
    }
    // Once more is too often, and of another piece it was never said.
    for refused in [blocks_of(0)[0], blocks_of(1)[0]] {
        world.peer.say(&[Message::Request(refused)]).await;
        world.peer.expect(Message::Reject(refused)).await;
    }
    // What is allowed is kept over a choke; the rest is refused.
    world.order(Order::AllowFast(vec![piece(0), piece(1)])).await;
    world.peer.expect(Message::AllowedFast(1)).await;
    world.peer.say(&[Message::Interested]).await;
    assert!(matches!(world.report().await, Report::News(News::Interested(true))));
    world.order(Order::Hold(true)).await;
    world.order(Order::Choke(false)).await;
    world.peer.expect(Message::Unchoke).await;
    let (kept, refused) = (blocks_of(1)[0], blocks_of(0)[0]);
    world.peer.say(&[Message::Request(refused), Message::Request(kept)]).await;
    sleep(Duration::from_millis(10)).await;
    world.order(Order::Choke(true)).await;
    world.peer.expect(Message::Choke).await;
    world.peer.expect(Message::Reject(refused)).await;
    world.order(Order::Hold(false)).await;
    let Heard::Block(header, _) = world.peer.hear().await else { panic!("no block") };
    assert_eq!((header.index, header.begin), (1, kept.begin));
    // It has enough by now: what waits is refused, and what it asks for after that.
    world.order(Order::Hold(true)).await;
    world.peer.say(&[Message::Request(blocks_of(1)[1])]).await;
    sleep(Duration::from_millis(10)).await;
    world.order(Order::AllowFast(Vec::new())).await;
    world.peer.expect(Message::Reject(blocks_of(1)[1])).await;
    world.peer.say(&[Message::Request(blocks_of(1)[2])]).await;
    world.peer.expect(Message::Reject(blocks_of(1)[2])).await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_of_them_is_allowed_no_pieces() {
    let mut world = piped(Begin { have: &[0], ..PLAIN });
    world.peer.hear().await;
    world.order(Order::AllowFast(vec![piece(0)])).await;
    world.peer.say(&[Message::Request(spec(blocks(1)[0]))]).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(5)).await, None);
}
