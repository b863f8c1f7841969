//! Others ask for the metadata (BEP 9).

use bytes::Bytes;
use sha1::{Digest, Sha1};
use ttui::metainfo::InfoHash;
use ttui::peer::METADATA_MESSAGE;
use ttui::wire::{ExtensionHandshake, Handshake, METADATA_NAME, MetadataMessage, Reserved, metadata_parts};

use super::support::{Payload, some_peer_id};
use super::*;

/// The number under which the caller wants such messages.
const CALLER_MESSAGE: u8 = 9;

/// One that calls and says that it takes metadata; what it is told in answer.
async fn caller(download: &Download, payload: &Payload) -> (Wire, ExtensionHandshake) {
    let stream = soon("a connection", TcpStream::connect(own_address(download).await)).await.unwrap();
    let mut wire = Wire::new(stream);
    let ours =
        Handshake { reserved: Reserved::OURS, info_hash: payload.info_hash(), peer_id: some_peer_id() };
    wire.raw(&ours.to_bytes()).await;
    soon("a handshake in answer", wire.handshake()).await.unwrap();
    let introduction = ExtensionHandshake {
        messages: vec![(METADATA_NAME.to_owned(), CALLER_MESSAGE)],
        ..ExtensionHandshake::default()
    };
    wire.say(&[Message::Extended { id: 0, payload: introduction.encode().into() }]).await;
    let theirs = wire
        .hear_until("an extension handshake", |heard| match heard {
            Heard::Message(Message::Extended { id: 0, payload }) => {
                Some(ExtensionHandshake::decode(payload).unwrap())
            }
            _ => None,
        })
        .await;
    assert_eq!(theirs.id_of(METADATA_NAME), Some(METADATA_MESSAGE));
    (wire, theirs)
}

fn request(part: u32) -> Message {
    let payload = MetadataMessage::Request { part }.encode().into();
    Message::Extended { id: METADATA_MESSAGE, payload }
}

/// What is said of the metadata, if it is that.
fn answer(heard: &Heard) -> Option<MetadataMessage> {
    match heard {
        Heard::Message(Message::Extended { id: CALLER_MESSAGE, payload }) => {
            Some(MetadataMessage::decode(payload).unwrap().unwrap())
        }
        _ => None,
    }
}

/// A torrent whose metadata have a few parts.
fn recipe() -> Recipe {
    Recipe::file("it", 2_000_000, KIB)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_gets_the_metadata_and_its_hash_is_right() {
    let payload = recipe().make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let (mut wire, theirs) = caller(&download, &payload).await;
    let total = theirs.metadata_bytes.expect("its length is told");
    let parts = metadata_parts(total);
    assert!(parts > 2, "{parts}");
    let requests: Vec<Message> = (0..parts).map(request).collect();
    wire.say(&requests).await;
    let mut whole = Vec::new();
    for expected in 0..parts {
        match wire.hear_until("a part", answer).await {
            MetadataMessage::Data { part, total_bytes, bytes } => {
                assert_eq!((part, total_bytes), (expected, Some(total)));
                whole.extend(bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(InfoHash(Sha1::digest(&whole).into()), payload.info_hash());
    wire.say(&[request(parts)]).await;
    let refused = wire.hear_until("a refusal", answer).await;
    assert_eq!(refused, MetadataMessage::Reject { part: parts }, "there is no such part");
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_for_metadata_is_answered_three_times_over_and_ends() {
    let payload = recipe().make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let (mut wire, theirs) = caller(&download, &payload).await;
    let total = theirs.metadata_bytes.unwrap();
    let requests: Vec<Message> = (0..metadata_parts(total)).cycle().take(5000).map(request).collect();
    wire.say(&requests).await;
    let mut sent = 0;
    while let Some(heard) = Some(wire.hear().await).filter(|heard| *heard != Heard::End) {
        if let Some(MetadataMessage::Data { bytes, .. }) = answer(&heard) {
            sent += bytes.len();
        }
    }
    assert!(sent <= 3 * total as usize, "{sent} bytes, where the whole has {total}");
    until(&download, "the flood is named", |view| {
        let ended = |peer: &&std::sync::Arc<PeerRecord>| {
            peer.attempts.iter().any(|attempt| attempt.cause == Some(Cause::RequestFlood))
        };
        view.peers.iter().find(ended).map(|_| ())
    })
    .await;
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_a_private_torrent_are_given_to_nobody() {
    let payload = recipe().private().make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let (mut wire, theirs) = caller(&download, &payload).await;
    assert_eq!(theirs.metadata_bytes, None);
    wire.say(&[request(0)]).await;
    assert_eq!(wire.hear_until("a refusal", answer).await, MetadataMessage::Reject { part: 0 });
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_nobody_asked_for_end_the_connection() {
    let payload = recipe().make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let (mut wire, _) = caller(&download, &payload).await;
    let data = MetadataMessage::Data { part: 0, total_bytes: Some(16), bytes: Bytes::from_static(&[7; 16]) };
    let unasked = Message::Extended { id: METADATA_MESSAGE, payload: data.encode().into() };
    wire.say(&vec![unasked; 100]).await;
    until(&download, "it is named", |view| {
        let ended = |peer: &&std::sync::Arc<PeerRecord>| {
            peer.attempts.iter().any(|attempt| attempt.cause == Some(Cause::BadExtensionMessage))
        };
        view.peers.iter().find(ended).map(|_| ())
    })
    .await;
    soon("the download stops", download.stop()).await.unwrap();
}
