//! Staged swarms, each with one sickness: what `check` and a download without a screen say first, and what beside it;
//! and twins that look alike and are well, of which nothing is said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use ttui::metainfo::InfoHash;
use ttui::swarm::EncryptionPolicy;

use crate::peers::{PIECE, answers, as_json, handshake, options, payload, program_check, run, serve};
use crate::pty::{self, Pty};
use crate::support::{Lab, Payload, Recipe, Reply, Script, Seed, Tracker, namespace, nobody_at, program};
use crate::swarms::Stalls;

/// From the last fact that decides to the headline, milliseconds.
const AT_ONCE_MS: u64 = 2000;
const PAGE: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n";

/// The codes of a report's verdicts, the headline first.
fn codes(report: &Value) -> Vec<&str> {
    report["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["code"].as_str().unwrap()).collect()
}

#[track_caller]
fn text_of<'a>(report: &'a Value, code: &str) -> &'a str {
    let verdicts = report["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|verdict| verdict["code"] == code);
    found.unwrap_or_else(|| panic!("{code} in {verdicts:#?}"))["text"].as_str().unwrap()
}

async fn checked(payload: &Payload, peers: &[SocketAddr]) -> Value {
    let view = run(payload, options(peers)).await;
    as_json(&view)
}

fn named(peers: &[SocketAddr]) -> Vec<String> {
    peers.iter().flat_map(|peer| ["--peer".to_owned(), peer.to_string()]).collect()
}

/// A download is led by this verdict as soon as the last dial has ended, and so is its screen.
async fn is_headline(
    payload: &Payload,
    peers: &[SocketAddr],
    more: &[&str],
    (code, words): (&str, &'static str),
) {
    let (lab, peers) = (Lab::new(), named(peers));
    let arguments: Vec<&str> = peers.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let program = program::download(&lab, payload, &arguments);
    let told = program.until(code, |line| line["verdict"] == code).await;
    let lines = program.output().json();
    let tried = |line: &&Value| {
        let count = |group: &str| line["peers"][group].as_u64().unwrap();
        line["funnel"]["known"] != 0 && count("trying") + count("queued") == 0
    };
    let decided = lines.iter().find(tried).unwrap_or(&told)["t_ms"].as_u64();
    let late = told["t_ms"].as_u64().unwrap().saturating_sub(decided.unwrap());
    assert!(late < AT_ONCE_MS, "{code} {late} ms after the last dial: {lines:#?}");
    is_shown_first(payload, &arguments, words, told["t_ms"].as_u64().unwrap());
}

/// The first thing that the screen says of the whole is this, at both sizes that people have most, and it says so at
/// once when a run without a screen told it, so many milliseconds after it began.
#[track_caller]
fn is_shown_first(payload: &Payload, arguments: &[&str], words: &'static str, told_ms: u64) {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let lab = Lab::new();
        let (torrent, out) = (lab.torrent(payload), lab.out());
        let mut command = pty::ttui(&lab, &[torrent.to_str().unwrap(), "-o", out.to_str().unwrap()]);
        command.args(arguments);
        let (began, stalls) = (Instant::now(), Stalls::counted());
        let pty = Pty::spawn(command, columns, rows);
        pty.until(words, |screen| {
            let text = screen.contents();
            let said: Vec<&str> = text.split_whitespace().collect();
            let said = said.join(" ");
            let (_, first) = said.split_once(" ▲ Nothing arrives: ")?;
            first.split(" ▲ ").next()?.split("Where peers drop off").next()?.contains(words).then_some(())
        });
        let (shown, lost) = (began.elapsed(), stalls.total());
        let late = shown.saturating_sub(Duration::from_millis(told_ms));
        assert!(
            late < Duration::from_millis(AT_ONCE_MS) + lost,
            "{words:?} at {columns}×{rows} {late:?} late, {lost:?} of it lost to others"
        );
    }
}

async fn eight(of: impl AsyncFn(u8) -> SocketAddr) -> Vec<SocketAddr> {
    let mut peers = Vec::new();
    for number in 0..8 {
        peers.push(of(number).await);
    }
    peers
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_answer_have_another_torrent() {
    let payload = payload();
    let other = |number: u8| async move { answers(&handshake(InfoHash([9; 20]), number)).await };
    let peers = eight(other).await;
    let report = checked(&payload, &peers).await;
    assert_eq!(codes(&report), ["other_torrent"]);
    let text = text_of(&report, "other_torrent");
    let words = "All 8 peers that answered share another torrent: 09090909";
    assert!(text.starts_with(words), "{text}");
    assert_eq!(report["verdicts"][0]["evidence"], json!({"answered": 8, "other_torrent": 8}));
    is_headline(&payload, &peers, &[], ("other_torrent", "share another torrent")).await;

    // As many have the right one: those that do not are a matter of their own.
    let mut twin = peers;
    let mut seeds = Vec::new();
    for _ in 0..3 {
        seeds.push(Seed::honest(&payload).await);
    }
    twin.truncate(3);
    twin.extend(seeds.iter().map(|seed| seed.addr));
    let report = checked(&payload, &twin).await;
    assert_eq!(codes(&report)[0], "healthy");
    assert!(!codes(&report).contains(&"other_torrent"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_answers_are_the_same_web_page() {
    let payload = payload();
    let peers = eight(|_| answers(PAGE)).await;
    let report = checked(&payload, &peers).await;
    assert_eq!(codes(&report), ["answered_by_others"]);
    let text = text_of(&report, "answered_by_others");
    assert!(
        text.starts_with("All 8 peers that answered are no BitTorrent client but http: “HTTP/1.1 302"),
        "{text}"
    );
    is_headline(&payload, &peers, &[], ("answered_by_others", "are no BitTorrent client")).await;

    // Services of several kinds are no portal.
    let greetings: [&[u8]; 3] = [PAGE, b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example ESMTP\r\n"];
    let twin = eight(|number| answers(greetings[usize::from(number) % 3])).await;
    let report = checked(&payload, &twin).await;
    assert!(!codes(&report).contains(&"answered_by_others"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_off_and_all_hang_up() {
    let payload = payload();
    let hangs_up = |_| answers(b"");
    let peers = eight(hangs_up).await;
    let off = ttui::engine::CheckOptions { encryption: EncryptionPolicy::Off, ..options(&peers) };
    let view = run(&payload, off).await;
    let report = as_json(&view);
    assert_eq!(codes(&report), ["encryption_wanted"]);
    let text = text_of(&report, "encryption_wanted");
    assert!(text.contains("our setting forbids the try that would tell"), "{text}");
    let lab = Lab::new();
    let arguments = named(&peers);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--encryption", "off"]).collect();
    let output = program_check(&lab, &payload, &arguments).await.stdout.join("\n");
    assert!(output.contains("start ttui with --encryption prefer-plain."), "{output}");
    is_headline(&payload, &peers, &["--encryption", "off"], ("encryption_wanted", "our setting forbids"))
        .await;

    // Where both ways were tried, encryption is not what they want.
    let report = checked(&payload, &peers).await;
    assert!(!codes(&report).contains(&"encryption_wanted"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refuse_that_the_tracker_names() {
    let (mut dead, lab) = (Vec::new(), Lab::new());
    for _ in 0..14 {
        dead.push(nobody_at().await);
    }
    let tracker = Tracker::http(Reply::Compact(dead.clone())).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    let output = program_check(&lab, &payload, &["--json"]).await;
    let report = &output.json()[0];
    assert_eq!(codes(report), ["stale_tracker"]);
    assert!(text_of(report, "stale_tracker").contains("named 14 peers, and none of them can be reached"));
    is_headline(&payload, &[], &[], ("stale_tracker", "named 14 peers")).await;

    // One that opens the connection is enough: the tracker is not to blame.
    dead[13] = answers(b"").await;
    tracker.reply(Reply::Compact(dead));
    let output = program_check(&lab, &payload, &["--json"]).await;
    let report = &output.json()[0];
    assert!(!codes(report).contains(&"stale_tracker"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_without_a_tracker_says_so() {
    let (payload, lab) = (payload(), Lab::new());
    let output = program_check(&lab, &payload, &["--json"]).await;
    let report = &output.json()[0];
    assert_eq!((codes(report), &report["availability"]), (vec!["no_peers_known"], &Value::Null));
    assert_eq!(text_of(report, "no_peers_known"), "No peers are known: the torrent names no tracker.");
    let output = program_check(&lab, &payload, &[]).await.stdout.join("\n");
    assert!(output.contains("--peer NAME:PORT") && !output.contains("Look again"), "{output}");
    is_headline(&payload, &[], &[], ("no_peers_known", "names no tracker")).await;

    // A tracker that names nobody is another matter.
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    let output = program_check(&lab, &payload, &["--json"]).await;
    let text = text_of(&output.json()[0], "no_peers_known").to_owned();
    assert!(text.contains("counts 5 seeds and names none of them"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_nobody_has_is_told_beside_what_works() {
    let payload: Arc<Payload> = Recipe::file("it", 40 * PIECE, PIECE).make();
    let mut seeds = Vec::new();
    for _ in 0..5 {
        let has = Some((0..40).filter(|piece| *piece != 3).collect());
        seeds.push(Seed::start(&payload, Script { has, ..Script::default() }).await);
    }
    let mut peers: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
    let report = checked(&payload, &peers).await;
    assert_eq!(codes(&report), ["healthy", "pieces_missing"]);
    assert_eq!(report["availability"], json!({"share": 0.975, "copies": 0.975}));
    let text = text_of(&report, "pieces_missing");
    assert!(
        text.starts_with("No peer has 1 of the 40 pieces: those that shook hands hold 97.5 % of the torrent"),
        "{text}"
    );
    let (lab, arguments) = (Lab::new(), named(&peers));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = program_check(&lab, &payload, &arguments).await.stdout.join("\n");
    assert!(output.contains("Who shook hands holds 97.5 % of it, in 0.97 copies"), "{output}");

    // One peer more has that piece and no other.
    let last = Seed::start(&payload, Script { has: Some(vec![3]), ..Script::default() }).await;
    peers.push(last.addr);
    let report = checked(&payload, &peers).await;
    assert_eq!(codes(&report), ["healthy"]);
    assert_eq!(report["availability"], json!({"share": 1.0, "copies": 1.975}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_of_addresses_that_is_silent_is_told_beside_what_works() {
    // What is sent over this pair of interfaces arrives where nobody takes it.
    const VANISH: &str = "ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up \
                          && ip link set v0 arp off up && ip -6 addr add fd00:8::1/64 dev v0 nodad \
                          && ip -6 route add fd00:9::/64 dev v0";
    let test = "verdicts::a_family_of_addresses_that_is_silent_is_told_beside_what_works";
    if namespace::enter(test, VANISH) != namespace::Place::Inside {
        return;
    }
    let payload = payload();
    let mut seeds = Vec::new();
    for _ in 0..3 {
        seeds.push(Seed::honest(&payload).await);
    }
    let alive: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
    let silent = |n: u16| SocketAddr::new(format!("fd00:9::{n}").parse().unwrap(), 6881);
    let peers: Vec<SocketAddr> = alive.iter().copied().chain((1..11).map(silent)).collect();
    let (lab, arguments) = (Lab::new(), named(&peers));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--json"]).collect();
    let output = program_check(&lab, &payload, &arguments).await;
    let report = &output.json()[0];
    assert_eq!(codes(report), ["healthy", "address_family_dead"], "{report:#}");
    assert_eq!(
        text_of(report, "address_family_dead"),
        "None of the 10 IPv6 peers can be reached: all are silent, while 3 of the 3 IPv4 peers answer."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_explains_is_called_so_as_soon_as_everybody_was_tried() {
    let payload = payload();
    let cut = serve(|stream| async move { drop(stream) }).await;
    is_headline(
        &payload,
        &[nobody_at().await, cut, nobody_at().await],
        &[],
        ("stalled", "none of the 3 peers shook hands"),
    )
    .await;
}
