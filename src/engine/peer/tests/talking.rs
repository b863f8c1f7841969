//! What is said and heard beside blocks.

use super::*;
use crate::engine::utp::tests as utp;
use crate::event::StreamFigures;

#[tokio::test(start_paused = true)]
async fn says_first_what_it_has_and_who_it_is() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    let ours = world.peer.expect_extension_handshake().await;
    assert_eq!(ours.client.as_deref(), Some(OUR_NAME));
    assert_eq!((ours.listen_port, ours.reqq), (Some(6881), Some(OFFERED_REQQ)));

    let every: Vec<u32> = (0..20).collect();
    let mut world = piped(Begin { have: every.leak(), ..MODERN });
    world.peer.expect(Message::HaveAll).await;

    let some = Begin { have: &[0, 19], ..MODERN };
    let bitfield = Message::Bitfield(Bytes::from_static(&[0x80, 0, 0x10]));
    let mut world = piped(some);
    world.peer.expect(bitfield.clone()).await;
    let mut world = piped(Begin { reserved: [0; 8], ..some });
    world.peer.expect(bitfield).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(50)).await, None);
    assert_eq!(piped(PLAIN).peer.hear_within(Duration::from_secs(50)).await, None);
}

#[tokio::test(start_paused = true)]
async fn reports_what_the_peer_has_once_however_it_says_it() {
    let bitfield = Message::Bitfield(Bytes::from_static(&[0x80, 0, 0x10]));
    for (message, count) in [(Message::HaveAll, 20), (Message::HaveNone, 0), (bitfield.clone(), 2)] {
        let mut world = piped(MODERN);
        world.peer.say(&[Message::KeepAlive, message]).await;
        assert_eq!(world.has().await.count(), count);
    }
    let mut world = piped(MODERN);
    assert!(world.has().await.is_empty(), "silence means nothing");
    let mut world = piped(MODERN);
    world.peer.say(&[Message::Have(3), Message::Have(3), bitfield.clone()]).await;
    assert!(world.has().await.is_empty());
    let Report::News(News::Have(pieces)) = world.report().await else { panic!("late bitfields count") };
    assert_eq!(pieces, [piece(3), piece(0), piece(19)]);
    let more = Message::Bitfield(Bytes::from_static(&[0xc0, 0, 0x10]));
    world.peer.say(&[more]).await;
    let Report::News(News::Have(pieces)) = world.report().await else {
        panic!("aria2 says it again instead of many HAVEs")
    };
    assert_eq!(pieces, [piece(1)]);
}

#[tokio::test(start_paused = true)]
async fn both_sides_interest_and_choking_are_told_when_they_change_and_only_then() {
    let mut world = piped(PLAIN);
    for (order, expected) in [
        (Order::Interested(false), None),
        (Order::Interested(true), Some(Message::Interested)),
        (Order::Interested(true), None),
        (Order::Choke(true), None),
        (Order::Choke(false), Some(Message::Unchoke)),
        (Order::Choke(true), Some(Message::Choke)),
        (Order::Interested(false), Some(Message::NotInterested)),
    ] {
        world.order(order).await;
        let heard = world.peer.hear_within(Duration::from_secs(2)).await;
        assert_eq!(heard, expected.map(Heard::Message));
    }
    let said = [
        Message::NotInterested,
        Message::Interested,
        Message::Interested,
        Message::Unchoke,
        Message::Unchoke,
    ];
    world.peer.say(&said).await;
    world.has().await;
    assert!(matches!(world.report().await, Report::News(News::Interested(true))));
    assert!(matches!(world.report().await, Report::News(News::Unchoked)));
    world.peer.say(&[Message::Choke, Message::NotInterested]).await;
    assert!(matches!(world.report().await, Report::News(News::Choked)));
    assert!(matches!(world.report().await, Report::News(News::Interested(false))));
}

#[tokio::test(start_paused = true)]
async fn new_pieces_are_told_within_a_second_to_those_who_lack_them() {
    let mut world = piped(Begin { have: &[1], ..PLAIN });
    world.peer.hear().await;
    world.peer.say(&[Message::Have(3)]).await;
    world.has().await;
    for number in [1, 2, 3, 4] {
        world.holdings().haves.append(piece(number));
    }
    assert_eq!(
        world.peer.hear_within(Duration::from_millis(1100)).await,
        Some(Heard::Message(Message::Have(2)))
    );
    world.peer.expect(Message::Have(4)).await;
    world.holdings().haves.append(piece(5));
    world.order(Order::Interested(true)).await;
    world.peer.expect(Message::Interested).await;
    let with_it = world.peer.hear_within(Duration::from_millis(1)).await;
    assert_eq!(with_it, Some(Heard::Message(Message::Have(5))), "it goes with the next write");
}

#[tokio::test(start_paused = true)]
async fn seeds_are_told_of_no_piece() {
    let mut world = piped(PLAIN);
    world.ask_for(1).await;
    world.holdings().haves.append(piece(2));
    assert_eq!(world.peer.hear_within(Duration::from_secs(10)).await, None);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_connection_alive_and_gives_up_one_that_is_not() {
    let mut world = piped(PLAIN);
    let began = Instant::now();
    world.peer.stream.write_all(&[0; 4]).await.unwrap();
    let heard = world.peer.hear_within(Duration::from_secs(103)).await;
    assert_eq!(heard, Some(Heard::Message(Message::KeepAlive)));
    assert!(began.elapsed() >= Duration::from_secs(99), "{:?}", began.elapsed());
    let reports = async { world.closed().await };
    let closed = timeout(Duration::from_secs(100), reports).await.unwrap();
    assert_eq!(closed.cause, Cause::IdleTimeout);
    assert!((120..=180).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_as_good_as_silence() {
    let mut world = piped(PLAIN);
    let began = Instant::now();
    let drip = async {
        // A bitfield, a byte a minute.
        for byte in [0, 0, 1, 0, 5].into_iter().chain(std::iter::repeat(0)) {
            if world.peer.stream.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(60)).await;
        }
    };
    let closed = tokio::select! {
        closed = async {
            loop {
                if let Some((_, Report::Closed(closed))) = world.reports.recv().await {
                    break closed;
                }
            }
        } => closed,
        () = drip => panic!("it is still heard"),
    };
    assert_eq!(closed.cause, Cause::IdleTimeout);
    assert!((140..=180).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn samples_every_second_what_went_over_the_line() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(4).await;
    world.peer.send(asked[0]).await;
    let half = &encoded(&[Message::Piece(PieceHeader { index: 0, begin: 16384, length: 16384 })]);
    world.peer.raw(half).await;
    world.peer.raw(&[0; 1000]).await;
    let (_, report) = loop {
        let next = world.reports.recv().await.unwrap();
        if matches!(next.1, Report::News(News::Sample(_))) {
            break next;
        }
    };
    let Report::News(News::Sample(sample)) = report else { panic!() };
    assert_eq!((sample.down_bytes, sample.requests_out), (17_384, 3));
    assert!((17_000..=17_400).contains(&sample.down_bps), "{sample:?}");
}

#[tokio::test(start_paused = true)]
async fn all_bytes_of_a_connection_are_told_while_it_lives() {
    let mut world = piped(PLAIN);
    let told = async {
        loop {
            if let Some((_, Report::News(News::Traffic { bytes_in, bytes_out }))) = world.reports.recv().await
            {
                return (bytes_in, bytes_out);
            }
        }
    };
    let told = timeout(Duration::from_secs(20), told).await.unwrap();
    assert_eq!(told, (68, 68), "both handshakes, and nothing since");
}

/// The next figures of the stream below; `None` at the end of the connection.
async fn figures<T: Transport>(world: &mut World<T>) -> Option<StreamFigures> {
    loop {
        let next = timeout(PATIENCE, world.reports.recv()).await.expect("no report").expect("ended");
        match next.1 {
            Report::News(News::Stream(figures)) => return Some(figures),
            Report::Closed(_) => return None,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_utp_stream_goes_is_told_while_it_lives_and_at_its_end() {
    let (a, b) = (utp::host(20), utp::host(21));
    let mut world = start(PLAIN, utp::opened(&a, &b).await);
    world.peer.say(&[Message::Bitfield(all().to_bytes().into()), Message::Unchoke]).await;
    let first = figures(&mut world).await.expect("it lives");
    assert!(first.sent > 0 && first.rtt_us.is_some() && first.window_bytes > 0, "{first:?}");
    assert!(first.mtu_bytes > 500, "{first:?}");
    world.peer.say(&[Message::Have(3)]).await;
    world.peer.stream.shutdown().await.unwrap();
    let mut told = Vec::new();
    while let Some(figures) = figures(&mut world).await {
        told.push(figures);
    }
    let last = told.last().expect("at the end, as more came since");
    assert!(last.received > first.received, "{first:?}, {last:?}");
}

#[tokio::test(start_paused = true)]
async fn tells_what_the_peer_says_of_itself_and_minds_its_reqq() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    let theirs = ExtensionHandshake {
        client: Some("Thing 1.0".to_owned()),
        reqq: Some(5),
        listen_port: Some(7000),
        messages: vec![("ut_pex".to_owned(), 1)],
        ..ExtensionHandshake::default()
    };
    world.peer.say(&[Message::Extended { id: 0, payload: theirs.encode().into() }, Message::HaveAll]).await;
    let Report::News(News::Introduced(info)) = world.report().await else { panic!("not told") };
    assert_eq!(info, theirs.into());
    world.has().await;
    world.peer.say(&[Message::Unchoke]).await;
    world.report().await;
    world.order(Order::Grant(blocks(20))).await;
    world.peer.expect_requests(5).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn strange_but_harmless_messages_are_ignored() {
    let mut world = piped(MODERN);
    let messages = [
        Message::Port(6881),
        Message::Suggest(3),
        Message::AllowedFast(3),
        Message::Unknown { id: 99, length: 1000 },
        Message::Extended { id: 77, payload: Bytes::from_static(b"?") },
        Message::Cancel(BlockSpec { index: 99, begin: 0, length: 0 }),
        Message::HaveAll,
        Message::Interested,
    ];
    world.peer.say(&messages).await;
    world.has().await;
    assert!(matches!(
        world.report().await,
        Report::News(News::AllowedFast(_))
            | Report::News(News::Have(_))
            | Report::News(News::Interested(true))
    ));
}

#[tokio::test(start_paused = true)]
async fn says_that_it_wants_nothing_as_soon_as_it_has_everything() {
    let every: &'static [u32] = (0..20).collect::<Vec<u32>>().leak();
    let mut world = piped(Begin { have: every, ..MODERN });
    world.peer.expect(Message::HaveAll).await;
    assert_eq!(world.peer.expect_extension_handshake().await.upload_only, Some(true));

    let mut world = piped(Begin { have: &every[1..], ..MODERN });
    world.peer.hear().await;
    assert_eq!(world.peer.expect_extension_handshake().await.upload_only, None);
    world.holdings().haves.append(piece(0));
    world.peer.expect(Message::Have(0)).await;
    let again = world.peer.expect_extension_handshake().await;
    assert_eq!((again.upload_only, again.reqq), (Some(true), Some(OFFERED_REQQ)));
    assert_eq!(world.peer.hear_within(Duration::from_secs(10)).await, None, "once");
}

#[tokio::test(start_paused = true)]
async fn tells_that_the_peer_wants_nothing_and_when_it_does_again() {
    let mut world = piped(MODERN);
    let says = |upload_only| {
        let theirs = ExtensionHandshake { upload_only, ..ExtensionHandshake::default() };
        Message::Extended { id: 0, payload: theirs.encode().into() }
    };
    let said = [Some(false), Some(true), None, Some(true), Some(false)].map(says);
    world.peer.say(&[&[Message::HaveNone], &said[..]].concat()).await;
    world.has().await;
    let mut told = Vec::new();
    while told.len() < 5 {
        told.push(world.report().await);
    }
    let told = told.iter().map(|report| match report {
        Report::News(News::Introduced(info)) => info.upload_only,
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [Some(false), Some(true), None, Some(true), Some(false)]);
}
