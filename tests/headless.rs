//! The program without a screen: what it writes, with which status it ends, and how soon.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::program::command;
use support::{
    Gives, Lab, Payload, Program, Recipe, Reply, Script, Seed, Several, Tracker, Wire, finals, is_empty,
    nobody_at, program, soon,
};
use tokio::net::TcpListener;
use tokio::time::Instant;
use ttui::wire::Message;

const PIECE: usize = 64 * 1024;

fn eight_pieces() -> Recipe {
    Recipe::file("it", 8 * PIECE - 777, PIECE)
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Holds lines against the contract: `ttui.progress/1`, the last of them final.
#[track_caller]
fn assert_contract(lines: &[Value], payload: &Payload) {
    let every = [
        "schema",
        "t_ms",
        "state",
        "have_bytes",
        "total_bytes",
        "down_bps",
        "up_bps",
        "peers",
        "funnel",
        "verdict",
        "torrent",
        "eta_s",
        "uploaded_bytes",
        "elapsed_ms",
        "mean_down_bps",
    ];
    let states = ["checking", "downloading", "seeding", "paused", "complete", "error"];
    let mut before = 0;
    for (n, line) in lines.iter().enumerate() {
        let is_last = n + 1 == lines.len();
        let expected: BTreeSet<&str> =
            every.into_iter().chain(["final", "error"].into_iter().filter(|_| is_last)).collect();
        assert_eq!(keys(line), expected, "{line}");
        assert_eq!(line["schema"], "ttui.progress/1");
        assert!(states.contains(&line["state"].as_str().unwrap()), "{line}");
        assert!(is_last || line["state"] != "complete", "`complete` is the last word: {line}");
        let at = line["t_ms"].as_u64().unwrap();
        assert!(at >= before, "time goes on: {line}");
        before = at;
        assert_eq!(line["total_bytes"], payload.bytes.len());
        assert!(line["have_bytes"].as_u64().unwrap() <= payload.bytes.len() as u64);
        assert!(line["down_bps"].is_u64() && line["up_bps"].is_u64(), "{line}");
        assert_eq!(line["torrent"]["name"], "it", "{line}");
        assert_eq!(line["torrent"]["info_hash"], payload.info_hash().to_string(), "{line}");
        assert!(line["eta_s"].is_u64() || line["eta_s"].is_null(), "{line}");
        assert!(line["uploaded_bytes"].is_u64() && line["mean_down_bps"].is_u64(), "{line}");
        assert_eq!(line["elapsed_ms"], line["t_ms"], "{line}");
        assert!(line["verdict"].is_string() || line["verdict"].is_null(), "{line}");
        let groups = ["live", "trying", "failed", "left", "queued", "banned"];
        assert_eq!(keys(&line["peers"]), BTreeSet::from(groups), "{line}");
        let steps = ["known", "dialled", "connected", "handshaken", "unchoked", "transferring"];
        assert_eq!(keys(&line["funnel"]), BTreeSet::from(steps), "{line}");
        let funnel = steps.map(|step| line["funnel"][step].as_u64().unwrap());
        assert!(funnel.is_sorted_by(|wider, narrower| wider >= narrower), "it only falls: {line}");
        let sum: u64 = groups.iter().map(|group| line["peers"][group].as_u64().unwrap()).sum();
        assert_eq!(sum, funnel[0], "every known peer is in one group: {line}");
    }
    let last = lines.last().expect("there is a last line");
    assert_eq!(last["final"], true);
    assert_eq!(last["error"].is_string(), last["state"] == "error", "{last}");
    assert!(last["error"].is_string() || last["error"].is_null(), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_follow_the_contract_and_end_complete() {
    let payload = eight_pieces().make();
    // Slow enough for some lines before the last.
    let seed = Seed::start(&payload, Script { bps: 300_000, ..Script::default() }).await;
    let lab = Lab::new();
    let ended = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0);
    assert!(ended.stderr.is_empty(), "{:?}", ended.stderr);
    let lines = ended.json();
    assert_contract(&lines, &payload);
    let states: Vec<&str> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"downloading"), "{states:?}");
    let last = lines.last().unwrap();
    assert_eq!((&last["state"], &last["error"]), (&"complete".into(), &Value::Null));
    assert_eq!(last["have_bytes"], last["total_bytes"]);
    assert_eq!(last["funnel"]["transferring"], 1);
    let mean = last["mean_down_bps"].as_u64().unwrap();
    assert!((50_000..=600_000).contains(&mean), "the seed sends 300 000 a second: {mean}");
    // A line a second at most, but for the last.
    let times: Vec<u64> = lines.iter().map(|line| line["t_ms"].as_u64().unwrap()).collect();
    let span_s = (times[times.len() - 1] - times[0]) / 1000;
    assert!(lines.len() as u64 <= span_s + 3, "{} lines in {span_s} s", lines.len());
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_json_a_person_can_read_the_lines() {
    let payload = eight_pieces().make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let mut command = command(&lab);
    // Standard output is no terminal, so no option has to ask for lines.
    command.arg(lab.torrent(&payload)).arg("-o").arg(lab.out()).arg("--peer").arg(seed.addr.to_string());
    let ended = Program::spawn(&mut command).ended().await;
    assert_eq!((ended.code(), ended.stderr.len()), (0, 0), "{ended:#?}");
    let last = ended.stdout.last().unwrap();
    let said = ["complete: it in ", "(511 KiB; 511 KiB received ", " on average)"];
    assert!(last.starts_with(said[0]) && said.iter().all(|part| last.contains(part)), "{last}");
    for line in &ended.stdout {
        assert!(!line.contains('\x1b') && line.is_ascii(), "no terminal, no colours: {line:?}");
    }
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_may_be_named_and_one_without_an_address_ends_nothing() {
    let payload = eight_pieces().make();
    let seed = Seed::honest(&payload).await;
    let named = format!("localhost:{}", seed.addr.port());
    // A label of more than 63 characters: no name service is asked.
    let nowhere = format!("{}.invalid:6881", "x".repeat(64));
    let lab = Lab::new();
    let ended = program::download(&lab, &payload, &["--peer", &nowhere, "--peer", &named]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let warned = format!("ttui: warning: {nowhere}: no address: ");
    assert!(ended.stderr.len() == 1 && ended.stderr[0].starts_with(&warned), "{:?}", ended.stderr);
    payload.assert_at(&lab.out());

    let torrent = lab.torrent(&payload);
    let torrent = torrent.to_str().unwrap();
    let checked = Program::run(&lab, &["check", torrent, "--peer", &named, "--for", "20s"]).ended().await;
    assert_eq!(checked.code(), 0, "{checked:#?}");
    let shaken = Program::run(&lab, &["handshake", torrent, &named]).ended().await;
    assert_eq!(shaken.code(), 0, "{shaken:#?}");
    let failed = Program::run(&lab, &["handshake", torrent, &nowhere]).ended().await;
    assert_eq!(failed.code(), 1, "{failed:#?}");
    assert!(failed.complaint().starts_with(&format!("ttui: {nowhere}: no address: ")), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_torrent_ends_with_2_and_one_line_that_names_it() {
    let lab = Lab::new();
    let whole = eight_pieces().make().torrent_bytes.clone();
    let text = String::from_utf8_lossy(&whole).into_owned();
    let cut = |from: &str, to: &str| {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()
    };
    assert!(text.contains("6:lengthi523511e"), "{text}");
    let short_pieces = {
        // One byte fewer of piece hashes.
        let at = whole.windows(9).position(|window| window == b"6:pieces1").unwrap();
        let mut out = whole[..at].to_vec();
        out.extend(b"6:pieces159:");
        out.extend(&whole[at + 12..at + 12 + 159]);
        out.extend(b"ee");
        out
    };
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("text.torrent", b"this is no torrent".to_vec(), ""),
        ("empty.torrent", Vec::new(), ""),
        ("no-name.torrent", cut("4:name2:it", ""), "name"),
        ("no-length.torrent", cut("6:lengthi523511e", ""), "length"),
        ("overflow.torrent", cut("i523511e", "i99999999999999999999e"), ""),
        ("negative.torrent", cut("i523511e", "i-5e"), "length"),
        ("short-pieces.torrent", short_pieces, "pieces"),
    ];
    for (name, bytes, field) in cases {
        let path = lab.write(name, &bytes);
        let ended = Program::run(&lab, &["--json", path.to_str().unwrap(), "-o", "out"]).ended().await;
        assert_eq!(ended.code(), 2, "{name}: {ended:#?}");
        let complaint = ended.complaint();
        assert!(complaint.contains(name) && complaint.contains(field), "{name}: {complaint}");
        assert!(is_empty(&lab.out()), "{name}: something was written");
    }
    for (name, is_folder) in [("nowhere.torrent", false), ("a-folder", true)] {
        let path = lab.path(name);
        if is_folder {
            fs::create_dir(&path).unwrap();
        }
        let ended = Program::run(&lab, &["--json", path.to_str().unwrap(), "-o", "out"]).ended().await;
        assert_eq!(ended.code(), 2, "{name}: {ended:#?}");
        assert!(ended.complaint().contains(name), "{}", ended.complaint());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_ends_with_3_and_one_line_that_names_it() {
    let payload = eight_pieces().make();
    let port = nobody_at().await.port();
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.unwrap();
    let port = port.to_string();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let ended =
        program::download(&lab, &payload, &["-p", &port, "--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    assert!(ended.complaint().contains(&port), "{}", ended.complaint());
    assert!(is_empty(&lab.out()), "nothing is written");

    // Where it is free it is taken.
    drop(taken);
    let tracker = Tracker::http(Reply::Compact(vec![seed.addr])).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let ended = program::download(&lab, &payload, &["-p", &port]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(tracker.asked()[0].port.to_string(), port);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_says_goodbye_and_ends_within_two_seconds() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let tracker = Tracker::http(Reply::nobody()).await;
        let payload = eight_pieces().tier(&[&tracker.url()]).make();
        let seed = Seed::start(&payload, Script { allowed: 6, ..Script::default() }).await;
        tracker.reply(Reply::Compact(vec![seed.addr]));
        let lab = Lab::new();
        let program = program::download(&lab, &payload, &[]);
        program.until("a part is here", |line| line["have_bytes"].as_u64() > Some(0)).await;
        let asked_at = Instant::now();
        program.signal(signal);
        let ended = program.ended().await;
        let took = asked_at.elapsed();
        assert!(took < Duration::from_millis(2300), "it took {took:?}");
        assert_eq!(ended.code(), 1, "{signal:?}: {ended:#?}");
        assert!(ended.stderr.is_empty(), "{:?}", ended.stderr);
        let lines = ended.json();
        assert_contract(&lines, &payload);
        let last = lines.last().unwrap();
        assert_eq!((&last["state"], &last["error"]), (&"downloading".into(), &Value::Null));
        assert_eq!(tracker.events(), ["started", "stopped"]);
        let stopped = tracker.until("stopped").await;
        assert_eq!(stopped.left, payload.bytes.len() as u64 - last["have_bytes"].as_u64().unwrap());
    }
}

/// A download of which a part is here, whose tracker answered and from now on answers so.
async fn a_part_of_it(reply: Reply) -> (Lab, Tracker, Seed, Program) {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::start(&payload, Script { allowed: 6, ..Script::default() }).await;
    let lab = Lab::new();
    let program = program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]);
    program.until("a part is here", |line| line["have_bytes"].as_u64() > Some(0)).await;
    tracker.until("started").await;
    program.until("the tracker answered", |line| line["t_ms"].as_u64() > Some(1500)).await;
    tracker.reply(reply);
    (lab, tracker, seed, program)
}

/// When the resume file was last written.
fn written(lab: &Lab) -> std::time::SystemTime {
    let files = fs::read_dir(lab.state()).unwrap().map(|file| file.unwrap().metadata().unwrap());
    files.map(|file| file.modified().unwrap()).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_saved_within_two_seconds_and_a_silent_tracker_has_five_more() {
    let (lab, tracker, _seed, program) = a_part_of_it(Reply::Silence).await;
    let (before, asked_at) = (written(&lab), Instant::now());
    program.signal(Signal::TERM);
    while written(&lab) == before {
        assert!(asked_at.elapsed() < Duration::from_millis(2300), "nothing was saved");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = program.ended().await;
    let took = asked_at.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(7500)).contains(&took), "it took {took:?}");
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(ended.json().last().unwrap()["final"], true);
    assert_eq!(tracker.events(), ["started", "stopped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_answers_late_is_waited_for_and_no_longer_than_that() {
    let late = Duration::from_secs(3);
    let (_lab, tracker, _seed, program) = a_part_of_it(Reply::Late(late)).await;
    let asked_at = Instant::now();
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    let took = asked_at.elapsed();
    assert!((late..late + Duration::from_millis(1500)).contains(&took), "it took {took:?}");
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(tracker.events(), ["started", "stopped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ctrl_c_does_not_wait_for_trackers() {
    let (_lab, tracker, _seed, program) = a_part_of_it(Reply::Silence).await;
    program.signal(Signal::TERM);
    tracker.until("stopped").await;
    let again = Instant::now();
    program.signal(Signal::INT);
    let ended = program.ended().await;
    assert!(again.elapsed() < Duration::from_millis(2500), "{:?}", again.elapsed());
    assert_eq!(ended.code(), 1, "{ended:#?}");
    assert_eq!(ended.json().last().unwrap()["final"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_seed_it_goes_on_after_completion_and_a_signal_ends_it_with_0() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    tracker.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let program = program::download(&lab, &payload, &["--seed"]);
    program.until("it seeds", |line| line["state"] == "seeding").await;
    payload.assert_at(&lab.out());
    let port = tracker.until("completed").await.port;
    let mut caller = Wire::dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), payload.info_hash()).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    for piece in 0..payload.pieces() {
        caller.fetch(&payload, piece).await;
    }
    // When one more piece comes, all before it were counted.
    caller.fetch(&payload, 0).await;
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let lines = ended.json();
    assert_contract(&lines, &payload);
    assert_eq!(lines.last().unwrap()["state"], "complete");
    assert_eq!(tracker.events(), ["started", "completed", "stopped"]);
    let (uploaded, total) = (tracker.until("stopped").await.uploaded, payload.bytes.len() as u64);
    assert!((total..=total + PIECE as u64).contains(&uploaded), "{uploaded} of {total}");
    // More may have gone out since trackers were told.
    let at_the_end = lines.last().unwrap()["uploaded_bytes"].as_u64().unwrap();
    assert!((uploaded..=total + PIECE as u64).contains(&at_the_end), "{at_the_end} after {uploaded}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_seeded_as_often_or_as_long_as_it_was_to_ends_with_0() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    tracker.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let program = program::download(&lab, &payload, &["--seed", "--ratio", "0.5"]);
    let port = tracker.until("completed").await.port;
    let mut caller = Wire::dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), payload.info_hash()).await;
    caller.say(&[Message::Interested]).await;
    caller.expect(&Message::Unchoke).await;
    for piece in 0..5 {
        caller.fetch(&payload, piece).await;
    }
    let ended = program.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_eq!(ended.json().last().unwrap()["state"], "complete");
    // What was sent in the run before counts; and time does.
    for limit in [["--ratio", "0.5"], ["--seed-time", "500ms"]] {
        let again = program::download(&lab, &payload, &["--seed", limit[0], limit[1]]);
        assert_eq!(again.ended().await.code(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_run_at_completion_is_run_without_a_shell() {
    let payload = Recipe::file("it's $(here); done", 3 * PIECE, PIECE).make();
    let seed = Seed::honest(&payload).await;
    let peer = seed.addr.to_string();
    let lab = Lab::new();
    let copies = lab.path("copies");
    fs::create_dir_all(&copies).unwrap();
    let into = format!("--target-directory={}", copies.display());
    let settings = lab.settings("config.toml", &format!("on-complete = ['cp', '{into}']\n"));
    let more = ["--config", settings.to_str().unwrap(), "--peer", &peer];
    assert_eq!(program::download(&lab, &payload, &more).ended().await.code(), 0);
    let copied = async {
        while payload.right_at(&copies).len() < payload.pieces() as usize {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("its copy", copied).await;
    // What cannot be run is a warning, and no more.
    let settings = lab.settings("config.toml", "on-complete = ['/nothing/here']\n");
    fs::remove_file(lab.out().join("it's $(here); done")).unwrap();
    let more = ["--config", settings.to_str().unwrap(), "--peer", &peer];
    let ended = program::download(&lab, &payload, &more).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let told = |line: &String| line.contains("/nothing/here cannot be run");
    assert!(ended.stderr.iter().any(told), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_stdout_ends_it_quietly() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let mut command = command(&lab);
    command.arg("--json").arg(lab.torrent(&payload)).arg("-o").arg(lab.out());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (status, told) = soon(
        "it ends when nobody reads",
        tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let mut stdout = BufReader::new(stdout);
            stdout.read_line(&mut line).unwrap();
            assert!(line.contains("ttui.progress/1"), "{line}");
            drop(stdout);
            let mut told = String::new();
            stderr.read_to_string(&mut told).unwrap();
            (child.wait().unwrap(), told)
        }),
    )
    .await
    .unwrap();
    assert_eq!((status.code(), told.as_str()), (Some(1), ""), "incomplete, and nothing said");
    assert_eq!(tracker.events().last().map(String::as_str), Some("stopped"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_go_to_stderr_and_lines_to_stdout() {
    let refusing = Tracker::http(Reply::refusal("come back tomorrow")).await;
    let payload = eight_pieces().tier(&[&refusing.url()]).make();
    let seed = Seed::start(&payload, Script { bps: 300_000, ..Script::default() }).await;
    let lab = Lab::new();
    let trailing = lab.write("trailing.torrent", &[&payload.torrent_bytes[..], b"more"].concat());
    let mut command = command(&lab);
    command.arg("--json").arg(&trailing).arg("-o").arg(lab.out()).arg("--peer").arg(seed.addr.to_string());
    let program = Program::spawn(&mut command);
    program.until_told("come back tomorrow").await;
    let ended = program.ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    assert_contract(&ended.json(), &payload);
    let told = |text: &str| ended.stderr.iter().filter(|line| line.contains(text)).count();
    assert_eq!(told("bytes follow the torrent"), 1, "{:#?}", ended.stderr);
    assert_eq!(told("come back tomorrow"), 1, "said once: {:#?}", ended.stderr);
    assert!(ended.stderr.iter().all(|line| line.starts_with("ttui: ")), "{:#?}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_a_line_for_every_step() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = eight_pieces().tier(&[&tracker.url()]).make();
    let seed = Seed::honest(&payload).await;
    let mismatch = Script { info_hash: Some(ttui::metainfo::InfoHash([3; 20])), ..Script::default() };
    let stranger = Seed::start(&payload, mismatch).await;
    tracker.reply(Reply::Compact(vec![seed.addr, stranger.addr]));
    let lab = Lab::new();
    let log = lab.path("the.log");
    let program = program::download(&lab, &payload, &["--seed", "--log", log.to_str().unwrap()]);
    program.until("it seeds", |line| line["state"] == "seeding").await;
    program.until("the stranger is found out", |line| line["peers"]["failed"].as_u64() > Some(0)).await;
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert!(ended.stderr.is_empty(), "{:?}", ended.stderr);
    let log = fs::read_to_string(&log).unwrap();
    let has = |words: &[&str]| log.lines().any(|line| words.iter().all(|word| line.contains(word)));
    let (seed, stranger, tracker) =
        (seed.addr.to_string(), stranger.addr.to_string(), tracker.addr.to_string());
    for words in [
        &["announce", &tracker, "Started"][..],
        &["announce", &tracker, "Stopped"],
        &["dial", &seed],
        &["handshake", "sent", &seed],
        &["handshake", &seed, "-XX0001-"],
        &["info_hash_mismatch", &stranger],
    ] {
        assert!(has(words), "no line with {words:?} in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_and_peers_of_the_command_line_reach_the_engine() {
    let payload = eight_pieces().make();
    let seeds = [Seed::honest(&payload).await, Seed::honest(&payload).await];
    let lab = Lab::new();
    let peers = seeds.each_ref().map(|seed| seed.addr.to_string());
    let program = program::download(
        &lab,
        &payload,
        &["--down", "100k", "--max-peers", "1", "--peer", &peers[0], "--peer", &peers[1]],
    );
    let began = program.until("it downloads", |line| line["have_bytes"].as_u64() > Some(0)).await;
    let later = program
        .until("two seconds on", |line| line["t_ms"].as_u64() > began["t_ms"].as_u64().map(|at| at + 2000))
        .await;
    assert_eq!(later["state"], "downloading", "half a mebibyte cannot be here yet");
    assert_eq!(later["peers"]["live"], 1);
    assert_eq!(later["funnel"]["known"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_the_size_of_files_is_an_error_of_the_disk() {
    let payload = eight_pieces().make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ttui"), "--json"])
        .arg(lab.torrent(&payload))
        .arg("-o")
        .arg(lab.out())
        .arg("--peer")
        .arg(seed.addr.to_string())
        .env("XDG_CONFIG_HOME", lab.path("config"))
        .env("XDG_STATE_HOME", lab.path("state"));
    let ended = Program::spawn(&mut command).ended().await;
    assert_eq!(ended.code(), 3, "{ended:#?}");
    assert!(ended.complaint().contains("files this large"), "{}", ended.complaint());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_remembered_nothing_is_begun_and_one_line_names_the_folder() {
    let payload = eight_pieces().make();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let file = lab.write("a file", b"no folder");
    for state in [file, PathBuf::from("/proc/nobody writes here")] {
        let mut command = command(&lab);
        command.arg(lab.torrent(&payload)).arg("-o").arg(lab.out()).arg("--peer").arg(seed.addr.to_string());
        let ended = Program::spawn(command.env("XDG_STATE_HOME", &state)).ended().await;
        assert_eq!(ended.code(), 2, "{ended:#?}");
        let named = format!("cannot create the folder {}", state.display());
        assert!(ended.complaint().contains(&named), "{}", ended.complaint());
        let begun = fs::read_dir(lab.out()).map_or(0, Iterator::count);
        assert_eq!(begun, 0, "nothing is written that would not be known again");
    }
}

/// A magnet of the payload that names one peer, who gives the metadata this way.
async fn magnet(payload: &std::sync::Arc<Payload>, gives: Gives) -> (Seed, String) {
    let info = payload.torrent.public_info().unwrap().here().unwrap();
    let seed = Seed::start(payload, Script { metadata: Some((info, gives)), ..Script::default() }).await;
    let link = format!("magnet:?xt=urn:btih:{}&x.pe={}", payload.info_hash(), seed.addr);
    (seed, link)
}

#[tokio::test]
async fn the_metadata_of_a_magnet_are_saved_and_nothing_is_ever_overwritten() {
    let (payload, lab) = (Recipe::file("it", 2_000_000, 1024).make(), Lab::new());
    let (_seed, link) = magnet(&payload, Gives::Right).await;
    let arguments = [link.as_str(), "--metadata-only", "-o", "new"];
    let output = Program::run(&lab, &arguments).ended().await;
    assert_eq!((output.code(), output.stderr.as_slice()), (0, &[][..]));
    assert_eq!(output.stdout.last().unwrap(), "saved new/it.torrent");
    let saved = ttui::metainfo::Torrent::from_file(lab.path("new/it.torrent")).unwrap();
    assert_eq!((saved.info_hash, saved.geometry), (payload.info_hash(), payload.torrent.geometry));
    fs::write(lab.path("new/it.torrent"), b"mine").unwrap();
    let output = Program::run(&lab, &arguments).ended().await;
    assert_eq!(output.code(), 2);
    assert!(output.complaint().contains("new/it.torrent exists; move it away"), "{:?}", output.stderr);
    assert_eq!(fs::read(lab.path("new/it.torrent")).unwrap(), b"mine");
    let torrent = lab.torrent(&payload);
    let output = Program::run(&lab, &[torrent.to_str().unwrap(), "--metadata-only"]).ended().await;
    assert_eq!(output.code(), 2);
    assert!(output.complaint().contains("expected a magnet link"), "{:?}", output.stderr);
}

#[tokio::test]
async fn killed_in_the_middle_of_the_metadata_it_begins_again_and_leaves_nothing() {
    let (payload, lab) = (Recipe::file("it", 2_000_000, 1024).make(), Lab::new());
    let (half, link) = magnet(&payload, Gives::Nothing).await;
    let running = Program::run(&lab, &[&link, "--json", "-o", "out"]);
    let first = running.until("it waits for the metadata", |line| line["funnel"]["handshaken"] == 1).await;
    assert_eq!((&first["state"], &first["total_bytes"]), (&"metadata".into(), &Value::Null));
    assert_eq!(first["torrent"]["name"], Value::Null);
    running.signal(Signal::KILL);
    running.ended().await;
    drop(half);
    assert!(is_empty(&lab.out()));
    let left =
        |folder: PathBuf| fs::read_dir(folder).unwrap().map(|found| found.unwrap().file_name()).collect();
    let left: [Vec<std::ffi::OsString>; 2] = [left(lab.state()), left(lab.state().join("torrents"))];
    assert_eq!(left[0], ["torrents"]);
    let is_part = |name: &&std::ffi::OsString| {
        !name.to_str().is_some_and(|name| name.ends_with(".entry") || name.ends_with(".lock"))
    };
    assert_eq!(left[1].iter().find(is_part), None, "nothing is kept of what was not whole");
    let (_seed, link) = magnet(&payload, Gives::Right).await;
    let output = Program::run(&lab, &[&link, "--json", "-o", "out"]).ended().await;
    assert_eq!(output.code(), 0, "{:?}", output.stderr);
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_torrents_each_has_its_lines_and_its_last_at_the_end() {
    let slow = Script { bps: 300_000, ..Script::default() };
    let several = Several::of(vec![Script::default(), slow, Script::default()]).await;
    let ended = several.run(&["--json"]).ended().await;
    assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "{ended:#?}");
    let lines = ended.json();
    let last = lines.len() - 3;
    assert_eq!(finals(&lines), lines[last..].iter().collect::<Vec<_>>(), "together, and behind all others");
    for (number, (payload, _)) in several.torrents.iter().enumerate() {
        let of_it: Vec<&Value> =
            lines.iter().filter(|line| line["torrent"]["info_hash"] == several.hash(number)).collect();
        assert_eq!(of_it[of_it.len() - 1], &lines[last + number], "in the order they were named");
        assert_eq!(lines[last + number]["state"], "complete");
        assert_eq!(payload.right_at(&several.lab.out()).len() as u32, payload.pieces());
        // Whoever is complete seeds until the last is.
        let seeds = of_it.iter().any(|line| line["state"] == "seeding");
        assert_eq!(seeds, number != 1, "{number}: {of_it:#?}");
        let mut seconds: Vec<u64> = of_it.iter().map(|line| line["t_ms"].as_u64().unwrap() / 500).collect();
        seconds.pop();
        seconds.dedup();
        assert!(seconds.len() + 1 >= of_it.len(), "a line a second: {of_it:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_torrents_the_broken_are_named_and_the_rest_run() {
    let several = Several::of(vec![Script::default(), Script::default()]).await;
    let broken = several.lab.write("broken.torrent", b"nonsense");
    let magnet = "magnet:?xt=urn:btih:nonsense";
    let ended = several.run(&[broken.to_str().unwrap(), magnet, "nowhere.torrent", "--json"]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:#?}");
    assert_eq!(ended.stderr.len(), 3, "{:#?}", ended.stderr);
    for (line, name) in ended.stderr.iter().zip(["broken.torrent", "nonsense", "nowhere.torrent"]) {
        assert!(line.starts_with("ttui: ") && line.contains(name), "{line}");
    }
    let lines = ended.json();
    let finals = finals(&lines);
    assert_eq!(finals.len(), 5);
    for (line, told) in finals[2..].iter().zip(&ended.stderr) {
        assert_eq!((&line["state"], &line["torrent"]["info_hash"]), (&"error".into(), &Value::Null));
        assert_eq!(keys(line), keys(finals[0]), "{line}");
        assert_eq!(format!("ttui: {}", line["error"].as_str().unwrap()), *told);
    }
    assert!(finals[..2].iter().all(|line| line["state"] == "complete"), "{finals:#?}");
    let nulls = lines.iter().filter(|line| line["torrent"]["info_hash"].is_null()).count();
    assert_eq!(nulls, 3, "they have no other line");
    // Where all are broken nothing runs.
    let ended = Program::run(&several.lab, &["a.torrent", "b.torrent", "--headless"]).ended().await;
    assert_eq!((ended.code(), ended.stdout.len(), ended.stderr.len()), (2, 0, 2), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_torrent_twice_is_one_and_one_in_the_way_of_another_is_refused() {
    let several = Several::of(vec![Script::default()]).await;
    let copy = several.lab.write("copy.torrent", &several.torrents[0].0.torrent_bytes);
    // Of the same name, and with other content.
    let other = Recipe::file("it 0", 5 * PIECE, PIECE).seed(99).make();
    let other = several.lab.write("other.torrent", &other.torrent_bytes);
    let paths = [copy.to_str().unwrap(), other.to_str().unwrap()];
    let ended = several.run(&[paths[0], paths[1], "--json"]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:#?}");
    let first = several.torrents[0].1.display();
    let once = format!("ttui: warning: {} is the same torrent as {first}: it is downloaded once", paths[0]);
    assert_eq!(ended.stderr.len(), 2, "{:#?}", ended.stderr);
    assert_eq!(ended.stderr[0], once);
    assert!(ended.stderr[1].contains("it 0 is refused: it would write "), "{}", ended.stderr[1]);
    let lines = ended.json();
    let states: Vec<&Value> = finals(&lines).iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["complete", "error"]);
    several.torrents[0].0.assert_at(&several.lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_one_torrent_is_refused_for_several() {
    let lab = Lab::new();
    let told = |option: &str| format!("ttui: {option} is for one torrent, and 2 are named");
    for (option, value) in [("--peer", "192.0.2.1:1"), ("--files", "0"), ("--record", "r.ttrec")] {
        let ended = Program::run(&lab, &["a.torrent", "b.torrent", option, value]).ended().await;
        assert_eq!((ended.code(), ended.complaint()), (2, told(option).as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_are_interrupted_are_saved_and_go_on_in_the_next_run() {
    let some = Script { allowed: 6, ..Script::default() };
    let several = Several::of(vec![Script::default(), some.clone(), some]).await;
    let program = several.run(&["--json"]);
    let mut here = BTreeSet::new();
    let hash = |line: &Value| line["torrent"]["info_hash"].as_str().map(str::to_owned);
    program
        .until("a part of each is here", |line| {
            if line["have_bytes"].as_u64() > Some(0) {
                here.extend(hash(line));
            }
            here.len() == 3
        })
        .await;
    let asked_at = Instant::now();
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    assert!(asked_at.elapsed() < Duration::from_millis(2300), "{:?}", asked_at.elapsed());
    assert_eq!((ended.code(), &ended.stderr), (1, &Vec::new()), "{ended:#?}");
    let lines = ended.json();
    let states: Vec<&Value> = finals(&lines).iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["complete", "downloading", "downloading"]);
    several.seeds.iter().for_each(|seed| seed.allow(u64::MAX));
    let before: Vec<usize> = several.seeds.iter().map(|seed| seed.seen().requests.len()).collect();
    let ended = several.run(&[]).ended().await;
    assert_eq!((ended.code(), &ended.stderr), (0, &Vec::new()), "{ended:#?}");
    assert_eq!(several.seeds[0].seen().requests.len(), before[0], "it is here");
    // Lines for people name their torrents.
    let last = &ended.stdout[ended.stdout.len() - 3..];
    for (number, line) in last.iter().enumerate() {
        assert!(line.starts_with(&format!("complete: it {number} in ")), "{line}");
    }
    assert!(ended.stdout.iter().all(|line| line.contains("it ")), "{:#?}", ended.stdout);
}
