//! A connection whose torrent's geometry is learned sooner or later; what carries it is in `engine::peer`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::peer::{METADATA_MESSAGE, MetadataNews, introduction};
use crate::wire::{BlockSpec, MetadataMessage, PieceHeader};

const PIECES: u32 = 20;
const NOW: At = At::from_secs(1);

fn geometry() -> Geometry {
    Geometry::new(u64::from(PIECES) * 100_000 - 5, 100_000).unwrap()
}

fn holdings(have: &[u32]) -> Holdings {
    let geometry = geometry();
    let mut pieces = Bitfield::empty(PIECES);
    have.iter().for_each(|number| _ = pieces.set(geometry.piece(*number).unwrap()));
    Holdings::new(geometry, pieces)
}

fn begin(holdings: Option<Holdings>) -> Connection {
    let introduction = introduction(None, true, true);
    let ours = match holdings {
        Some(holdings) => Ours::with(introduction, holdings),
        None => Ours::new(introduction),
    };
    Connection::new(Arc::new(ours), Reserved::OURS, NOW)
}

/// The geometry is known from now on, and that this is here.
fn learn(connection: &mut Connection, have: &[u32]) -> Result<(), Fault> {
    connection.ours.holdings.set(Arc::new(holdings(have))).unwrap();
    connection.order(NOW, Order::Learn)
}

/// The messages that wait to be written, which are taken away.
fn said(connection: &mut Connection) -> Vec<Message> {
    let written: Vec<u8> =
        connection.output().write_with(|slices| slices.iter().flat_map(|slice| slice.to_vec()).collect());
    connection.sent(written.len());
    let mut rest = &written[..];
    let mut messages = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        messages.push(Message::decode(frame).unwrap());
        rest = after;
    }
    messages
}

/// What a connection comes to that learns the geometry after some of the messages: its state and what the peer has, as told.
fn after(messages: &[Message], learns: usize) -> Result<(String, BTreeSet<u32>), Cause> {
    let mut connection = begin((learns == 0).then(|| holdings(&[])));
    for (nth, message) in messages.iter().enumerate() {
        if nth > 0 && nth == learns {
            learn(&mut connection, &[]).map_err(|fault| fault.cause)?;
        }
        connection.message(NOW, message.clone()).map_err(|fault| fault.cause)?;
    }
    if learns >= messages.len().max(1) {
        learn(&mut connection, &[]).map_err(|fault| fault.cause)?;
    }
    connection.tick(NOW).map_err(|fault| fault.cause)?;
    let mut theirs = BTreeSet::new();
    for news in connection.news(NOW) {
        match news {
            News::Has(pieces) => theirs.extend(pieces.numbers()),
            News::Have(pieces) => theirs.extend(pieces.into_iter().map(PieceIndex::number)),
            _ => {}
        }
    }
    connection.news = Vec::new();
    Ok((format!("{connection:?}"), theirs))
}

fn any_said() -> impl Strategy<Value = Message> {
    let bits = proptest::collection::vec(any::<u8>(), 3);
    prop_oneof![
        8 => (0..PIECES).prop_map(Message::Have),
        1 => (0..PIECES + 1).prop_map(Message::Have),
        4 => bits.prop_map(|bits| Message::Bitfield(vec![bits[0], bits[1], bits[2] & 0xf0].into())),
        1 => proptest::collection::vec(any::<u8>(), 2..4).prop_map(|bits| Message::Bitfield(bits.into())),
        2 => Just(Message::HaveAll),
        2 => Just(Message::HaveNone),
        2 => (0..PIECES).prop_map(Message::AllowedFast),
        2 => prop_oneof![Just(Message::Unchoke), Just(Message::Choke), Just(Message::Interested)],
        2 => any_of_metadata(),
        1 => Just(Message::Extended { id: 0, payload: introduction(Some(1), true, true).encode().into() }),
    ]
}

/// Anything about metadata.
fn any_of_metadata() -> impl Strategy<Value = Message> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from);
    let data = (0..4u32, proptest::option::of(0..70_000u32), bytes)
        .prop_map(|(part, total_bytes, bytes)| MetadataMessage::Data { part, total_bytes, bytes }.encode());
    let payload = prop_oneof![
        4 => (0..4u32).prop_map(|part| MetadataMessage::Request { part }.encode()),
        4 => (0..4u32).prop_map(|part| MetadataMessage::Reject { part }.encode()),
        8 => data,
        1 => Just(b"d8:msg_typei9ee".to_vec()),
    ];
    payload.prop_map(|payload| Message::Extended { id: METADATA_MESSAGE, payload: payload.into() })
}

proptest! {
    #[test]
    fn of_metadata_no_more_is_news_than_was_asked_for_and_no_more_is_sent_than_three_times_the_whole(
        steps in proptest::collection::vec((any_of_metadata(), proptest::option::of(0..4u32)), 0..200),
        info in proptest::option::of(1..70_000usize),
    ) {
        let info = info.map(|bytes| Bytes::from(vec![7; bytes]));
        let most = 3 * info.as_ref().map_or(0, Bytes::len);
        let holdings = Holdings::new(geometry(), Bitfield::empty(PIECES)).with_info(info);
        let mut connection = begin(Some(holdings));
        connection.message(NOW, Message::Extended { id: 0, payload: introduction(None, true, true).encode().into() }).unwrap();
        let (mut asked, mut news, mut sent) = ([0i32; 4], [0i32; 4], 0);
        for (message, asks) in steps {
            if let Some(part) = asks {
                connection.order(NOW, Order::AskMetadata { part }).unwrap();
                asked[part as usize] += 1;
            }
            if connection.message(NOW, message).is_err() {
                break;
            }
            connection.refill(NOW);
            for news_of in connection.news(NOW) {
                if let News::Metadata(MetadataNews::Part { part, .. } | MetadataNews::Refused { part }) = news_of {
                    news[part as usize] += 1;
                }
            }
            for message in said(&mut connection) {
                if let Message::Extended { id: METADATA_MESSAGE, payload } = message
                    && let Ok(Some(MetadataMessage::Data { bytes, .. })) = MetadataMessage::decode(&payload)
                {
                    sent += bytes.len();
                }
            }
        }
        prop_assert!(asked.iter().zip(news).all(|(asked, news)| *asked >= news), "{asked:?} {news:?}");
        prop_assert!(sent <= most, "{sent} of {most}");
    }

    #[test]
    fn what_a_peer_says_comes_to_the_same_whenever_the_geometry_is_learned(
        messages in proptest::collection::vec(any_said(), 0..9),
        learns in 1usize..10,
    ) {
        prop_assert_eq!(after(&messages, learns), after(&messages, 0));
    }
}

#[test]
fn what_is_kept_before_the_geometry_is_known_is_bounded() {
    let ends = |message: &Message| {
        let mut connection = begin(None);
        let fault = (0..100_000).find_map(|_| connection.message(NOW, message.clone()).err());
        fault.map(|fault| fault.cause)
    };
    assert_eq!(ends(&Message::Bitfield(vec![0; 200_000].into())), Some(Cause::BadBitfield));
    assert_eq!(ends(&Message::Bitfield(Vec::new().into())), Some(Cause::BadMessage));
    assert_eq!(ends(&Message::Have(7)), Some(Cause::BadMessage));
    assert_eq!(ends(&Message::AllowedFast(7)), Some(Cause::BadMessage));
}

#[test]
fn nothing_is_asked_or_served_before_the_geometry_is_known_and_extensions_pass() {
    let spec = BlockSpec { index: 0, begin: 0, length: 16_384 };
    let mut connection = begin(None);
    let first = said(&mut connection);
    assert!(matches!(&first[..], [Message::HaveNone, Message::Extended { id: 0, .. }]), "{first:?}");
    let payload = introduction(Some(7), true, true).encode().into();
    for message in [Message::Extended { id: 0, payload }, Message::Interested, Message::Request(spec)] {
        connection.message(NOW, message).unwrap();
    }
    connection.order(NOW, Order::Choke(false)).unwrap();
    assert_eq!(said(&mut connection), [Message::Reject(spec), Message::Unchoke]);
    connection.tick(NOW).unwrap();
    let news: Vec<News> = connection.news(NOW).collect();
    assert!(
        matches!(&news[..], [News::Introduced(_), News::Interested(true), News::Sample(_)]),
        "what it has is not told of: {news:?}"
    );
    let piece = PieceHeader { index: 0, begin: 0, length: 16_384 };
    let fault = connection.message(NOW, Message::Piece(piece)).unwrap_err();
    assert_eq!(fault.cause, Cause::UnrequestedBlock);

    let mut connection = begin(None);
    said(&mut connection);
    learn(&mut connection, &[3, 19]).unwrap();
    assert_eq!(said(&mut connection), [Message::Have(3), Message::Have(19)], "too late for a bitfield");
    let every: Vec<u32> = (0..PIECES).collect();
    let mut connection = begin(None);
    learn(&mut connection, &every).unwrap();
    let Some(Message::Extended { id: 0, payload }) = said(&mut connection).pop() else { panic!("unsaid") };
    assert_eq!(ExtensionHandshake::decode(&payload).unwrap().upload_only, Some(true));
}

#[test]
fn once_the_metadata_are_known_a_peer_is_told_how_long_they_are() {
    let introduced = |messages: Vec<Message>| {
        messages.into_iter().find_map(|message| match message {
            Message::Extended { id: 0, payload } => Some(ExtensionHandshake::decode(&payload).unwrap()),
            _ => None,
        })
    };
    let mut connection = begin(None);
    let first = introduced(said(&mut connection)).unwrap();
    assert_eq!((first.id_of(METADATA_NAME), first.metadata_bytes), (Some(METADATA_MESSAGE), None));
    let known =
        Holdings::new(geometry(), Bitfield::empty(PIECES)).with_info(Some(Bytes::from(vec![7; 1234])));
    connection.ours.holdings.set(Arc::new(known)).unwrap();
    connection.order(NOW, Order::Learn).unwrap();
    let second = introduced(said(&mut connection)).unwrap();
    assert_eq!((second.metadata_bytes, second.upload_only), (Some(1234), None));
}

#[test]
fn a_peer_is_told_that_we_want_nothing_any_more_and_that_we_do_again() {
    let upload_only = |connection: &mut Connection| {
        connection.tick(NOW).unwrap();
        said(connection).into_iter().find_map(|message| match message {
            Message::Extended { id: 0, payload } => ExtensionHandshake::decode(&payload).unwrap().upload_only,
            _ => None,
        })
    };
    let mut connection = begin(None);
    learn(&mut connection, &[3]).unwrap();
    let holdings = Arc::clone(connection.ours.holdings.get().unwrap());
    assert_eq!(upload_only(&mut connection), None);
    // Nothing that is wanted is missing, though pieces are.
    holdings.done.store(true, Ordering::Relaxed);
    assert_eq!([upload_only(&mut connection), upload_only(&mut connection)], [Some(true), None]);
    holdings.done.store(false, Ordering::Relaxed);
    assert_eq!([upload_only(&mut connection), upload_only(&mut connection)], [Some(false), None]);
}

#[test]
fn peers_hear_the_port_that_a_router_gave_by_the_time_we_introduce_ourselves() {
    let outside_port = Arc::new(AtomicU16::new(6881));
    let ours = || {
        let outside_port = Some(Arc::clone(&outside_port));
        Arc::new(Ours { outside_port, ..Ours::new(introduction(Some(6881), true, true)) })
    };
    let said_port = |ours| {
        let messages = said(&mut Connection::new(ours, Reserved::OURS, NOW));
        messages.into_iter().find_map(|message| match message {
            Message::Extended { id: 0, payload } => ExtensionHandshake::decode(&payload).unwrap().listen_port,
            _ => None,
        })
    };
    let (ours, later) = (ours(), ours());
    assert_eq!(said_port(ours), Some(6881));
    outside_port.store(7000, Ordering::Relaxed);
    assert_eq!(said_port(later), Some(7000));
}

#[test]
fn who_has_a_dht_node_hears_where_ours_is_and_says_where_its_own_is_once() {
    for (dht_port, reserved, said_to_it) in [
        (Some(6881), Reserved::OURS.with_dht(), Some(6881)),
        (Some(6881), Reserved::OURS, None),
        (None, Reserved::OURS.with_dht(), None),
    ] {
        let ours = Ours { dht_port, ..Ours::new(introduction(None, true, true)) };
        let mut connection = Connection::new(Arc::new(ours), reserved, NOW);
        let port = said(&mut connection).into_iter().find_map(|message| match message {
            Message::Port(port) => Some(port),
            _ => None,
        });
        assert_eq!(port, said_to_it);
        (7000..7003).for_each(|port| connection.message(NOW, Message::Port(port)).unwrap());
        let nodes: Vec<News> =
            connection.news(NOW).filter(|news| matches!(news, News::Node { .. })).collect();
        assert_eq!(nodes, dht_port.map(|_| News::Node { port: 7000 }).into_iter().collect::<Vec<_>>());
    }
}
