//! Downloads that find their peers through trackers on loopback, and what the trackers are told.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use support::{
    Asked, Certificate, Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker, Wire, nobody_at,
    peer_at, program, soon, until,
};
use tokio::time::Instant;
use ttui::command::Command;
use ttui::engine::Download;
use ttui::event::{Cause, Phase, Source, TrackerError, TrackerKey};
use ttui::ledger::{TrackerStatus, VerdictCode, View};

const PIECE: usize = 64 * 1024;

fn eight_pieces() -> Recipe {
    Recipe::file("it", 8 * PIECE - 777, PIECE)
}

async fn finish(lab: &Lab, payload: &Payload, mut download: Download) {
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&lab.out());
    soon("the download stops", download.stop()).await.unwrap();
}

/// The downloaded part of the torrent is known to one seed alone, which one tracker alone names.
async fn seeds_of_parts(payload: &Arc<Payload>, parts: u32) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for part in 0..parts {
        let has = (0..payload.pieces()).filter(|piece| piece % parts == part).collect();
        seeds.push(Seed::start(payload, Script { has: Some(has), ..Script::default() }).await);
    }
    seeds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_come_from_every_kind_of_answer_of_every_tier_at_once() {
    let trackers = [
        Tracker::http(Reply::nobody()).await,
        Tracker::http(Reply::nobody()).await,
        Tracker::udp(Reply::nobody()).await,
    ];
    let urls = trackers.each_ref().map(Tracker::url);
    let payload = eight_pieces().tier(&[&urls[0]]).tier(&[&urls[1]]).tier(&[&urls[2]]).make();
    let seeds = seeds_of_parts(&payload, 3).await;
    trackers[0].reply(Reply::Compact(vec![seeds[0].addr]));
    trackers[1].reply(Reply::Dictionaries(vec![seeds[1].addr]));
    trackers[2].reply(Reply::Compact(vec![seeds[2].addr]));
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    until(&download, "everything is here", |view| (view.phase == Phase::Seeding).then_some(())).await;
    let view = download.view();
    for (n, seed) in seeds.iter().enumerate() {
        let sources = &peer_at(&view, seed.addr).unwrap().sources;
        assert_eq!(sources, &[Source::Tracker(TrackerKey(n as u16))]);
        assert!(matches!(view.trackers[n].status, TrackerStatus::Ok(_)), "{:?}", view.trackers[n]);
    }
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_peers_and_an_ipv6_tracker_are_used() {
    let Some(udp) = Tracker::udp_over_ipv6(Reply::nobody()).await else {
        assert!(std::env::var_os("CI").is_none(), "CI must have IPv6");
        println!("skipped: this machine has no IPv6");
        return;
    };
    let http = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&http.url()]).tier(&[&udp.url()]).make();
    let mut seeds = Vec::new();
    for part in 0..2 {
        let has = (0..8).filter(|piece| piece % 2 == part).collect();
        let script = Script { ip: Ipv6Addr::LOCALHOST.into(), has: Some(has), ..Script::default() };
        seeds.push(Seed::start(&payload, script).await);
    }
    // One in `peers6` of an answer over IPv4, one in the eighteen-byte entries of a UDP answer over IPv6.
    http.reply(Reply::Compact(vec![seeds[0].addr]));
    udp.reply(Reply::Compact(vec![seeds[1].addr]));
    let lab = Lab::new();
    finish(&lab, &payload, lab.start(&payload, &[])).await;
}

/// What a tracker is told over the life of a download: asked by `via`, with a peer that takes some of it.
async fn told_over_a_life(tracker: Tracker, path: &str) {
    let url = tracker.url_with(path);
    let payload = eight_pieces().tier(&[&url]).make();
    let total = payload.bytes.len() as u64;
    let seed = Seed::start(&payload, Script { allowed: 4, ..Script::default() }).await;
    tracker.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let mut download = lab.start(&payload, &[]);
    let port = until(&download, "a port is listened on", |view| view.port).await;

    let started = tracker.until("started").await;
    assert_eq!((started.left, started.downloaded, started.uploaded), (total, 0, 0));
    assert_eq!(started.info_hash, payload.info_hash().0);
    assert!(started.peer_id.starts_with(b"-Tu0100-"), "{:?}", started.peer_id);
    assert_eq!(started.port, port);
    assert!(started.numwant > 0, "{}", started.numwant);

    seed.until("a part was sent", |seen| seen.sent.len() == 4).await;
    assert_eq!(tracker.events(), ["started"], "`completed` before it is");
    seed.allow(u64::MAX);
    soon("the download completes", download.completed()).await.unwrap();
    let completed = tracker.until("completed").await;
    assert_eq!(completed.left, 0);
    assert!((total..total + 64 * 16_384).contains(&completed.downloaded), "{}", completed.downloaded);

    let mut caller = Wire::dial((Ipv4Addr::LOCALHOST, port).into(), payload.info_hash()).await;
    caller.say(&[ttui::wire::Message::Interested]).await;
    caller.expect(&ttui::wire::Message::Unchoke).await;
    // When the last of four comes, the first three were counted.
    for piece in 0..4 {
        caller.fetch(&payload, piece).await;
    }
    soon("the download stops", download.stop()).await.unwrap();
    let stopped = tracker.until("stopped").await;
    assert_eq!((stopped.left, stopped.numwant), (0, 0));
    assert!((3 * PIECE as u64..=4 * PIECE as u64).contains(&stopped.uploaded), "{}", stopped.uploaded);
    assert_eq!(stopped.downloaded, completed.downloaded);

    assert_eq!(tracker.events(), ["started", "completed", "stopped"], "each exactly once");
    for asked in [&completed, &stopped] {
        let same =
            |asked: &Asked| (asked.key.clone(), asked.peer_id.clone(), asked.port, asked.info_hash.clone());
        assert_eq!(same(asked), same(&started), "known again as the same");
    }
}

/// A torrent with 200 trackers, each in a tier of its own: all at one address.
async fn two_hundred() -> (Tracker, Arc<Payload>, Lab) {
    let tracker = Tracker::http(Reply::nobody()).await;
    let urls = (0..200).map(|n| tracker.url_with(&format!("/{n}/announce")));
    let recipe = urls.fold(eight_pieces(), |recipe, url| recipe.tier(&[&url]));
    (tracker, recipe.make(), Lab::new())
}

/// The trackers of those 200 that heard this, by their paths.
fn who_heard(tracker: &Tracker, event: &str) -> BTreeSet<String> {
    let asked = tracker.asked();
    let heard = asked.iter().filter(|asked| asked.event == event);
    heard.map(|asked| asked.url.split('?').next().unwrap().to_owned()).collect()
}

/// Runs a download until all 200 have answered, and ends it. Returns how long the end took.
async fn end_with_two_hundred(tracker: &Tracker, payload: &Payload, lab: &Lab, reply: Reply) -> Duration {
    let download = lab.start(payload, &[]);
    let answered = |view: &View| {
        view.trackers.iter().all(|tracker| matches!(tracker.status, TrackerStatus::Ok(_))).then_some(())
    };
    until(&download, "all trackers answered", |view| answered(view).filter(|()| view.trackers.len() == 200))
        .await;
    assert_eq!(who_heard(tracker, "started").len(), 200);
    tracker.reply(reply);
    let began = Instant::now();
    soon("the download stops", download.stop()).await.unwrap();
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_trackers_all_hear_the_end() {
    let (tracker, payload, lab) = two_hundred().await;
    let took = end_with_two_hundred(&tracker, &payload, &lab, Reply::nobody()).await;
    assert_eq!(who_heard(&tracker, "stopped").len(), 200);
    assert!(took < Duration::from_secs(7), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_silent_trackers_fifty_are_told_at_once_and_the_rest_is_dropped() {
    let (tracker, payload, lab) = two_hundred().await;
    let took = end_with_two_hundred(&tracker, &payload, &lab, Reply::Silence).await;
    assert_eq!(who_heard(&tracker, "stopped").len(), 50);
    assert!((Duration::from_secs(5)..Duration::from_millis(7500)).contains(&took), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_starves_asks_again_as_soon_as_the_tracker_allows() {
    let answer = b"d8:intervali1800e12:min intervali5e5:peers6:\x7f\0\0\x01\0\x09e".to_vec();
    let tracker = Tracker::http(Reply::Body("200 OK", answer)).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    // Nobody listens at the one address it named; half an hour is not what a download waits for.
    tracker.until("").await;
    assert_eq!(tracker.events(), ["started", ""]);
    tracker.reply(Reply::Compact(vec![seed.addr]));
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_torrent_announces_to_the_next_tracker_when_one_fails() {
    let trackers = [
        Tracker::http(Reply::refusal("not here")).await,
        Tracker::http(Reply::nobody()).await,
        Tracker::http(Reply::nobody()).await,
    ];
    let urls = trackers.each_ref().map(Tracker::url);
    let payload = eight_pieces().private().tier(&[&urls[0], &urls[1]]).tier(&[&urls[2]]).make();
    let seed = Seed::honest(&payload).await;
    trackers[1].reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    finish(&lab, &payload, lab.start(&payload, &[])).await;
    let events = trackers.each_ref().map(Tracker::events);
    assert_eq!(events[0], ["started"]);
    assert_eq!(events[1], ["started", "completed", "stopped"]);
    assert!(events[2].is_empty(), "{:?}", events[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_tracker_hears_started_completed_and_stopped_once_each() {
    told_over_a_life(Tracker::http(Reply::nobody()).await, "/announce").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_udp_tracker_hears_started_completed_and_stopped_once_each() {
    told_over_a_life(Tracker::udp(Reply::nobody()).await, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_query_says_everything_the_way_trackers_read_it() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url_with("/announce?passkey=1%2B2")]).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let asked = tracker.until("started").await;
    let mut encoded = String::new();
    for byte in payload.info_hash().0 {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    assert!(
        asked.url.starts_with("/announce?passkey=1%2B2&")
            && asked.url.contains(&format!("info_hash={encoded}&")),
        "{}",
        asked.url
    );
    let names: BTreeSet<&str> = asked.params.keys().map(String::as_str).collect();
    let expected = [
        "passkey",
        "info_hash",
        "peer_id",
        "port",
        "uploaded",
        "downloaded",
        "left",
        "compact",
        "no_peer_id",
        "numwant",
        "key",
        "event",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(asked.params["compact"], b"1");
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_udp_tracker_is_told_the_path_and_query_of_its_url() {
    let tracker = Tracker::udp(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url_with("/announce?passkey=abc")]).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    assert_eq!(tracker.until("started").await.url, "/announce?passkey=abc");
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completed_is_not_said_of_what_was_complete_at_the_start() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    payload.lay_out(&lab.out());
    let mut download = lab.start(&payload, &[]);
    soon("it is found complete", download.completed()).await.unwrap();
    assert_eq!(tracker.until("started").await.left, 0);
    until(&download, "the tracker answered", |view| {
        matches!(view.trackers.first()?.status, TrackerStatus::Ok(_)).then_some(())
    })
    .await;
    soon("the download stops", download.stop()).await.unwrap();
    assert_eq!(tracker.events(), ["started", "stopped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_says_stopped_and_resuming_says_started() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let answered = |view: &View| matches!(view.trackers.first()?.status, TrackerStatus::Ok(_)).then_some(());
    until(&download, "the tracker answered", answered).await;
    download.send(Command::Pause);
    tracker.until("stopped").await;
    assert_eq!(tracker.events(), ["started", "stopped"]);
    download.send(Command::Resume);
    until(&download, "the tracker is asked again and answered", |view| {
        (tracker.events().len() == 3).then(|| answered(view)).flatten()
    })
    .await;
    assert_eq!(tracker.events(), ["started", "stopped", "started"]);
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_tier_and_a_silent_one_do_not_hold_up_a_live_one() {
    let dead = format!("http://{}/announce", nobody_at().await);
    let silent = Tracker::http(Reply::Silence).await;
    let silent_udp = Tracker::udp(Reply::Silence).await;
    let live = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces()
        .tier(&[&dead])
        .tier(&[&silent.url()])
        .tier(&[&silent_udp.url()])
        .tier(&[&live.url()])
        .make();
    let seed = Seed::honest(&payload).await;
    live.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    until(&download, "everything is here", |view| (view.phase == Phase::Seeding).then_some(())).await;
    let view = download.view();
    assert!(matches!(&view.trackers[0].status, TrackerStatus::Failed(TrackerError::ConnectFailed, _)));
    assert_eq!(view.trackers[1].status, TrackerStatus::Pending, "nobody waited for it");
    assert_eq!(view.trackers[2].status, TrackerStatus::Pending, "nobody waited for it");
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_tier_the_next_is_asked_when_one_fails() {
    let dead: Vec<String> =
        [nobody_at().await, nobody_at().await].iter().map(|addr| format!("http://{addr}/a")).collect();
    let live = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&dead[0], &dead[1], &live.url()]).make();
    let seed = Seed::honest(&payload).await;
    live.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    finish(&lab, &payload, lab.start(&payload, &[])).await;
    assert_eq!(live.events(), ["started", "completed", "stopped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_tracker_gives_way_to_the_next_of_its_tier() {
    let silent = Tracker::http(Reply::Silence).await;
    let live = Tracker::http(Reply::nobody()).await;
    // Shuffled: the live one may come first, in which case nothing waits, and that is as good.
    let payload = eight_pieces().tier(&[&silent.url(), &live.url()]).make();
    let seed = Seed::honest(&payload).await;
    live.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    finish(&lab, &payload, lab.start(&payload, &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_a_tracker_ends_the_download_and_each_is_named() {
    let failing = [
        (Reply::Body("200 OK", b"<!DOCTYPE html><title>Welcome</title>".to_vec()), TrackerError::NotATracker),
        (Reply::Body("200 OK", b"\x00\xff nonsense".to_vec()), TrackerError::NotATracker),
        (Reply::Body("200 OK", Vec::new()), TrackerError::NotATracker),
        (Reply::Body("200 OK", b"d8:intervali900e5:peers99:x".to_vec()), TrackerError::BadAnswer),
        (Reply::Body("404 Not Found", b"no".to_vec()), TrackerError::HttpStatus),
        (Reply::refusal("unregistered torrent"), TrackerError::Refused),
    ];
    let mut recipe = eight_pieces();
    let mut trackers = Vec::new();
    for (reply, error) in failing {
        let tracker = Tracker::http(reply).await;
        recipe = recipe.tier(&[&tracker.url()]);
        trackers.push((tracker, error));
    }
    let payload = recipe.make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    until(&download, "every tracker failed", |view| {
        let failed =
            view.trackers.iter().filter(|tracker| matches!(tracker.status, TrackerStatus::Failed(..)));
        (failed.count() == trackers.len()).then_some(())
    })
    .await;
    let view = download.view();
    for (n, (_, expected)) in trackers.iter().enumerate() {
        let TrackerStatus::Failed(error, text) = &view.trackers[n].status else { panic!("it failed") };
        assert_eq!(error, expected, "{text}");
        assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        assert!(view.trackers[n].next.is_some(), "it is asked again later");
    }
    let TrackerStatus::Failed(_, words) = &view.trackers[5].status else { panic!("it failed") };
    assert!(words.contains("unregistered torrent"), "in its own words: {words}");
    let TrackerStatus::Failed(_, words) = &view.trackers[0].status else { panic!("it failed") };
    assert!(words.contains("Welcome"), "{words}");
    until(&download, "it says so", |view| {
        (view.verdicts[0].code == VerdictCode::TrackersFailing).then_some(())
    })
    .await;

    let seed = Seed::honest(&payload).await;
    download.send(Command::AddPeer(seed.addr));
    finish(&lab, &payload, download).await;
    for (tracker, _) in &trackers {
        assert!(!tracker.events().contains(&"stopped".to_owned()), "who never said yes is told no goodbye");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_at_which_no_peer_can_be_are_not_dialled() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    let impossible: Vec<SocketAddr> = [
        "127.0.0.1:0",
        "0.0.0.0:6881",
        "224.0.0.1:6881",
        "239.1.2.3:6881",
        "255.255.255.255:6881",
        "[ff02::1]:6881",
        "[::]:1",
    ]
    .map(|addr| addr.parse().unwrap())
    .to_vec();
    tracker.reply(Reply::Compact(impossible.iter().copied().chain([seed.addr]).collect()));
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    until(&download, "everything is here", |view| (view.phase == Phase::Seeding).then_some(())).await;
    let view = download.view();
    for addr in impossible {
        let row = peer_at(&view, addr).unwrap_or_else(|| panic!("{addr} has a row"));
        assert_eq!(row.cause, Some(Cause::InvalidAddress), "{addr}");
        assert!(row.attempts.is_empty(), "{addr} was dialled: {row:?}");
    }
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_address_is_found_out_to_be_ourselves() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    let port = until(&download, "a port is listened on", |view| view.port).await;
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    download.send(Command::AddPeer(ours));
    until(&download, "it is ourselves", |view| {
        (peer_at(view, ours)?.cause == Some(Cause::SelfConnection)).then_some(())
    })
    .await;
    assert!(download.view().peers.iter().all(|row| !row.is_live()));
    soon("the download stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_trusts_an_https_tracker_by_the_systems_certificates() {
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    let tracker = Tracker::https(&certificate, Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    tracker.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let trusted = lab.write("trusted.pem", certificate.pem.as_bytes());
    let mut command = program::command(&lab);
    command.env("SSL_CERT_FILE", &trusted).arg("--json").arg(lab.torrent(&payload)).arg("-o").arg(lab.out());
    let ended = Program::spawn(&mut command).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
    assert_eq!(tracker.events(), ["started", "completed", "stopped"]);

    // Whoever is not vouched for is not believed, and told nothing.
    let lab = Lab::new();
    let stranger = Certificate::for_names(&["127.0.0.1"]);
    let trusted = lab.write("trusted.pem", stranger.pem.as_bytes());
    let mut command = program::command(&lab);
    command.env("SSL_CERT_FILE", &trusted).arg("--json").arg(lab.torrent(&payload)).arg("-o").arg(lab.out());
    let distrusting = Program::spawn(&mut command);
    distrusting.until("it says so", |line| line["verdict"] == "trackers_failing").await;
    distrusting.signal(Signal::TERM);
    let ended = distrusting.ended().await;
    assert_eq!(ended.code(), 1);
    assert_eq!(tracker.asked().len(), 3, "an unknown certificate was believed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_goes_on_when_all_trackers_are_dead_and_says_so() {
    let dead = [nobody_at().await, nobody_at().await].map(|addr| format!("http://{addr}/announce"));
    let payload = eight_pieces().tier(&[&dead[0]]).tier(&[&dead[1]]).make();
    let lab = Lab::new();
    let program = program::download(&lab, &payload, &[]);
    let line = program.until("it says so", |line| line["verdict"] == "trackers_failing").await;
    assert_eq!(line["state"], "downloading");
    let at = line["t_ms"].as_u64().unwrap();
    program.until("it goes on", |line| line["t_ms"].as_u64() > Some(at)).await;
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code(), 1);

    // And with a peer named by hand it gets there.
    let seed = Seed::honest(&payload).await;
    let ended = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_shows_nowhere() {
    const KEYS: [&str; 4] = ["SeCrEtPaSsKeY1", "SeCrEtPaSsKeY2", "SeCrEtPaSsKeY3", "SeCrEtPaSsKeY4"];
    let live = Tracker::http(Reply::nobody()).await;
    let udp = Tracker::udp(Reply::nobody()).await;
    let refusing = Tracker::http(Reply::refusal("no such user")).await;
    let dead = nobody_at().await;
    let urls = [
        live.url_with(&format!("/{}/announce?auth={}", KEYS[0], KEYS[0])),
        udp.url_with(&format!("/{}", KEYS[1])),
        refusing.url_with(&format!("/announce?passkey={}", KEYS[2])),
        format!("http://user:{}@{dead}/{}", KEYS[3], KEYS[3]),
    ];
    let payload = urls.iter().fold(eight_pieces(), |recipe, url| recipe.tier(&[url])).make();
    let seed = Seed::honest(&payload).await;
    live.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let mut written = BTreeMap::new();
    for json in [true, false] {
        let log = lab.path("log");
        let mut command = program::command(&lab);
        command.env("RUST_LOG", "trace").arg(lab.torrent(&payload)).arg("--log").arg(&log);
        if json {
            command.arg("--json").arg("-o").arg(lab.out());
        } else {
            // Another library: it would go on in the folder where it is kept.
            command.env("XDG_STATE_HOME", lab.path("another")).arg("-o").arg(lab.path("again"));
        }
        let ended = Program::spawn(&mut command).ended().await;
        assert_eq!(ended.code(), 0, "{ended:#?}");
        written.insert(format!("stdout, json {json}"), ended.stdout.join("\n"));
        written.insert(format!("stderr, json {json}"), ended.stderr.join("\n"));
        written.insert("log".to_owned(), fs::read_to_string(&log).unwrap());
    }
    assert!(live.asked()[0].url.contains(KEYS[0]), "the tracker itself must hear it");
    assert!(written["log"].contains(&live.addr.to_string()), "the log names the tracker");
    for (place, text) in written {
        for key in KEYS {
            let line = text.lines().find(|line| line.contains(key));
            assert_eq!(line, None, "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_redirects_in_circles_is_refused() {
    let away = Tracker::http(Reply::Body("302 Found\r\nLocation: /again", Vec::new())).await;
    let payload = eight_pieces().tier(&[&away.url()]).make();
    let lab = Lab::new();
    let download = lab.start(&payload, &[]);
    until(&download, "the redirect is refused", |view| {
        let status = &view.trackers.first()?.status;
        matches!(status, TrackerStatus::Failed(TrackerError::RedirectRefused, _)).then_some(())
    })
    .await;
    assert!(away.asked().len() <= 6, "five redirects at most: {}", away.asked().len());
    soon("the download stops", download.stop()).await.unwrap();
}
