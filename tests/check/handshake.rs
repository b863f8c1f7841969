//! `ttui handshake`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use ttui::metainfo::InfoHash;
use ttui::swarm::EncryptionPolicy;

use crate::contract::assert_peer;
use crate::peers::{answers, black_hole, handshake, listen_only, over_utp_only, payload, serve, talks};
use crate::support::program::{Output, command};
use crate::support::{Lab, Payload, Program, Script, Seed, nobody_at, soon, until};

/// `ttui handshake` with this peer over TCP.
fn shake(lab: &Lab, payload: &Payload, addr: SocketAddr, more: &[&str]) -> Program {
    shake_over_both(lab, payload, addr, &[&["--transport", "tcp"], more].concat())
}

/// The same over every transport.
fn shake_over_both(lab: &Lab, payload: &Payload, addr: SocketAddr, more: &[&str]) -> Program {
    let mut command = command(lab);
    command.arg("handshake").arg(lab.torrent(payload)).arg(addr.to_string()).args(more);
    Program::spawn(&mut command)
}

async fn shaken(lab: &Lab, payload: &Payload, addr: SocketAddr, more: &[&str]) -> Output {
    shake(lab, payload, addr, more).ended().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handshake_is_shown_byte_by_byte() {
    let payload = payload();
    let lab = Lab::new();
    let theirs = handshake(payload.info_hash(), b'x');
    let good = talks(&payload, b'x', b"", listen_only).await;
    let shake = async |addr, more: &[&str]| shaken(&lab, &payload, addr, more).await;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    let output = shake(good, &["--json"]).await;
    assert_eq!((output.code(), output.stderr.len()), (0, 0));
    let report = &output.json()[0];
    assert_peer(report, &["sent_hex", "received_hex", "wire"]);
    assert_eq!(report["received_hex"], hex(&theirs));
    let sent = report["sent_hex"].as_str().unwrap();
    assert_eq!((sent.len(), &sent[56..96]), (136, payload.info_hash().to_string().as_str()));
    assert_eq!((&report["client"], &report["live"]), (&json!("Transmission 4.0.6"), &json!(true)));
    assert_eq!((&report["cause"], &report["attempts"][0]["bytes_in"]), (&Value::Null, &json!(68)));
    assert_eq!(report["wire"], json!([{ "sent_hex": sent, "received_hex": hex(&theirs) }]));

    let output = shake(good, &[]).await;
    let text = output.stdout.join("\n");
    assert_eq!(output.code(), 0);
    for part in [
        " 1 protocol    42 69 74 54 6f 72 72 65 BitTorre   42 69 74 54 6f 72 72 65 BitTorre",
        "reserved bits, ours: extension protocol, fast",
        "reserved bits, its: extension protocol, fast",
        "-TR4060-aaaaaaaaaaax, Transmission 4.0.6",
        "A valid handshake.",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }

    let other = answers(&handshake(InfoHash([9; 20]), b'o')[..50]).await;
    let output = shake(other, &[]).await;
    let text = output.stdout.join("\n");
    assert_eq!(output.code(), 1);
    assert!(text.contains("info_hash_mismatch") && text.contains("28 info-hash !"), "{text}");
    assert!(text.contains("2d 54 .. .. .. .. .. .."), "what did not come is left open\n{text}");
    let output = shake(other, &["--json"]).await;
    assert_eq!(output.json()[0]["received_hex"], hex(&handshake(InfoHash([9; 20]), b'o')[..50]));
    assert_eq!((output.code(), &output.json()[0]["cause"]), (1, &json!("info_hash_mismatch")));

    let output = shake(nobody_at().await, &["--json"]).await;
    assert_eq!((output.code(), &output.json()[0]["cause"]), (1, &json!("connection_refused")));
    assert_eq!(output.json()[0]["received_hex"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_only_encryption_is_shown_both_ways() {
    let payload = payload();
    let lab = Lab::new();
    for (takes, messages) in [(EncryptionPolicy::Prefer, "plain"), (EncryptionPolicy::Require, "rc4")] {
        let seed = Seed::start(&payload, Script { encrypted: Some(takes), ..Script::default() }).await;
        let addr = seed.addr;
        let output = shaken(&lab, &payload, addr, &["--json"]).await;
        assert_eq!((output.code(), output.stderr.len()), (0, 0));
        let report = &output.json()[0];
        assert_peer(report, &["sent_hex", "received_hex", "wire"]);
        assert_eq!(report["sent_hex"].as_str().unwrap().len(), 136, "in the clear, as it was before");
        assert_eq!(&report["received_hex"].as_str().unwrap()[56..96], payload.info_hash().to_string());
        assert_eq!((&report["cause"], &report["live"]), (&Value::Null, &json!(true)));
        let tries = report["attempts"].as_array().unwrap();
        assert_eq!(tries.len(), 2);
        assert_eq!((&tries[0]["encryption"], &tries[1]["encryption"]), (&json!("plain"), &json!("mse")));
        assert_eq!(
            (&tries[0]["cause"], &tries[0]["resolved"]),
            (&json!("closed_before_handshake"), &json!("encryption_required"))
        );
        assert_eq!(tries[1]["payload"], messages);
        assert!(tries[1]["bytes_out"].as_u64().unwrap() > 96 + 68, "the key exchange counts");
        for (tried, wire) in tries.iter().zip(report["wire"].as_array().unwrap()) {
            assert_eq!(tried["bytes_out"], wire["sent_hex"].as_str().unwrap().len() / 2);
            assert_eq!(tried["bytes_in"], wire["received_hex"].as_str().unwrap().len() / 2);
        }

        let text = shaken(&lab, &payload, addr, &[]).await.stdout.join("\n");
        for part in [
            "TCP, plain: connected after",
            "closed_before_handshake:",
            "The encrypted try below tells why: encryption_required.",
            "TCP, encrypted, ",
            "The handshakes in it, in the clear:",
            "reserved bits, its: extension protocol",
            "A valid handshake.",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }

        let only = shaken(&lab, &payload, addr, &["--json", "--encryption", "require"]).await;
        assert_eq!((only.code(), only.json()[0]["attempts"].as_array().unwrap().len()), (0, 1));
        let none = shaken(&lab, &payload, addr, &["--json", "--encryption", "off"]).await;
        let (code, report) = (none.code(), &none.json()[0]);
        assert_eq!((code, report["attempts"].as_array().unwrap().len()), (1, 1));
        assert_eq!(report["cause"], "closed_before_handshake", "what it did, not what it may mean");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_try_is_shown_as_the_network_carried_it() {
    // It answers a key exchange with 132 bytes that agree to nothing, and tells what it was sent.
    let answer: Vec<u8> = (0..132).map(|byte| byte ^ 0xa5).collect();
    let (seen_to, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let replies = answer.clone();
    let peer = serve(move |mut stream| {
        let (seen, answer) = (seen_to.clone(), replies.clone());
        async move {
            stream.write_all(&answer).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut sent = Vec::new();
            stream.read_to_end(&mut sent).await.unwrap();
            seen.send(sent).unwrap();
        }
    })
    .await;
    let (payload, lab) = (payload(), Lab::new());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    let output = shaken(&lab, &payload, peer, &["--json", "--encryption", "require"]).await;
    let (report, sent) = (&output.json()[0], seen.recv().await.unwrap());
    assert!(sent.len() > 96 + 68, "a key exchange and more: {}", sent.len());
    assert_eq!((output.code(), &report["cause"]), (1, &json!("encryption_failed")));
    assert_eq!(report["wire"], json!([{ "sent_hex": hex(&sent), "received_hex": hex(&answer) }]));
    let tried = &report["attempts"][0];
    assert_eq!((&tried["bytes_out"], &tried["bytes_in"]), (&json!(sent.len()), &json!(132)));

    let text = shaken(&lab, &payload, peer, &["--encryption", "require"]).await.stdout.join("\n");
    let sent = seen.recv().await.unwrap();
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    for part in [
        format!("{} bytes sent, 132 received.", sent.len()),
        format!("we sent {} bytes, as the network carried them:\n   0 {}\n", sent.len(), line(&sent[..16])),
        format!("it sent 132 bytes, as the network carried them:\n   0 {}\n", line(&answer[..16])),
        "     and 4 more, which --json shows".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} in\n{text}");
    }
    assert!(!text.contains("BitTorre"), "nothing went in the clear\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_shake_hands_is_status_1_and_every_try_is_shown() {
    let payload = payload();
    let lab = Lab::new();
    let tries_of = |report: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tries = report["attempts"].as_array().unwrap().iter();
        tries.map(|tried| (text(&tried["encryption"]), text(&tried["cause"]))).collect()
    };
    let hangs_up = answers(b"").await;
    let output = shaken(&lab, &payload, hangs_up, &["--json"]).await;
    let report = &output.json()[0];
    assert_eq!((output.code(), &report["cause"]), (1, &json!("closed_before_handshake")));
    let tries = tries_of(report);
    assert_eq!(tries[0], ("plain".to_owned(), "closed_before_handshake".to_owned()));
    // It closes on a key exchange of which it has not read all, which may reset the connection.
    assert_eq!((tries.len(), tries[1].0.as_str()), (2, "mse"));
    let text = shaken(&lab, &payload, hangs_up, &[]).await.stdout.join("\n");
    assert!(text.contains("TCP, plain: ") && text.contains("TCP, encrypted: "), "{text}");
    assert!(!text.contains("Nothing to do"), "nothing goes on here: {text}");

    let prefer = shaken(&lab, &payload, hangs_up, &["--json", "--encryption", "prefer"]).await;
    let ways: Vec<String> = tries_of(&prefer.json()[0]).into_iter().map(|(how, _)| how).collect();
    assert_eq!(ways, ["mse", "plain"]);

    let nowhere = shaken(&lab, &payload, "224.0.0.1:5".parse().unwrap(), &["--json"]).await;
    let report = &nowhere.json()[0];
    assert_eq!((nowhere.code(), &report["cause"]), (1, &json!("invalid_address")));
    assert_eq!((&report["attempts"], &report["sent_hex"]), (&json!([]), &json!("")));

    let (hole, _kept) = black_hole().await;
    let began = Instant::now();
    let output = shaken(&lab, &payload, hole, &["--json"]).await;
    assert!(began.elapsed() < Duration::from_secs(12), "what does not open is not tried twice");
    let lost = [("plain".to_owned(), "connect_timeout".to_owned())];
    assert_eq!((output.code(), tries_of(&output.json()[0])), (1, lost.to_vec()));
}

/// Whom it is with, what else is said, transport, encryption and cause of each attempt, and the last line.
type Row<'a> = (SocketAddr, &'a [&'a str], &'a [[&'a str; 3]], &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_is_tried_to_its_end_and_told() {
    let (payload, lab, from) = (payload(), Lab::new(), Lab::new());
    payload.lay_out(&from.out());
    let mut seed = from.start(&payload, &[]);
    soon("the seed has looked at its files", seed.completed()).await.unwrap();
    let port = until(&seed, "the seed listens", |view| view.port).await;
    let both = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let utp_only = over_utp_only(both).await;
    let tcp_only = talks(&payload, b'x', b"", listen_only).await;
    let shaken = async |addr, more: &[&str]| shake_over_both(&lab, &payload, addr, more).ended().await;
    let table: &[Row<'_>] = &[
        (
            both,
            &[],
            &[["tcp", "plain", ""], ["utp", "plain", ""]],
            "A valid handshake, over TCP and over uTP.",
        ),
        (
            both,
            &["--encryption", "require"],
            &[["tcp", "mse", ""], ["utp", "mse", ""]],
            "A valid handshake, over TCP and over uTP.",
        ),
        (both, &["--transport", "utp"], &[["utp", "plain", ""]], "A valid handshake."),
        (
            tcp_only,
            &[],
            &[["tcp", "plain", ""], ["utp", "plain", "connection_refused"]],
            "A valid handshake over TCP; not over uTP.",
        ),
        (
            utp_only,
            &[],
            &[["tcp", "plain", "connection_refused"], ["utp", "plain", ""]],
            "A valid handshake over uTP; not over TCP.",
        ),
    ];
    for (addr, more, ways, last) in table {
        let output = shaken(*addr, &[&["--json"], *more].concat()).await;
        let report = &output.json()[0];
        assert_eq!(output.code(), 0, "{report:#}");
        assert_eq!((&report["cause"], &report["live"]), (&Value::Null, &json!(true)), "{report:#}");
        assert_peer(report, &["sent_hex", "received_hex", "wire"]);
        assert_eq!(report["received_hex"].as_str().unwrap().len(), 136, "of the one that worked: {report:#}");
        let tries = report["attempts"].as_array().unwrap();
        let of = |tried: &Value| -> [String; 3] {
            ["transport", "encryption", "cause"]
                .map(|name| tried[name].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(tries.iter().map(of).collect::<Vec<_>>(), *ways, "{report:#}");
        for (tried, wire) in tries.iter().zip(report["wire"].as_array().unwrap()) {
            assert_eq!(tried["handshake_ms"].is_u64(), tried["cause"].is_null(), "{tried:#}");
            let resolved = if tried["cause"].is_null() { Value::Null } else { json!("transport_blocked") };
            assert_eq!(tried["resolved"], resolved, "{tried:#}");
            assert_eq!(tried["bytes_out"], wire["sent_hex"].as_str().unwrap().len() / 2, "{tried:#}");
        }

        let output = shaken(*addr, more).await;
        let text = output.stdout.join("\n");
        assert_eq!((output.code(), output.stdout.last().unwrap().as_str()), (0, *last), "{text}");
        for [transport, encryption, cause] in *ways {
            let over = if *transport == "tcp" { "TCP" } else { "uTP" };
            let under = if *encryption == "plain" { "plain" } else { "encrypted" };
            assert!(text.contains(&format!("\n{over}, {under}")), "{text}");
            let other = if *transport == "tcp" { "uTP" } else { "TCP" };
            let why = format!("\nThe try over {other} tells why: transport_blocked. ");
            assert!(cause.is_empty() || text.contains(&format!("\n{cause}: ")), "{text}");
            assert!(cause.is_empty() || text.contains(&why), "{text}");
        }
        assert!(!text.contains("shutdown"), "that we hang up is no failure: {text}");
    }
    seed.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_handshake_is_reported_as_far_as_it_came() {
    let payload = payload();
    let lab = Lab::new();
    let (opened, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let silent = serve(move |stream| {
        opened.send(()).unwrap();
        listen_only(crate::support::Wire::new(stream))
    })
    .await;
    let program = shake(&lab, &payload, silent, &["--json"]);
    seen.recv().await.unwrap();
    let began = Instant::now();
    program.signal(Signal::INT);
    let output = program.ended().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((output.code(), &output.json()[0]["cause"]), (1, &json!("not_answered")));
}
