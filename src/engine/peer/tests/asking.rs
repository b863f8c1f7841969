//! Blocks that are asked for: granted, taken back, refused, received.

use super::*;

#[tokio::test(start_paused = true)]
async fn requests_leave_in_one_write_and_blocks_come_back_whole() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(100).await;
    assert_eq!(asked, blocks(64).into_iter().map(spec).collect::<Vec<_>>());
    for &spec in &asked {
        world.peer.send(spec).await;
    }
    let (seen, window) = world.blocks(64).await;
    assert_eq!(seen, blocks(64));
    assert_eq!((window.granted, window.outstanding), (0, 36));
    let rest = world.peer.expect_requests(36).await;
    for &spec in rest.iter().rev() {
        world.peer.send(spec).await;
    }
    let (seen, window) = world.blocks(36).await;
    assert_eq!(seen.len(), 36);
    assert_eq!(window.outstanding, 0);
}

#[tokio::test(start_paused = true)]
async fn a_grant_while_choked_is_void_and_one_after_an_unchoke_is_asked_for() {
    let mut world = piped(PLAIN);
    world.order(Order::Grant(blocks(10))).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(3)).await, None);
    world.peer.say(&[Message::Unchoke]).await;
    world.has().await;
    assert!(matches!(world.report().await, Report::News(News::Unchoked)));
    assert_eq!(world.peer.hear_within(Duration::from_secs(3)).await, None);
    world.order(Order::Grant(blocks(1))).await;
    world.peer.expect_requests(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_choke_gives_every_grant_back_and_late_blocks_still_count() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(10).await;
    world.peer.send(asked[0]).await;
    world.peer.say(&[Message::Choke, Message::Choke]).await;
    world.peer.send(asked[1]).await;
    let (mut seen, _) = world.blocks(1).await;
    let choked = world.report().await;
    assert!(matches!(choked, Report::News(News::Choked)), "{choked:?}");
    seen.extend(world.blocks(1).await.0);
    assert_eq!(seen, blocks(2));
    // Once more is no fault, nor is what nobody remembers; more of that than was ever asked for is.
    world.peer.send(asked[1]).await;
    for &stray in &blocks(20)[10..] {
        world.peer.send(spec(stray)).await;
    }
    world.peer.say(&[Message::Interested]).await;
    assert!(matches!(world.report().await, Report::News(News::Interested(true))), "it is still heard");
    world.peer.send(spec(blocks(21)[20])).await;
    assert_eq!(world.closed().await.cause, Cause::UnrequestedBlock);
}

#[tokio::test(start_paused = true)]
async fn rejected_blocks_go_back_once() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    let asked = world.ask_for(3).await;
    let unknown = BlockSpec { index: 19, begin: 0, length: 16384 };
    world.peer.say(&[Message::Reject(asked[1]), Message::Reject(asked[1]), Message::Reject(unknown)]).await;
    let Report::News(News::Rejected(back)) = world.report().await else { panic!("no report of it") };
    assert_eq!(back, [blocks(2)[1]]);
}

#[tokio::test(start_paused = true)]
async fn revoked_blocks_are_cancelled() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(100).await;
    world.order(Order::Revoke(vec![blocks(100)[99], blocks(2)[1]])).await;
    world.peer.expect(Message::Cancel(asked[1])).await;
    world.peer.send(asked[1]).await;
    assert_eq!(world.blocks(1).await.0, [blocks(2)[1]]);
}

#[tokio::test(start_paused = true)]
async fn a_held_peer_is_neither_asked_nor_served() {
    let mut world = piped(Begin { have: &[0], ..PLAIN });
    world.peer.hear().await;
    world.peer.say(&[Message::Unchoke, Message::Interested]).await;
    world.order(Order::Hold(true)).await;
    world.order(Order::Choke(false)).await;
    world.peer.expect(Message::Unchoke).await;
    world.order(Order::Grant(blocks(1))).await;
    world.peer.say(&[Message::Request(spec(blocks(1)[0]))]).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(20)).await, None);
    world.order(Order::Hold(false)).await;
    let mut heard = [world.peer.hear().await, world.peer.hear().await];
    heard.sort_by_key(|heard| matches!(heard, Heard::Block(..)));
    assert_eq!(heard[0], Heard::Message(Message::Request(spec(blocks(1)[0]))));
    assert!(matches!(&heard[1], Heard::Block(header, _) if header.index == 0));
}

#[tokio::test]
async fn a_download_over_real_sockets_is_whole_whatever_the_order_of_the_answers() {
    let mut world = start(MODERN, sockets().await);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    world.peer.say(&[Message::HaveAll, Message::Unchoke]).await;
    assert!(world.has().await.is_full());
    assert!(matches!(world.report().await, Report::News(News::Unchoked)));
    let all = blocks(usize::MAX);
    world.order(Order::Grant(all.clone())).await;
    let World { mut peer, mut reports, orders, .. } = world;
    let count = all.len();
    let seed = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(3);
        let mut waiting = Vec::new();
        let mut sent = 0;
        while sent < count {
            while waiting.len() < 8 {
                let patience = if waiting.is_empty() { PATIENCE } else { Duration::from_millis(1) };
                match peer.hear_within(patience).await {
                    Some(Heard::Message(Message::Request(spec))) => waiting.push(spec),
                    Some(other) => panic!("{other:?}"),
                    None => break,
                }
            }
            let next = if random.u8(0..4) == 0 { random.usize(..waiting.len()) } else { 0 };
            peer.send(waiting.remove(next)).await;
            if random.u8(0..5) == 0 {
                peer.say(&[Message::KeepAlive]).await;
            }
            sent += 1;
        }
        peer
    });
    let mut seen = Vec::new();
    while seen.len() < count {
        if let Report::Blocks { blocks, .. } = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap().1 {
            for (block, bytes) in blocks {
                assert_eq!(&bytes[..], block_content(&geometry(), block));
                seen.push(block);
            }
        }
    }
    seed.await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, all);
    drop(orders);
}

#[tokio::test(start_paused = true)]
async fn of_one_that_chokes_what_it_allows_is_requested_and_nothing_else() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    world.peer.say(&[Message::HaveAll, Message::AllowedFast(1), Message::AllowedFast(1)]).await;
    assert!(world.has().await.is_full());
    let Report::News(News::AllowedFast(allowed)) = world.report().await else { panic!("not told") };
    assert_eq!(allowed, piece(1));
    let of = |number| geometry().blocks_of(piece(number)).take(2).collect::<Vec<BlockRef>>();
    world.order(Order::Grant([of(0), of(1)].concat())).await;
    let asked = world.peer.expect_requests(2).await;
    assert_eq!(asked, of(1).into_iter().map(spec).collect::<Vec<_>>());
    world.peer.send(asked[0]).await;
    assert_eq!(world.blocks(1).await.0, of(1)[..1]);
    world.peer.say(&[Message::Reject(asked[1])]).await;
    assert!(matches!(world.report().await, Report::News(News::Rejected(_))));
    assert_eq!(world.peer.hear_within(Duration::from_secs(5)).await, None, "said once, told once");
    world.peer.say(&[Message::AllowedFast(20)]).await;
    assert_eq!(world.closed().await.cause, Cause::PieceOutOfRange);
}
