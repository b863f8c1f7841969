//! Staged swarms, each with one sickness: what `check` and a download, without a screen and on one, say first, and what
//! beside it; and twins that look alike and are well, of which nothing is said.

use std::net::SocketAddr;

use serde_json::{Value, json};
use ttui::swarm::{EncryptionPolicy, TransportPolicy};

use crate::support::{Reply, namespace};
use crate::swarms::Does::*;
use crate::swarms::{Fact, Swarm};

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

#[tokio::test(flavor = "multi_thread")]
async fn all_who_answer_have_another_torrent() {
    let sick = Swarm::new().peers(8, HasAnotherTorrent).await;
    let words = "All 8 peers that answered share another torrent: 09090909";
    let (report, told) = sick.is_led_by_alone("other_torrent", words, Fact::Dials).await;
    assert!(text_of(&report, "other_torrent").starts_with(words), "{report:#}");
    assert_eq!(report["verdicts"][0]["evidence"], json!({"answered": 8, "other_torrent": 8}));

    // As many have the right one: those that do not are a matter of their own.
    let well = Swarm::of_pieces(32).peers(3, HasAnotherTorrent).await.peers(3, ServesAt(10_000)).await;
    let report = well.never_says(&told, Fact::Dials).await;
    assert_eq!(codes(&report)[0], "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_answers_are_the_same_web_page() {
    let sick = Swarm::new().peers(8, Answers(PAGE)).await;
    let words = "All 8 peers that answered are no BitTorrent client but http: “HTTP/1.1 302";
    let (report, told) = sick.is_led_by_alone("answered_by_others", words, Fact::Dials).await;
    assert!(text_of(&report, "answered_by_others").starts_with(words), "{report:#}");

    // Services of several kinds are no portal.
    let well = Swarm::new().peers(3, Answers(PAGE)).await.peers(3, Answers(b"SSH-2.0-OpenSSH_9.2\r\n")).await;
    let well = well.peers(2, Answers(b"220 mail.example ESMTP\r\n")).await;
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_off_and_all_hang_up() {
    let sick =
        Swarm::new().peers(8, HangsUp).await.options(|options| options.encryption = EncryptionPolicy::Off);
    let words = "our setting forbids the try that would tell";
    let (_, told) = sick.is_led_by_alone("encryption_wanted", words, Fact::Dials).await;
    let output = sick.program_check().await.stdout.join("\n");
    assert!(output.contains("start ttui with --encryption prefer-plain."), "{output}");

    // Where both ways were tried, encryption is not what they want.
    Swarm::new().peers(8, HangsUp).await.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refuse_that_the_tracker_names() {
    let sick = Swarm::new().tracker(14, Refuses).await;
    let words = "named 14 peers, and none of them can be reached";
    let (_, told) = sick.is_led_by_alone("stale_tracker", words, Fact::Dials).await;

    // One that opens the connection is enough: the tracker is not to blame.
    let mut well = Swarm::new();
    let dead = well.make(13, Refuses).await;
    let well = well.tracker_also(dead, 1, HangsUp).await;
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_reached_over_tcp_and_none_over_utp() {
    let sick = Swarm::new().peers(8, Serves).await.checked_over_both();
    let words = "8 peers shook hands over TCP and failed over uTP; nobody shook hands over uTP.";
    let report = sick.check_says("healthy", "tcp_only", words).await;
    assert_eq!(codes(&report), ["healthy", "tcp_only"]);
    assert_eq!(report["verdicts"][1]["evidence"], json!({"blocked": 8, "tcp": 8, "utp": 0}));

    // One that is reached over both shows that uTP gets through.
    let well = Swarm::new().peers(6, Serves).await.programs(1, TransportPolicy::Both).await;
    let report = well.checked_over_both().check_never_says("tcp_only").await;
    assert_eq!(codes(&report), ["healthy"]);
    // Who only asks over TCP learns nothing of uTP.
    Swarm::new().peers(8, Serves).await.check_never_says("tcp_only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_reached_over_utp_and_none_over_tcp() {
    let sick = Swarm::of_pieces(32).programs(6, TransportPolicy::Utp).await.checked_over_both();
    let words = "6 peers shook hands over uTP and failed over TCP; nobody shook hands over TCP.";
    let report = sick.check_says("healthy", "utp_only", words).await;
    assert_eq!(report["verdicts"][1]["evidence"], json!({"blocked": 6, "tcp": 0, "utp": 6}));
    let told = sick.download_says("healthy", "utp_only", words, Fact::Connected(0)).await;

    // One that is reached over both shows that TCP gets through.
    let well = Swarm::of_pieces(32).programs(6, TransportPolicy::Utp).await;
    let well = well.programs(1, TransportPolicy::Both).await.checked_over_both();
    well.never_says(&told, Fact::Connected(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_without_a_tracker_says_so() {
    let sick = Swarm::new();
    let words = "the torrent names no tracker";
    let (report, _) = sick.is_led_by_alone("no_sources", words, Fact::Trackers).await;
    assert_eq!(report["availability"], Value::Null);
    let told = "Nobody can be found: the torrent names no tracker, and the DHT is off.";
    assert_eq!(text_of(&report, "no_sources"), told);
    let output = sick.program_check().await.stdout.join("\n");
    assert!(output.contains("--peer NAME:PORT") && !output.contains("Look again"), "{output}");

    // A tracker that names nobody is another matter.
    let well = Swarm::new().tracker_says(Reply::nobody()).await;
    let words = "counts 5 seeds and names none of them";
    well.is_led_by_alone("no_peers_known", words, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_nobody_has_is_told_beside_what_works() {
    let sick = Swarm::of_pieces(40).peers(5, Lacks { piece: 3, bps: 20_000 }).await;
    let words = "No peer has 1 of the 40 pieces: those that shook hands hold 97.5 % of the torrent";
    let report = sick.check_says("healthy", "pieces_missing", words).await;
    assert_eq!(codes(&report), ["healthy", "pieces_missing"]);
    assert!(text_of(&report, "pieces_missing").starts_with(words), "{report:#}");
    assert_eq!(report["availability"], json!({"share": 0.975, "copies": 0.975}));
    let output = sick.program_check().await.stdout.join("\n");
    assert!(output.contains("Who shook hands holds 97.5 % of it, in 0.97 copies"), "{output}");
    // A download that goes well says so until that piece alone is missing.
    let words = "no peer we are connected to has the one missing piece";
    let told = sick.download_is_led_by("pieces_missing", words, Fact::LastBlock(0)).await;
    assert_eq!(told.list(), ["pieces_missing"]);

    // One peer more has that piece and no other.
    let well = Swarm::of_pieces(40).peers(5, Lacks { piece: 3, bps: 20_000 }).await;
    let well = well.peers(1, HasOnly(3)).await;
    let report = well.never_says(&told, Fact::LastBlock(5)).await;
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
    let silent = |n: u16| SocketAddr::new(format!("fd00:9::{n}").parse().unwrap(), 6881);
    let sick = Swarm::of_pieces(64).peers(3, ServesAt(20_000)).await.at((1..11).map(silent));
    let words =
        "None of the 10 IPv6 peers can be reached: all are silent, while 3 of the 3 IPv4 peers answer.";
    let (report, told) = tokio::join!(
        sick.check_says("healthy", "address_family_dead", words),
        sick.download_says("healthy", "address_family_dead", words, Fact::Dials)
    );
    assert_eq!(codes(&report), ["healthy", "address_family_dead"], "{report:#}");
    assert_eq!(text_of(&report, "address_family_dead"), words);
    assert_eq!(told.list(), ["healthy", "address_family_dead"]);

    // One of them answers: the others are away.
    let well = Swarm::of_pieces(64).peers(3, ServesAt(20_000)).await.at((1..10).map(silent));
    let well = well.at_loopback_v6(20_000).await;
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_explains_is_called_so_as_soon_as_everybody_was_tried() {
    let sick = Swarm::new().peers(2, Refuses).await.peers(1, HangsUp).await;
    let words = "none of the 3 peers shook hands";
    sick.check_is_led_by("unknown", words).await;
    sick.download_is_led_by("stalled", words, Fact::Dials).await;
}
