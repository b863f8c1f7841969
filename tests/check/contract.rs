//! What `check` writes: the JSON contract, CSV, Markdown, statuses, and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use ttui::engine::Options;
use ttui::report;
use ttui::swarm::TransportPolicy;
use ttui::utp::Settings;

use crate::peers::{
    PIECE, answers, as_json, options, payload, peer_of, program_check, run, serve, source_of,
};
use crate::support::program::command;
use crate::support::{Lab, Program, Recipe, Reply, Script, Seed, Tracker, is_empty, nobody_at, soon, until};

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
pub(crate) fn assert_peer(peer: &Value, more: &[&str]) {
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
    assert_fields(peer, &[&always[..], more].concat(), &["detail", "looks_like", "stream"]);
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
        assert!(["tcp", "utp"].contains(&attempt["transport"].as_str().unwrap()), "{attempt:#}");
        assert!(["plain", "mse"].contains(&attempt["encryption"].as_str().unwrap()), "{attempt:#}");
        for number in ["started_ms", "bytes_in", "bytes_out"] {
            assert!(attempt[number].is_u64(), "{attempt:#}");
        }
    }
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
        &[
            "schema",
            "torrent",
            "duration_ms",
            "funnel",
            "groups",
            "availability",
            "trackers",
            "peers",
            "sources",
            "verdicts",
        ],
        &[],
    );
    let pending = json!({"kind": "pex", "status": "pending", "peers": 0, "handshaken": 0});
    assert_eq!(*source_of(report, "pex"), pending, "peers that say nothing of others name none");
    assert_eq!(report["availability"], json!({"share": 1.0, "copies": 1.0}), "one peer has everything");
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
    let chokes = Seed::start(&payload, Script { unchokes: None, ..Script::default() }).await;
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
async fn json_says_how_the_stream_of_a_peer_over_utp_went() {
    let payload = payload();
    let (from, lab) = (Lab::new(), Lab::new());
    payload.lay_out(&from.out());
    let transport = TransportPolicy::Utp;
    let mut seed = from.start_with(&payload, Options { transport, ..from.options(&[]) });
    soon("the seed has looked at its files", seed.completed()).await.unwrap();
    let port = until(&seed, "the seed listens", |view| view.port).await;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let more = ["--json", "--transport", "utp", "--peer", &addr.to_string()];
    let output = program_check(&lab, &payload, &more).await;
    assert_eq!(output.code(), 0, "{:?}", output.stderr);
    let peer = peer_of(&output.json()[0], addr).clone();
    assert_peer(&peer, &["stream"]);
    assert_eq!(peer["attempts"][0]["transport"], "utp");
    let stream = &peer["stream"];
    let measured = ["rtt_us", "our_delay_us", "their_delay_us"];
    let counted = [
        "window_bytes",
        "peer_window_bytes",
        "in_flight_bytes",
        "sent",
        "received",
        "resent_fast",
        "resent_timeout",
        "duplicates",
        "mtu_bytes",
    ];
    assert_fields(stream, &[&measured[..], &counted, &["limited_by"]].concat(), &[]);
    assert!(measured.iter().all(|name| stream[name].is_u64() || stream[name].is_null()), "{stream:#}");
    assert!(counted.iter().all(|name| stream[name].is_u64()), "{stream:#}");
    assert!(stream["rtt_us"].is_u64(), "there and back within the handshake: {stream:#}");
    // The peer may know by then that longer packets pass than those that we send.
    let most = u64::from(Settings::default().most_bytes_v4);
    assert!(stream["received"].as_u64().unwrap() * most >= PIECE as u64, "a piece came over it: {stream:#}");
    let limits = ["window", "other_side", "delay_target", "nothing_to_send"];
    assert!(limits.contains(&stream["limited_by"].as_str().unwrap()), "{stream:#}");
    seed.stop().await.unwrap();
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
    let keys: Vec<_> = view.peers.iter().map(|peer| peer.key).collect();
    let csv = report::check::csv(&view, &keys, report::table::Rows::default());
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
async fn an_interrupt_ends_it_with_a_report_and_status_1() {
    let payload = payload();
    let chokes = Seed::start(&payload, Script { unchokes: None, ..Script::default() }).await;
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
