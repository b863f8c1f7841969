//! `check` and `handshake` over real sockets: every cause provoked by a peer that behaves so, and the contract of
//! what is written.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::program::command;
use support::{
    Heard, Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker, Wire, is_empty, nobody_at, soon,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use ttui::engine::{CheckOptions, check};
use ttui::ledger::View;
use ttui::metainfo::{InfoHash, PeerId};
use ttui::report;
use ttui::wire::{BlockSpec, ExtensionHandshake, HANDSHAKE_BYTES, Handshake, Message, Reserved};

const PIECE: usize = 32 * 1024;

fn payload() -> Arc<Payload> {
    Recipe::file("it", 4 * PIECE, PIECE).make()
}

/// A listener on loopback whose connections are all handled so.
async fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    addr
}

/// One that reads our handshake and answers with these bytes, then closes.
async fn answers(bytes: &[u8]) -> SocketAddr {
    let bytes = bytes.to_vec();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let mut theirs = [0; HANDSHAKE_BYTES];
            let _ = stream.read_exact(&mut theirs).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

fn handshake(info_hash: InfoHash, name: u8) -> [u8; HANDSHAKE_BYTES] {
    let mut id = *b"-TR4060-aaaaaaaaaaaa";
    id[19] = name;
    Handshake { reserved: Reserved([0, 0, 0, 0, 0, 0x10, 0, 0x04]), info_hash, peer_id: PeerId(id) }
        .to_bytes()
}

/// One that shakes hands, sends these messages, and goes on so.
async fn talks<F>(
    payload: &Payload,
    name: u8,
    first: &[u8],
    then: impl Fn(Wire) -> F + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let answer = [&handshake(payload.info_hash(), name)[..], first].concat();
    let then = Arc::new(std::sync::Mutex::new(then));
    serve(move |stream| {
        let (answer, then) = (answer.clone(), Arc::clone(&then));
        async move {
            let mut wire = Wire::new(stream);
            if wire.handshake().await.is_some() {
                wire.raw(&answer).await;
                let rest = (*then.lock().unwrap())(wire);
                rest.await;
            }
        }
    })
    .await
}

/// Hears everything and says nothing more.
async fn listen_only(mut wire: Wire) {
    while wire.read().await != Heard::End {}
}

fn message(message: &Message) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    message.encode(&mut out);
    out.to_vec()
}

/// An address at which nothing ever answers: its queue of connections is full.
async fn black_hole() -> (SocketAddr, impl Sized) {
    let addr = nobody_at().await;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&addr.into()).unwrap();
    socket.listen(0).unwrap();
    let mut fillers = Vec::new();
    while let Ok(Ok(filler)) = timeout(Duration::from_millis(100), TcpStream::connect(addr)).await {
        fillers.push(filler);
        assert!(fillers.len() < 16, "the queue never fills");
    }
    (addr, (socket, fillers))
}

/// A port that no test is given by the system, as those are all above it.
fn port_of_our_own() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(10_000..30_000)).take(100).find(free).unwrap()
}

fn options(peers: &[SocketAddr]) -> CheckOptions {
    CheckOptions { loopback: true, peers: peers.to_vec(), ..CheckOptions::default() }
}

async fn run(payload: &Payload, options: CheckOptions) -> Arc<View> {
    soon("the check ends", check(payload.torrent.clone(), options, pending())).await.unwrap()
}

fn as_json(view: &View) -> Value {
    serde_json::from_str(&report::check::json(view)).unwrap()
}

#[track_caller]
fn peer_of(report: &Value, addr: SocketAddr) -> &Value {
    let found = report["peers"].as_array().unwrap().iter().find(|peer| peer["addr"] == addr.to_string());
    found.unwrap_or_else(|| panic!("{addr} in {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_before_a_handshake_is_named() {
    let payload = payload();
    let ours = payload.info_hash();
    let reset = serve(|mut stream| async move {
        let mut theirs = [0; HANDSHAKE_BYTES];
        let _ = stream.read_exact(&mut theirs).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let drips = serve(move |mut stream| async move {
        for byte in handshake(ours, b'd') {
            let _ = stream.write_all(&[byte]).await;
            sleep(Duration::from_millis(3)).await;
        }
        let mut theirs = Vec::new();
        let _ = stream.read_to_end(&mut theirs).await;
    })
    .await;
    let silent = serve(|mut stream| async move {
        let mut theirs = Vec::new();
        let _ = stream.read_to_end(&mut theirs).await;
    })
    .await;
    let stalls = serve(move |mut stream| async move {
        let _ = stream.write_all(&handshake(ours, b's')[..30]).await;
        let mut theirs = Vec::new();
        let _ = stream.read_to_end(&mut theirs).await;
    })
    .await;
    let random: Vec<u8> = {
        let mut random = fastrand::Rng::with_seed(5);
        (0..96).map(|_| random.u8(..)).collect()
    };
    let (hole, _kept) = black_hole().await;
    let cases: Vec<(&str, SocketAddr, &str, Option<&str>)> = vec![
        ("refuses", nobody_at().await, "connection_refused", None),
        ("a black hole", hole, "connect_timeout", None),
        ("closes", answers(b"").await, "closed_before_handshake", None),
        ("resets", reset, "reset_before_handshake", None),
        ("is silent", silent, "handshake_timeout", None),
        ("stalls half way", stalls, "handshake_truncated", None),
        ("closes half way", answers(&handshake(ours, b't')[..67]).await, "handshake_truncated", None),
        ("one byte, and right", answers(b"\x13").await, "handshake_truncated", None),
        ("another torrent", answers(&handshake(InfoHash([9; 20]), b'o')).await, "info_hash_mismatch", None),
        (
            "another torrent in 48 bytes",
            answers(&handshake(InfoHash([9; 20]), b'o')[..48]).await,
            "info_hash_mismatch",
            None,
        ),
        ("http", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, "not_bittorrent", Some("http")),
        ("tls", answers(b"\x15\x03\x01\0\x02\x02\x32").await, "not_bittorrent", Some("tls")),
        ("ssh", answers(b"SSH-2.0-OpenSSH_9.2p1\r\n").await, "not_bittorrent", Some("ssh")),
        ("smtp", answers(b"220 mx.example.org ESMTP Postfix\r\n").await, "not_bittorrent", Some("smtp")),
        ("ftp", answers(b"220 (vsFTPd 3.0.5)\r\n").await, "not_bittorrent", Some("ftp")),
        ("random bytes", answers(&random).await, "not_bittorrent", Some("encrypted")),
        ("zeros", answers(&[0; 68]).await, "not_bittorrent", Some("zeros")),
        ("escape sequences", answers(b"\x1b]0;owned\x07\x1b[2J").await, "not_bittorrent", Some("unknown")),
        (
            "the last byte is wrong",
            answers(b"\x13BitTorrent protocoL").await,
            "not_bittorrent",
            Some("unknown"),
        ),
    ];
    let mut peers: Vec<SocketAddr> = cases.iter().map(|(_, addr, ..)| *addr).collect();
    peers.push(drips);
    let view = run(&payload, options(&peers)).await;
    let report = as_json(&view);
    for (name, addr, cause, looks_like) in &cases {
        let peer = peer_of(&report, *addr);
        assert_eq!(peer["cause"], *cause, "{name}: {peer:#}");
        assert_eq!(peer["looks_like"], looks_like.map_or(Value::Null, Value::from), "{name}: {peer:#}");
        assert_eq!((&peer["group"], &peer["live"]), (&json!("failed"), &json!(false)), "{name}");
        let tries = peer["attempts"].as_array().unwrap();
        assert_eq!(tries[0]["cause"], *cause, "{name}");
        let opened = !matches!(*cause, "connection_refused" | "connect_timeout");
        assert_eq!(tries[0]["connect_ms"].is_u64(), opened, "{name}");
        assert_eq!(tries[0]["handshake_ms"], Value::Null, "{name}");
        assert_eq!(peer["stage"], if opened { "handshake_sent" } else { "dialling" }, "{name}");
    }
    let error = &peer_of(&report, cases[0].1)["attempts"][0]["error"];
    assert!(error.as_str().unwrap().contains("refused"), "{error}");
    let peer = peer_of(&report, drips);
    assert!(
        peer["stage"] == "handshaken" && peer["client"] == "Transmission 4.0.6",
        "byte by byte: {peer:#}"
    );
    let http = peer_of(&report, cases[10].1);
    let detail = http["detail"].as_str().unwrap();
    assert!(detail.contains(r#""HTTP/1.1 400 Bad Request\r\n\r\n""#), "{detail}");
    // What a stranger sends reaches no terminal as it is.
    for written in [
        report::check::json(&view),
        report::check::csv(&view).replace("\r\n", ""),
        report::check::markdown(&view).replace('\n', ""),
        report::check::text(&view).replace('\n', ""),
    ] {
        assert!(!written.contains(char::is_control), "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_after_a_handshake_is_named() {
    let payload = payload();
    let all = message(&Message::Bitfield(vec![0xf0].into()));
    let unchoke = message(&Message::Unchoke);
    let with = |parts: &[&[u8]]| parts.concat();
    let have_nine = with(&[&all, &message(&Message::Have(9))]);
    let block = |index: u32| {
        let mut block = (9 + 16_384u32).to_be_bytes().to_vec();
        block.push(7);
        block.extend(index.to_be_bytes());
        block.extend(0u32.to_be_bytes());
        block.resize(block.len() + 16_384, 0);
        block
    };
    let extended = |payload: &[u8]| message(&Message::Extended { id: 0, payload: payload.to_vec().into() });
    let flood: Vec<u8> = (0..3000)
        .flat_map(|_| message(&Message::Request(BlockSpec { index: 0, begin: 0, length: 16_384 })))
        .collect();
    let resets_later = talks(&payload, b'r', &all, |wire| async move {
        // Behind what it said first, so that something was said.
        sleep(Duration::from_millis(300)).await;
        wire.reset();
    })
    .await;
    let closes_later = talks(&payload, b'l', &all, |wire| async move {
        sleep(Duration::from_millis(300)).await;
        wire.leave().await;
    })
    .await;
    let hangs_up = talks(&payload, b'h', b"", Wire::leave).await;
    let cases: Vec<(&str, SocketAddr, &str, &str)> = vec![
        (
            "too long a message",
            talks(&payload, b'1', &[0x7f, 0, 0, 0, 20], listen_only).await,
            "message_too_large",
            "failed",
        ),
        (
            "a message of a wrong length",
            talks(&payload, b'2', &[0, 0, 0, 2, 4, 0], listen_only).await,
            "bad_message",
            "failed",
        ),
        (
            "spare bits",
            talks(&payload, b'3', &message(&Message::Bitfield(vec![0xff].into())), listen_only).await,
            "bad_bitfield",
            "failed",
        ),
        (
            "too many bytes",
            talks(&payload, b'4', &message(&Message::Bitfield(vec![0xf0, 0].into())), listen_only).await,
            "bad_bitfield",
            "failed",
        ),
        (
            "a piece there is not",
            talks(&payload, b'5', &have_nine, listen_only).await,
            "piece_out_of_range",
            "failed",
        ),
        (
            "data nobody asked for",
            talks(&payload, b'6', &with(&[&all, &block(1)]), listen_only).await,
            "unrequested_block",
            "failed",
        ),
        (
            "data of no piece",
            talks(&payload, b'7', &with(&[&all, &block(77)]), listen_only).await,
            "piece_out_of_range",
            "failed",
        ),
        (
            "a broken introduction",
            talks(&payload, b'8', &extended(b"not bencode"), listen_only).await,
            "bad_extension_message",
            "failed",
        ),
        ("a flood of requests", talks(&payload, b'9', &flood, listen_only).await, "request_flood", "failed"),
        ("never unchokes", talks(&payload, b'a', &all, listen_only).await, "never_unchoked", "live"),
        (
            "unchokes and is silent",
            talks(&payload, b'b', &with(&[&all, &unchoke]), listen_only).await,
            "snubbed",
            "live",
        ),
        ("has nothing", talks(&payload, b'c', &unchoke, listen_only).await, "not_interesting", "live"),
        ("hangs up at once", hangs_up, "closed_after_handshake", "left"),
        ("leaves later", closes_later, "closed_by_peer", "left"),
        ("resets later", resets_later, "reset_by_peer", "left"),
    ];
    let liar = Seed::start(&payload, Script { lies_about: (0..4).collect(), ..Script::default() }).await;
    let honest = Seed::honest(&payload).await;
    let hostile_name = extended(b"d1:md7:ut_\x1b[2Ji3e6:ut_pexi1ee1:v13:\x1b]0;owned\x07\xe2\x80\xaee");
    let named = talks(&payload, b'n', &with(&[&all, &hostile_name]), listen_only).await;
    let twins =
        [talks(&payload, b'z', &all, listen_only).await, talks(&payload, b'z', &all, listen_only).await];
    let mut peers: Vec<SocketAddr> = cases.iter().map(|(_, addr, ..)| *addr).collect();
    peers.extend([liar.addr, honest.addr, named]);
    peers.extend(twins);
    let view = run(&payload, options(&peers)).await;
    let report = as_json(&view);
    for (name, addr, cause, group) in &cases {
        let peer = peer_of(&report, *addr);
        assert_eq!((&peer["cause"], &peer["group"]), (&json!(cause), &json!(group)), "{name}: {peer:#}");
        assert_eq!(peer["live"], *group == "live", "{name}");
        assert_eq!(peer["client"], "Transmission 4.0.6", "{name}");
        assert!(peer["attempts"][0]["bytes_in"].as_u64().unwrap() >= 68, "{name}: {peer:#}");
        assert!(peer["attempts"][0]["bytes_out"].as_u64().unwrap() >= 68, "{name}: {peer:#}");
    }
    let wrong = peer_of(&report, liar.addr);
    assert_eq!((&wrong["cause"], &wrong["group"]), (&json!("hash_failures"), &json!("failed")), "{wrong:#}");
    let good = peer_of(&report, honest.addr);
    assert_eq!(
        (&good["cause"], &good["stage"], &good["live"]),
        (&Value::Null, &json!("transferring"), &json!(true))
    );
    assert!(good["attempts"][0]["bytes_in"].as_u64().unwrap() > PIECE as u64, "{good:#}");
    assert_eq!(peer_of(&report, named)["extensions"], json!(["ut_·[2J", "ut_pex"]));
    let causes = twins.map(|addr| peer_of(&report, addr)["cause"].as_str().unwrap().to_owned());
    assert!(
        causes.contains(&"duplicate_peer_id".to_owned()) && causes.contains(&"never_unchoked".to_owned()),
        "{causes:?}"
    );
    let text = report::check::text(&view);
    assert!(!text.replace('\n', "").contains(|c: char| c.is_control() || c == '\u{202e}'), "{text}");
    // What it saw of us: no HAVE, nobody unchoked, one piece asked for.
    let seen = honest.seen();
    assert!(seen.messages.contains(&Message::Interested));
    assert!(!seen.messages.iter().any(|message| {
        matches!(message, Message::Have(_) | Message::Unchoke | Message::Bitfield(_) | Message::HaveAll)
    }));
    assert_eq!(honest.pieces_asked().len(), 1);
    assert_eq!(seen.requests.len(), 2);
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The fields of an object: those always there, and those that may be.
#[track_caller]
fn assert_fields(value: &Value, always: &[&str], sometimes: &[&str]) {
    let found = keys(value);
    let all: BTreeSet<&str> = always.iter().chain(sometimes).copied().collect();
    assert!(always.iter().all(|field| found.contains(field)), "{always:?} in {value:#}");
    assert!(found.is_subset(&all), "nothing but {all:?} in {value:#}");
}

#[track_caller]
fn assert_peer(peer: &Value, more: &[&str]) {
    let always = [
        "addr",
        "source",
        "stage",
        "live",
        "group",
        "cause",
        "client",
        "peer_id",
        "peer_id_hex",
        "reserved_hex",
        "extensions",
        "attempts",
    ];
    assert_fields(peer, &[&always[..], more].concat(), &["detail", "looks_like"]);
    let stages =
        ["queued", "dialling", "connected", "handshake_sent", "handshaken", "unchoked", "transferring"];
    assert!(stages.contains(&peer["stage"].as_str().unwrap()), "{peer:#}");
    let groups = ["live", "trying", "failed", "left", "queued", "banned"];
    assert!(groups.contains(&peer["group"].as_str().unwrap()), "{peer:#}");
    assert!(peer["live"].is_boolean() && peer["extensions"].is_array(), "{peer:#}");
    for attempt in peer["attempts"].as_array().unwrap() {
        let fields = [
            "direction",
            "transport",
            "encryption",
            "payload",
            "started_ms",
            "connect_ms",
            "handshake_ms",
            "bytes_in",
            "bytes_out",
            "cause",
            "error",
        ];
        assert_fields(attempt, &fields, &["resolved"]);
        assert!(["out", "in"].contains(&attempt["direction"].as_str().unwrap()), "{attempt:#}");
        assert_eq!(attempt["transport"], "tcp");
        assert!(["plain", "mse"].contains(&attempt["encryption"].as_str().unwrap()), "{attempt:#}");
        for number in ["started_ms", "bytes_in", "bytes_out"] {
            assert!(attempt[number].is_u64(), "{attempt:#}");
        }
    }
}

/// Runs `ttui check` to its end.
async fn program_check(lab: &Lab, payload: &Payload, more: &[&str]) -> support::program::Output {
    let mut command = command(lab);
    command.arg("check").arg(lab.torrent(payload)).args(more);
    Program::spawn(&mut command).ended().await
}

#[tokio::test(flavor = "multi_thread")]
async fn json_holds_every_field_of_the_contract() {
    let seed_payload = payload();
    let honest = Seed::honest(&seed_payload).await;
    let dead = nobody_at().await;
    let web = answers(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let ok = Tracker::http(Reply::Compact(vec![honest.addr, dead])).await;
    let refusing = Tracker::http(Reply::refusal("go \x1b[2Jaway")).await;
    let over_udp = Tracker::udp(Reply::Compact(vec![dead])).await;
    let (a, b, c) = (ok.url_with("/0123passkey/announce"), refusing.url(), over_udp.url());
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&a, &b]).tier(&[&c]).make();
    assert_eq!(payload.info_hash(), seed_payload.info_hash());
    let lab = Lab::new();
    let output = program_check(&lab, &payload, &["--json", "--peer", &web.to_string()]).await;
    assert_eq!((output.code(), output.stderr.as_slice()), (0, &[][..]));
    assert_eq!(output.stdout.len(), 1, "one line");
    let report = &output.json()[0];
    assert_fields(
        report,
        &["schema", "torrent", "duration_ms", "funnel", "groups", "trackers", "peers", "verdicts"],
        &[],
    );
    assert_eq!(report["schema"], "ttui.check/1");
    assert_eq!(report["torrent"], json!({"name": "it", "info_hash": payload.info_hash().to_string()}));
    assert!(report["duration_ms"].as_u64().unwrap() < 15_000);
    let funnel =
        json!({"known": 3, "dialled": 3, "connected": 2, "handshaken": 1, "unchoked": 1, "transferring": 1});
    assert_eq!(report["funnel"], funnel);
    let groups = json!({"live": 1, "trying": 0, "failed": 2, "left": 0, "queued": 0, "banned": 0});
    assert_eq!(report["groups"], groups);

    let tracker = |url: &str| {
        let url = url.split("/0123").next().unwrap().trim_end_matches("/announce");
        report["trackers"].as_array().unwrap().iter().find(|tracker| tracker["url"] == url).unwrap()
    };
    let counted = json!({"url": format!("http://{}", ok.addr), "status": "ok", "peers": 2, "handshaken": 1, "seeders": 5, "leechers": 7});
    assert_eq!(*tracker(&a), counted);
    let no = tracker(&b);
    assert_fields(no, &["url", "status", "code", "error", "peers", "handshaken"], &[]);
    assert_eq!((&no["status"], &no["code"]), (&json!("failed"), &json!("refused")));
    assert!(!no["error"].as_str().unwrap().contains(char::is_control));
    assert_eq!((&tracker(&c)["status"], &tracker(&c)["peers"]), (&json!("ok"), &json!(1)));

    report["peers"].as_array().unwrap().iter().for_each(|peer| assert_peer(peer, &[]));
    let live = peer_of(report, honest.addr);
    assert_eq!(live["source"], json!([format!("tracker:http://{}", ok.addr)]));
    assert_eq!(live["reserved_hex"], "0000000000100000");
    assert_eq!(live["peer_id"].as_str().unwrap().len(), 20);
    assert_eq!(live["peer_id_hex"].as_str().unwrap().len(), 40);
    let attempt = &live["attempts"][0];
    assert_eq!((&attempt["direction"], &attempt["encryption"]), (&json!("out"), &json!("plain")));
    assert_eq!((&attempt["payload"], &attempt["cause"]), (&json!("plain"), &Value::Null));
    assert!(attempt["connect_ms"].is_u64() && attempt["handshake_ms"].is_u64());
    let twice: BTreeSet<&str> = peer_of(report, dead)["source"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source.as_str().unwrap())
        .collect();
    assert_eq!(twice.len(), 2, "two trackers named it");
    let not = peer_of(report, web);
    assert_eq!((&not["source"], &not["looks_like"]), (&json!(["manual"]), &json!("http")));
    assert_eq!((&not["peer_id"], &not["client"]), (&Value::Null, &Value::Null));

    let verdicts = report["verdicts"].as_array().unwrap();
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        assert_fields(verdict, &["severity", "code", "text", "evidence"], &[]);
        assert!(["good", "info", "warn", "error"].contains(&verdict["severity"].as_str().unwrap()));
        assert!(verdict["evidence"].as_object().unwrap().values().all(Value::is_u64));
    }
    assert_eq!((&verdicts[0]["code"], &verdicts[0]["severity"]), (&json!("healthy"), &json!("good")));

    // No passkey, and no trace on disk.
    assert!(!output.stdout[0].contains("passkey"));
    assert!(is_empty(&lab.out()) && !lab.path("state").exists() && !lab.path("home").exists());

    // Every tracker of every tier heard of us, and of our leaving.
    for tracker in [&ok, &over_udp] {
        assert_eq!(tracker.events(), ["started", "stopped"]);
        assert_eq!(tracker.asked()[0].left, payload.bytes.len() as u64);
    }
    assert_eq!(refusing.events(), ["started"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_peers_of_which_forty_are_dead_are_tried_within_the_time_of_two_tries() {
    let payload = payload();
    let mut peers = Vec::new();
    let mut seeds = Vec::new();
    for _ in 0..60 {
        let seed = Seed::honest(&payload).await;
        peers.push(seed.addr);
        seeds.push(seed);
    }
    for n in 0..40 {
        peers.push(match n % 2 {
            0 => nobody_at().await,
            _ => {
                serve(|mut stream| async move {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                })
                .await
            }
        });
    }
    let began = Instant::now();
    let view = run(&payload, options(&peers)).await;
    // Whoever is silent has ten seconds plain and ten encrypted.
    assert!(began.elapsed() < Duration::from_secs(22), "{:?}", began.elapsed());
    let report = as_json(&view);
    let funnel = json!({"known": 100, "dialled": 100, "connected": 80, "handshaken": 60, "unchoked": 60, "transferring": 60});
    assert_eq!(report["funnel"], funnel);
    assert_eq!(report["groups"]["live"], 60);
    assert_eq!(report["groups"]["failed"], 40);
    let mut causes: BTreeMap<String, u32> = BTreeMap::new();
    for peer in report["peers"].as_array().unwrap() {
        *causes.entry(peer["cause"].to_string()).or_default() += 1;
    }
    let expected = [("\"connection_refused\"", 20), ("\"handshake_timeout\"", 20), ("null", 60)];
    assert_eq!(causes, expected.map(|(cause, count)| (cause.to_owned(), count)).into());
    assert_eq!(report["verdicts"][0]["code"], "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_when_its_time_is_up() {
    let payload = payload();
    let silent = serve(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let chokes = Seed::start(&payload, Script { chokes: true, ..Script::default() }).await;
    let lab = Lab::new();
    let began = Instant::now();
    let peers = [silent, chokes.addr].map(|addr| addr.to_string());
    let more = ["--for", "700ms", "--json", "--peer", &peers[0], "--peer", &peers[1]];
    let output = program_check(&lab, &payload, &more).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(output.code(), 0, "one shook hands");
    let report = &output.json()[0];
    assert!((700..2000).contains(&report["duration_ms"].as_u64().unwrap()), "{}", report["duration_ms"]);
    for (addr, stage, group) in [(silent, "handshake_sent", "failed"), (chokes.addr, "handshaken", "left")] {
        let peer = peer_of(report, addr);
        assert_eq!((&peer["cause"], &peer["stage"]), (&json!("not_answered"), &json!(stage)), "{peer:#}");
        assert_eq!((&peer["group"], &peer["live"]), (&json!(group), &json!(false)), "{peer:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_shaking_hands_is_status_1() {
    let payload = payload();
    let lab = Lab::new();
    let dead = nobody_at().await.to_string();
    let output = program_check(&lab, &payload, &["--peer", &dead]).await;
    assert_eq!((output.code(), output.stderr.len()), (1, 0));
    let output = program_check(&lab, &payload, &[]).await;
    assert_eq!((output.code(), output.stderr.len()), (1, 0), "nobody to try");
    assert!(output.stdout.iter().any(|line| line.starts_with("known 0 >")), "{:#?}", output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_ourselves_is_named_and_counts_nowhere() {
    let port = port_of_our_own();
    let ourselves = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let tracker = Tracker::http(Reply::Compact(vec![ourselves])).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let output = program_check(&lab, &payload, &["--json", "-p", &port.to_string()]).await;
    assert_eq!(output.code(), 1, "only we shook hands with ourselves: {:?}", output.stderr);
    let report = &output.json()[0];
    let peer = peer_of(report, ourselves);
    assert_eq!(peer["cause"], "self_connection", "{peer:#}");
    assert!(report["funnel"].as_object().unwrap().values().all(|peers| *peers == 0), "{report:#}");
    assert!(report["groups"].as_object().unwrap().values().all(|peers| *peers == 0), "{report:#}");
    assert_eq!(tracker.asked()[0].port, port);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_call_are_reported_too() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let silent = Tracker::http(Reply::Silence).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&silent.url()]).make();
    let running = tokio::spawn({
        let (torrent, time) = (payload.torrent.clone(), Duration::from_secs(3));
        check(torrent, CheckOptions { loopback: true, time, ..CheckOptions::default() }, pending())
    });
    let port = tracker.until("started").await.port;
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut other = TcpStream::connect(ours).await.unwrap();
    other.write_all(&handshake(InfoHash([9; 20]), b'o')).await.unwrap();
    let mut web = TcpStream::connect(ours).await.unwrap();
    web.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut caller = Wire::dial(ours, payload.info_hash()).await;
    caller.say(&[Message::Bitfield(vec![0xf0].into()), Message::Unchoke]).await;
    caller.expect(&Message::Interested).await;
    let wanted = caller
        .hear_until("a request", |heard| match heard {
            Heard::Message(Message::Request(spec)) => Some(*spec),
            _ => None,
        })
        .await;
    caller.send_block(wanted, payload.block(wanted.index, wanted.begin, wanted.length)).await;
    let view = soon("the check ends", running).await.unwrap().unwrap();
    let report = as_json(&view);
    let peers = report["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 1, "{report:#}");
    assert_eq!((&peers[0]["source"], &peers[0]["stage"]), (&json!(["incoming"]), &json!("transferring")));
    let attempt = &peers[0]["attempts"][0];
    assert_eq!((&attempt["direction"], &attempt["connect_ms"]), (&json!("in"), &Value::Null));
    let funnel =
        json!({"known": 1, "dialled": 1, "connected": 1, "handshaken": 1, "unchoked": 1, "transferring": 1});
    assert_eq!(report["funnel"], funnel);
    let failed: BTreeSet<&str> = view.failed_calls.iter().map(|call| call.cause.info().code).collect();
    assert_eq!(failed, ["not_bittorrent", "unknown_info_hash"].into());
    assert_eq!(report["trackers"][1]["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_dialled_and_calls_is_one_peer() {
    let payload = payload();
    let tracker = Tracker::http(Reply::nobody()).await;
    let silent = Tracker::http(Reply::Silence).await;
    let dead = nobody_at().await;
    let with_trackers =
        Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&silent.url()]).make();
    let running = tokio::spawn({
        let time = Duration::from_secs(2);
        let options = CheckOptions { loopback: true, time, peers: vec![dead], ..CheckOptions::default() };
        check(with_trackers.torrent.clone(), options, pending())
    });
    let port = tracker.until("started").await.port;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    stream.write_all(&handshake(payload.info_hash(), b'q')).await.unwrap();
    let mut caller = Wire::new(stream);
    caller.handshake().await.unwrap();
    let listens = ExtensionHandshake { listen_port: Some(dead.port()), ..ExtensionHandshake::default() };
    caller.say(&[Message::Extended { id: 0, payload: listens.encode().into() }]).await;
    let view = soon("the check ends", running).await.unwrap().unwrap();
    let report = as_json(&view);
    assert_eq!(report["peers"].as_array().unwrap().len(), 1, "{report:#}");
    let peer = peer_of(&report, dead);
    assert_eq!(peer["source"], json!(["manual", "incoming"]));
    let directions: Vec<&Value> =
        peer["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["direction"]).collect();
    assert_eq!(directions, ["out", "in"]);
    assert_eq!((&peer["stage"], &report["funnel"]["known"]), (&json!("handshaken"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn privacy_hides_addresses_in_every_form() {
    let payload = payload();
    let liar = Seed::start(&payload, Script { lies_about: (0..4).collect(), ..Script::default() }).await;
    let dead = nobody_at().await;
    let lab = Lab::new();
    for form in [&[][..], &["--json"], &["--csv"], &["--markdown"]] {
        let peers = [liar.addr, dead].map(|addr| addr.to_string());
        let more = ["--privacy", "--peer", &peers[0], "--peer", &peers[1]];
        let output = program_check(&lab, &payload, &[&more[..], form].concat()).await;
        let text = output.stdout.join("\n");
        assert_eq!(output.code(), 0, "{form:?}");
        assert!(!text.contains("127.0.0.1"), "{form:?}: {text}");
        for addr in [liar.addr, dead] {
            assert!(text.contains(&format!(":{}", addr.port())), "{form:?}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_has_one_line_a_peer_and_markdown_a_table() {
    let payload = payload();
    let honest = Seed::honest(&payload).await;
    let web = answers(b"HTTP/1.1 400 \"no\", sorry | *bold*\r\n\r\n").await;
    let view = run(&payload, options(&[honest.addr, web])).await;
    let csv = report::check::csv(&view);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "a line of names, two peers, and the end: {csv}");
    assert!(lines[0].starts_with("addr,source,stage,live,group,cause,"));
    assert!(lines[1].starts_with(&format!("{},manual,transferring,true,live,,", honest.addr)), "{csv}");
    assert!(
        lines[2].starts_with(&format!("{web},manual,handshake_sent,false,failed,not_bittorrent,\"")),
        "{csv}"
    );
    assert!(!lines[2].contains("\"no\","), "quotes are doubled: {csv}");
    let markdown = report::check::markdown(&view);
    assert!(markdown.contains("| 2 | 2 | 2 | 1 | 1 | 1 |"), "{markdown}");
    assert!(markdown.contains(&format!("| {web} | failed | not_bittorrent |")), "{markdown}");
    assert!(markdown.contains("\\*bold\\*") && markdown.contains("\\|"), "{markdown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handshake_is_shown_byte_by_byte() {
    let payload = payload();
    let lab = Lab::new();
    let torrent = lab.torrent(&payload);
    let theirs = handshake(payload.info_hash(), b'x');
    let good = talks(&payload, b'x', b"", listen_only).await;
    let shake = async |addr: SocketAddr, more: &[&str]| {
        let mut command = command(&lab);
        command.arg("handshake").arg(&torrent).arg(addr.to_string()).args(more);
        Program::spawn(&mut command).ended().await
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    let output = shake(good, &["--json"]).await;
    assert_eq!((output.code(), output.stderr.len()), (0, 0));
    let report = &output.json()[0];
    assert_peer(report, &["sent_hex", "received_hex"]);
    assert_eq!(report["received_hex"], hex(&theirs));
    let sent = report["sent_hex"].as_str().unwrap();
    assert_eq!((sent.len(), &sent[56..96]), (136, payload.info_hash().to_string().as_str()));
    assert_eq!((&report["client"], &report["live"]), (&json!("Transmission 4.0.6"), &json!(true)));
    assert_eq!((&report["cause"], &report["attempts"][0]["bytes_in"]), (&Value::Null, &json!(68)));

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
async fn an_interrupt_ends_it_with_a_report_and_status_1() {
    let payload = payload();
    let chokes = Seed::start(&payload, Script { chokes: true, ..Script::default() }).await;
    let lab = Lab::new();
    let mut command = command(&lab);
    command.arg("check").arg(lab.torrent(&payload)).args(["--json", "--peer", &chokes.addr.to_string()]);
    let program = Program::spawn(&mut command);
    chokes.until("it shook hands", |seen| seen.handshakes > 0).await;
    let began = Instant::now();
    program.signal(Signal::INT);
    let output = program.ended().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(output.code(), 1);
    assert_eq!(peer_of(&output.json()[0], chokes.addr)["cause"], "not_answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn causes_of_the_network_are_named() {
    let payload = payload();
    let lab = Lab::new();
    let routes =
        "ip link set lo up && ip route add unreachable 10.1.0.0/16 && ip route add prohibit 10.2.0.0/16";
    let cases = [
        ("10.1.0.1:5", "host_unreachable"),
        ("10.2.0.1:5", "permission_denied"),
        ("10.3.0.1:5", "network_unreachable"),
        ("[2001:db8::1]:5", "network_unreachable"),
        ("224.0.0.1:5", "invalid_address"),
    ];
    let peers: String = cases.iter().map(|(addr, _)| format!(" --peer {addr}")).collect();
    let torrent = lab.torrent(&payload);
    let script = format!(
        "{routes} && exec '{}' check '{}' --json{peers}",
        env!("CARGO_BIN_EXE_ttui"),
        torrent.display()
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["-rn", "sh", "-c", &script]).current_dir(lab.path("."));
    let output = Program::spawn(&mut command).ended().await;
    if output.stdout.is_empty() {
        let reason = output.stderr.join(" ");
        assert!(std::env::var_os("CI").is_none(), "CI must allow network namespaces: {reason}");
        println!("skipped: no network namespace can be made here: {reason}");
        return;
    }
    assert_eq!(output.code(), 1);
    let report = &output.json()[0];
    for (addr, cause) in cases {
        let peer = peer_of(report, addr.parse().unwrap());
        assert_eq!(peer["cause"], cause, "{peer:#}");
        let error = &peer["attempts"][0]["error"];
        assert_eq!(error.is_string(), cause != "invalid_address", "{peer:#}");
    }
    assert_eq!(report["funnel"]["dialled"], 4, "where no peer can be nobody is dialled");
}
