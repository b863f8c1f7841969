//! Peers that name others (BEP 11): how `check` finds and counts those that they name.

use std::net::SocketAddr;

use serde_json::json;
use ttui::wire::{ExtensionHandshake, Message, PEX_NAME, Pex, PexFlags};

use crate::peers::{PIECE, message, options, payload, peer_of, program_check, run, source_of, talks};
use crate::support::{Heard, Lab, Payload, Recipe, Seed};

/// A peer that has nothing, and names these where it is told under which number.
async fn names(payload: &Payload, others: &[SocketAddr]) -> SocketAddr {
    let added: Vec<_> = others.iter().map(|addr| (*addr, PexFlags::default())).collect();
    let named = Pex { added, dropped: Vec::new() }.encode();
    let takes = ExtensionHandshake { messages: vec![(PEX_NAME.to_owned(), 5)], ..Default::default() };
    let first = [Message::HaveNone, Message::Extended { id: 0, payload: takes.encode().into() }];
    let first: Vec<u8> = first.iter().flat_map(message).collect();
    talks(payload, b'n', &first, move |mut wire| {
        let named = named.clone();
        async move {
            loop {
                match wire.read().await {
                    Heard::Message(Message::Extended { id: 0, payload }) => {
                        let theirs = ExtensionHandshake::decode(&payload).unwrap();
                        if let Some(id) = theirs.id_of(PEX_NAME) {
                            wire.say(&[Message::Extended { id, payload: named.clone().into() }]).await;
                        }
                    }
                    Heard::End => return,
                    _ => {}
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_another_names_is_dialled_and_counted() {
    let payload = payload();
    let seed = Seed::honest(&payload).await;
    let namer = names(&payload, &[seed.addr, seed.addr]).await;
    let lab = Lab::new();
    let output = program_check(&lab, &payload, &["--json", "--peer", &namer.to_string()]).await;
    let report = &output.json()[0];
    assert_eq!(output.code(), 0, "{report:#}");
    let found = peer_of(report, seed.addr);
    assert_eq!((&found["source"], &found["stage"]), (&json!(["pex"]), &json!("transferring")));
    assert_eq!(
        *source_of(report, "pex"),
        json!({"kind": "pex", "status": "ok", "peers": 1, "handshaken": 1})
    );
    assert_eq!(peer_of(report, namer)["source"], json!(["manual"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_peer_is_named_where_that_is_switched_off_or_the_torrent_is_private() {
    let public = payload();
    let private = Recipe::file("it", 4 * PIECE, PIECE).private().make();
    for (payload, more, why) in
        [(&public, Some("--no-pex"), "switched off"), (&private, None, "the torrent is private")]
    {
        let seed = Seed::honest(payload).await;
        let namer = names(payload, &[seed.addr]).await;
        let lab = Lab::new();
        let namer = namer.to_string();
        let args: Vec<&str> = ["--json", "--peer", &namer].into_iter().chain(more).collect();
        let output = program_check(&lab, payload, &args).await;
        let report = &output.json()[0];
        let off = json!({"kind": "pex", "status": "off", "detail": why, "peers": 0, "handshaken": 0});
        assert_eq!(*source_of(report, "pex"), off);
        assert_eq!(report["peers"].as_array().unwrap().len(), 1, "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_such_message_ends_the_connection_and_is_named() {
    let payload = payload();
    let first = message(&Message::Extended { id: 1, payload: b"le".as_slice().into() });
    let namer = talks(&payload, b'n', &first, crate::peers::listen_only).await;
    let view = run(&payload, options(&[namer])).await;
    let peer = &view.peers[0];
    assert_eq!(peer.cause, Some(ttui::event::Cause::BadExtensionMessage));
    let detail = peer.telling_attempt().and_then(|attempt| attempt.detail.as_deref());
    assert_eq!(detail, Some("peer exchange: not a dictionary"));
}
