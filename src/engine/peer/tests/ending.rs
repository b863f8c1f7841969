//! How connections end, and by what cause.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_breach_of_the_protocol_has_its_cause() {
    let request = |index, begin, length| Message::Request(BlockSpec { index, begin, length });
    let bitfield = |bytes: &'static [u8]| Message::Bitfield(Bytes::from_static(bytes));
    let extended = |payload: &'static [u8]| Message::Extended { id: 0, payload: Bytes::from_static(payload) };
    let table = [
        (vec![0xff; 4], Cause::MessageTooLarge),
        (vec![0, 0, 0, 2, 1, 1], Cause::BadMessage),
        (encoded(&[request(0, 0, 0)]), Cause::BadMessage),
        (encoded(&[request(0, 0, PIECE + 1)]), Cause::BadMessage),
        (encoded(&[request(0, u32::MAX, u32::MAX)]), Cause::BadMessage),
        (encoded(&[request(20, 0, 16384)]), Cause::PieceOutOfRange),
        (encoded(&[Message::Have(20)]), Cause::PieceOutOfRange),
        (encoded(&[Message::Reject(BlockSpec { index: 20, begin: 0, length: 1 })]), Cause::PieceOutOfRange),
        (encoded(&[bitfield(&[0; 2])]), Cause::BadBitfield),
        (encoded(&[bitfield(&[0, 0, 1])]), Cause::BadBitfield),
        (encoded(&[extended(b"i1e")]), Cause::BadExtensionMessage),
        (encoded(&vec![extended(b"de"); 9]), Cause::BadExtensionMessage),
        (PieceHeader { index: 0, begin: 0, length: 16384 }.to_bytes().to_vec(), Cause::UnrequestedBlock),
        (encoded(&vec![request(0, 0, 16384); 2100]), Cause::RequestFlood),
        (encoded(&[Message::Unchoke, Message::Choke]).repeat(101), Cause::BadMessage),
        (encoded(&[Message::Interested, Message::NotInterested]).repeat(101), Cause::BadMessage),
    ];
    for (bytes, cause) in table {
        let closed = fault(MODERN, &bytes).await;
        assert_eq!(closed.cause, cause, "{bytes:?}");
        assert!(closed.detail.is_some());
        assert_eq!(closed.bytes_in, 68 + bytes.len() as u64);
    }
}

#[tokio::test]
async fn whoever_closes_at_once_is_told_from_one_who_leaves_later() {
    let mut world = start(PLAIN, sockets().await);
    drop(world.peer);
    let (_, report) = world.reports.recv().await.unwrap();
    assert!(matches!(report, Report::Closed(closed) if closed.cause == Cause::ClosedAfterHandshake));

    let mut world = start(PLAIN, sockets().await);
    world.peer.say(&[Message::Bitfield(all().to_bytes().into())]).await;
    world.has().await;
    drop(world.peer);
    let (_, report) = timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap();
    assert!(matches!(report, Report::Closed(closed) if closed.cause == Cause::ClosedByPeer));

    let mut world = start(PLAIN, sockets().await);
    world.peer.say(&[Message::Bitfield(all().to_bytes().into())]).await;
    world.has().await;
    socket2::SockRef::from(&world.peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(world.peer);
    let (_, report) = timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap();
    assert!(
        matches!(report, Report::Closed(closed) if closed.cause == Cause::ResetByPeer && closed.error.is_some())
    );
}

#[tokio::test]
async fn blocks_sent_before_a_close_still_arrive() {
    let mut world = start(PLAIN, sockets().await);
    let asked = world.ask_for(20).await;
    for &spec in &asked {
        world.peer.send(spec).await;
    }
    drop(world.peer);
    let mut seen = 0;
    loop {
        match timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap().1 {
            Report::Blocks { blocks, .. } => seen += blocks.len(),
            Report::Closed(closed) => {
                assert_eq!(closed.cause, Cause::ClosedByPeer);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 20);
}

#[tokio::test(start_paused = true)]
async fn a_close_by_us_flushes_what_is_quick_and_names_our_reason() {
    let mut world = piped(PLAIN);
    world.order(Order::Interested(true)).await;
    world.order(Order::Close(Cause::DroppedByUser)).await;
    world.peer.expect(Message::Interested).await;
    assert_eq!(world.peer.hear().await, Heard::End);
    let closed = world.closed().await;
    assert_eq!((closed.cause, closed.bytes_in, closed.bytes_out), (Cause::DroppedByUser, 68, 73));

    // Somebody who does not read cannot hold us up.
    let (here, there) = duplex(1);
    let mut world = start(MODERN, (here, there));
    let began = Instant::now();
    drop(std::mem::replace(&mut world.orders, mpsc::unbounded_channel().0));
    assert_eq!(world.closed().await.cause, Cause::Shutdown);
    assert!(began.elapsed() <= Duration::from_millis(300));
}
