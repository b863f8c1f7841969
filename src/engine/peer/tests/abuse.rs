//! What honest clients never say, and what comes of it: nothing.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_says_twice_what_it_has_takes_nothing_back() {
    let few = Message::Bitfield(Bytes::from_static(&[0x80, 0, 0x10]));
    for (first, count, second, more) in [
        (Message::HaveAll, 20, few.clone(), 0),
        (Message::HaveAll, 20, Message::HaveNone, 0),
        (few.clone(), 2, Message::HaveNone, 0),
        (few, 2, Message::HaveAll, 18),
    ] {
        let mut world = piped(MODERN);
        world.peer.say(&[first, second]).await;
        assert_eq!(world.has().await.count(), count);
        if more > 0 {
            let Report::News(News::Have(pieces)) = world.report().await else { panic!("it has more") };
            assert_eq!(pieces.len(), more);
        }
        world.peer.say(&[Message::Interested]).await;
        assert!(matches!(world.report().await, Report::News(News::Interested(true))));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_extensions_that_were_not_agreed_on_do_no_harm() {
    let mut world = piped(PLAIN);
    let request = spec(blocks(1)[0]);
    let said = [
        Message::HaveAll,
        Message::Suggest(3),
        Message::AllowedFast(3),
        Message::Reject(request),
        Message::Extended { id: 0, payload: Bytes::from_static(b"d1:v3:abce") },
        Message::Extended { id: 3, payload: Bytes::from_static(b"d8:msg_typei0e5:piecei0ee") },
        Message::Cancel(request),
        Message::Request(request),
        Message::Unchoke,
    ];
    world.peer.say(&said).await;
    assert!(world.has().await.is_full());
    world.order(Order::Interested(true)).await;
    // Nothing that it does not know is answered, not even what is refused.
    world.peer.expect(Message::Interested).await;
    world.order(Order::Grant(blocks(1))).await;
    let asked = world.peer.expect_requests(1).await;
    world.peer.send(asked[0]).await;
    world.blocks(1).await;
}

#[tokio::test(start_paused = true)]
async fn bits_that_promise_version_two_change_nothing() {
    let mut world = piped(Begin { reserved: [0xff; 8], ..PLAIN });
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    let asked = world.ask_for(1).await;
    // Hash request, hashes, hash reject (BEP 52), of whatever length.
    for (id, length) in [(21, 49), (22, 49 + 32), (23, 49), (21, 0)] {
        let mut frame = (1 + length as u32).to_be_bytes().to_vec();
        frame.push(id);
        frame.extend(vec![0xff; length]);
        world.peer.raw(&frame).await;
    }
    world.peer.send(asked[0]).await;
    world.blocks(1).await;
}

#[tokio::test(start_paused = true)]
async fn idle_talk_is_answered_with_nothing() {
    let mut world = piped(PLAIN);
    let idle = [Message::KeepAlive, Message::Port(1), Message::Have(0)];
    let thousands = encoded(&idle).repeat(20_000);
    world.peer.raw(&thousands).await;
    world.peer.say(&[Message::Interested]).await;
    assert!(world.has().await.is_empty());
    let Report::News(News::Have(pieces)) = world.report().await else { panic!("it has a piece") };
    assert_eq!(pieces, [piece(0)], "told once, however often it is said");
    assert!(matches!(world.report().await, Report::News(News::Interested(true))));
    assert_eq!(world.peer.hear_within(Duration::from_secs(50)).await, None);
}

#[tokio::test(start_paused = true)]
async fn choking_and_unchoking_often_only_costs_the_peer_its_turn() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(64).await;
    // Fewer changes than end the connection.
    world.peer.raw(&encoded(&[Message::Choke, Message::Unchoke]).repeat(80)).await;
    // What was asked for is void; not one request leaves without a new grant.
    assert!(matches!(world.report().await, Report::News(News::Choked)));
    assert_eq!(world.peer.hear_within(Duration::from_secs(5)).await, None);
    world.order(Order::Grant(blocks(1))).await;
    assert_eq!(world.peer.expect_requests(1).await, asked[..1]);
}
