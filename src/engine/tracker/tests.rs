mod http;
mod udp;

use super::*;
use crate::engine::listen::Listener;
use crate::metainfo::{InfoHash, PeerId};

/// Far above what any step takes here, far below what a person would wait.
const LONG: Duration = Duration::from_secs(20);

fn params() -> AnnounceParams {
    AnnounceParams {
        info_hash: InfoHash(*b"\x00\xff hash-of-a-torrent"),
        peer_id: PeerId(*b"-Tu0100-abcdefghijkl"),
        port: 6881,
        uploaded_bytes: 1,
        downloaded_bytes: 2,
        left_bytes: 3,
        kind: AnnounceKind::Started,
        key: 0xBEEF,
        numwant: 200,
        tracker_id: None,
    }
}

/// With a UDP port of its own.
fn client(settings: Settings) -> Client {
    let udp = Listener::bind_loopback().unwrap().udp();
    tokio::spawn(udp.clone().run());
    Client::new(settings, udp)
}

async fn announce_with(settings: Settings, url: &str) -> Result<Answer, Failure> {
    timeout(LONG, client(settings).announce(url, &params())).await.expect("an announce is bounded in time")
}

async fn announce(url: &str) -> Result<Answer, Failure> {
    announce_with(Settings::default(), url).await
}

fn error_of(outcome: Result<Answer, Failure>) -> (TrackerError, String) {
    let failure = outcome.expect_err("it failed");
    (failure.error, failure.text)
}

#[tokio::test]
async fn refuses_urls_it_cannot_ask() {
    for url in
        ["wss://t.example/", "udp://t.example/announce", "http://", "nonsense", "", "file:///etc/passwd"]
    {
        assert_eq!(error_of(announce(url).await).0, TrackerError::UnsupportedUrl, "{url}");
    }
}

#[tokio::test]
async fn says_which_name_has_no_address() {
    let host = "a".repeat(70);
    for scheme in ["http", "udp"] {
        let (error, text) = error_of(announce(&format!("{scheme}://{host}:80/secret")).await);
        assert_eq!(error, TrackerError::DnsFailed);
        assert!(text.starts_with("aaaa") && !text.contains("secret"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_other_family_only_as_long_again() {
    let after = async |seconds: u64, outcome: Result<u64, u64>| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        outcome
    };
    let began = Instant::now();
    assert_eq!(both(after(1, Ok(1)), after(60, Ok(2))).await, (Ok(1), None));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(both(after(60, Ok(1)), after(10, Ok(2))).await, (Ok(2), None));
    assert_eq!(both(after(3, Ok(1)), after(2, Ok(2))).await, (Ok(2), Some(Ok(1))));
    assert_eq!(both(after(1, Err(1)), after(60, Ok(2))).await, (Err(1), Some(Ok(2))));
}

#[test]
fn puts_the_answers_of_two_families_together() {
    let reply = |peers: &[&str], seeders| TrackerReply {
        peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
        interval_s: 900,
        seeders,
        ..TrackerReply::default()
    };
    let answer = merge(vec![
        (reply(&["10.0.0.1:1", "10.0.0.1:1", "10.0.0.2:1"], Some(4)), "127.0.0.1:80".parse().unwrap()),
        (reply(&["[fd00::1]:1", "10.0.0.2:1"], None), "[fd00::9]:80".parse().unwrap()),
    ]);
    assert_eq!(answer.announced.peers, 3);
    assert_eq!(answer.peers.len(), 3);
    assert_eq!(answer.scope, Scope::Private, "the wider of the two, which may name less");
    assert_eq!(answer.announced.seeders, Some(4));
}

#[test]
fn tells_path_and_query_of_a_udp_url() {
    let data = |url: &str| url_data(&Url::parse(url).unwrap());
    assert_eq!(data("udp://t:1"), "");
    assert_eq!(data("udp://t:1/"), "");
    assert_eq!(data("udp://t:1/announce"), "/announce");
    assert_eq!(data("udp://t:1/a/b?k=1"), "/a/b?k=1");
    assert_eq!(data("udp://t:1?k=1"), "/?k=1");
}
