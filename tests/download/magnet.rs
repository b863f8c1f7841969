//! Magnets over real sockets (BEP 9): the metadata is asked of peers, then the torrent is as any other.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use sha1::{Digest, Sha1};
use ttui::metainfo::Magnet;
use ttui::storage::kept_metadata;

use super::support::{Gives, Payload};
use super::*;

/// A torrent whose metadata have a few parts.
fn payload() -> Arc<Payload> {
    Recipe::file("it", 2_000_000, KIB).make()
}

/// A peer that has everything, and this way with the metadata; one that gives them right takes its time.
async fn giver(payload: &Arc<Payload>, gives: Gives) -> Seed {
    let info: Bytes = payload.torrent.public_info().expect("it is not private").here().unwrap();
    let shakes_after = if gives == Gives::Right { Duration::from_millis(500) } else { Duration::ZERO };
    Seed::start(payload, Script { metadata: Some((info, gives)), shakes_after, ..Script::default() }).await
}

fn magnet(payload: &Payload, peers: &[SocketAddr]) -> Magnet {
    let named: String = peers.iter().map(|peer| format!("&x.pe={peer}")).collect();
    format!("magnet:?xt=urn:btih:{}&dn=perhaps{named}", payload.info_hash()).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_magnet_is_downloaded_and_the_next_time_it_is_known() {
    let (payload, lab) = (payload(), Lab::new());
    let seed = giver(&payload, Gives::Right).await;
    let link = magnet(&payload, &[seed.addr]);
    let mut download = Download::start(link.clone(), lab.options(&[])).unwrap();
    let first = download.view();
    assert_eq!((first.torrent.name(), first.torrent.total_bytes()), (None, None));
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&lab.out());
    let view = download.view();
    assert_eq!((view.torrent.name(), view.have_bytes), (Some("it"), payload.bytes.len() as u64));
    let row = peer_at(&view, seed.addr).unwrap();
    assert_eq!((row.sources.clone(), row.stage), (vec![Source::Magnet], Stage::Transferring));
    assert_eq!(seed.seen().connections, 1, "the connection that gave the metadata gave the rest");
    soon("the download stops", download.stop()).await.unwrap();

    // Nobody is there, and nobody is needed.
    drop(seed);
    let mut again = Download::start(link, lab.options(&[])).unwrap();
    assert_eq!(again.view().torrent.name(), Some("it"));
    soon("it is complete", again.completed()).await.unwrap();
    soon("it stops", again.stop()).await.unwrap();
    // What was kept and is damaged is as good as none.
    let kept = lab.state().join("torrents").join(format!("{}.torrent", payload.info_hash()));
    fs::write(&kept, b"d4:infod4:name2:itee").unwrap();
    assert_eq!(kept_metadata(&lab.state(), payload.info_hash()), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_poisoned_by_three_of_five_are_had_all_the_same_and_the_three_are_named() {
    let (payload, lab) = (payload(), Lab::new());
    let mut peers = Vec::new();
    for gives in [Gives::Wrong, Gives::Wrong, Gives::Wrong, Gives::Right, Gives::Refuses] {
        peers.push(giver(&payload, gives).await);
    }
    let addrs: Vec<SocketAddr> = peers.iter().map(|peer| peer.addr).collect();
    let mut download = Download::start(magnet(&payload, &addrs), lab.options(&[])).unwrap();
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&lab.out());
    let view = download.view();
    for liar in &addrs[..3] {
        let row = peer_at(&view, *liar).unwrap();
        assert!(row.metadata.as_ref().is_some_and(|talk| talk.wrong.is_some()), "{row:#?}");
    }
    for other in &addrs[3..] {
        let row = peer_at(&view, *other).unwrap();
        assert!(row.metadata.as_ref().is_none_or(|talk| talk.wrong.is_none()), "{row:#?}");
    }
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_are_right_and_no_torrent_end_it_and_are_named() {
    let (payload, lab) = (payload(), Lab::new());
    for (info, said) in [
        (&b"i7e"[..], "`info`"),
        (b"d4:name2:it12:piece lengthi16384e6:pieces0:e", "`info.length`: missing"),
        // They end before their end, and go on with what would be the torrent file's own.
        (
            b"d6:lengthi4e4:name2:it12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae4:junk1:x",
            "expected one dictionary",
        ),
    ] {
        let info_hash = InfoHash(Sha1::digest(info).into());
        let script = Script {
            info_hash: Some(info_hash),
            metadata: Some((Bytes::from_static(info), Gives::Right)),
            ..Script::default()
        };
        let peer = Seed::start(&payload, script).await;
        let link: Magnet = format!("magnet:?xt=urn:btih:{info_hash}&x.pe={}", peer.addr).parse().unwrap();
        let mut download = Download::start(link, lab.options(&[])).unwrap();
        let error = soon("it ends", download.ended()).await.unwrap_err();
        assert!(matches!(error, EngineError::Metadata(_)), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.exit_status(), 2);
        assert!(is_empty(&lab.out()), "nothing is created");
    }
}
