//! Recordings: what is written while a run goes on, and what a replay shows of it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

#[path = "common/support.rs"]
mod support;

use std::fs::{self, File};
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::namespace;
use support::program::{Output, command, unpacked};
use support::{
    Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker, key_of, nobody_at, peer_at, soon, until,
};
use ttui::command::Command;
use ttui::engine::{CheckOptions, Download, Options, Recording, check};
use ttui::event::{At, Cause, Phase, Transport};
use ttui::ledger::{Group, View};
use ttui::metainfo::InfoHash;
use ttui::record::{self, Player};

const PIECE: usize = 16 * 1024;

fn payload() -> Arc<Payload> {
    Recipe::file("it", 40 * PIECE, PIECE).make()
}

fn open(path: &Path) -> Player<File> {
    Player::new(record::Recording::open(File::open(path).unwrap()).unwrap()).unwrap()
}

/// What the recording shows last.
fn last_view(path: &Path) -> Arc<View> {
    let mut player = open(path);
    assert_eq!(player.damage(), None);
    player.go_to(At::MAX);
    player.view()
}

/// Field by field, so that a difference says where it is.
#[track_caller]
fn assert_alike(replayed: &View, live: &View) {
    for (replayed, live) in replayed.peers.iter().zip(&live.peers) {
        assert_eq!(replayed, live);
    }
    assert_eq!(replayed.log, live.log);
    assert_eq!(replayed, live);
}

fn recorded(file: PathBuf) -> Recording {
    Recording { file: Some(file), ..Recording::default() }
}

/// Stops the download and returns its last view.
async fn last_of(download: Download) -> Arc<View> {
    let views = download.views();
    soon("the download stops", download.stop()).await.unwrap();
    views.borrow().clone()
}

async fn until_phase(download: &Download, phase: Phase) {
    until(download, &format!("{phase:?}"), |view| (view.phase == phase).then_some(())).await;
}

/// Peers that misbehave in every way that a script can.
async fn bad_peers(payload: &Arc<Payload>) -> Vec<Seed> {
    let scripts = [
        Script { is_silent: true, ..Script::default() },
        Script { hangs_up: true, ..Script::default() },
        Script { info_hash: Some(InfoHash([7; 20])), ..Script::default() },
        Script { unchokes: None, ..Script::default() },
        Script { chokes_every: Some(3), bps: 60_000, ..Script::default() },
        Script { lies_about: vec![3, 4], has: Some(vec![3, 4]), ..Script::default() },
        Script { says: vec![0x7f, 0xff, 0xff, 0xff], ..Script::default() },
        Script { dribbles: true, has: Some(vec![9]), ..Script::default() },
    ];
    let mut peers = Vec::new();
    for (script, last) in scripts.into_iter().zip(11..) {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        peers.push(Seed::start(payload, Script { ip, ..script }).await);
    }
    peers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_a_download_ends_as_the_download_did() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let refusing = Tracker::http(Reply::refusal("no such torrent")).await;
    let payload =
        Recipe::file("it", 40 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&refusing.url()]).make();
    let bad = bad_peers(&payload).await;
    let slow = Seed::start(&payload, Script { allowed: 10, ..Script::default() }).await;
    let mut peers: Vec<SocketAddr> = bad.iter().map(|seed| seed.addr).collect();
    peers.extend([slow.addr, nobody_at().await]);
    let lab = Lab::new();
    let file = lab.path("run.ttrec");
    let options = Options { recording: recorded(file.clone()), ..lab.options(&peers) };
    let mut download = lab.start_with(&payload, options);
    until(&download, "blocks come", |view| peer_at(view, slow.addr)?.last_block).await;
    let ended = |view: &View, addr: SocketAddr, cause: Cause| {
        peer_at(view, addr).is_some_and(|peer| peer.attempts.iter().any(|tried| tried.cause == Some(cause)))
    };
    for (seed, cause) in [
        (&bad[1], Cause::ClosedBeforeHandshake),
        (&bad[2], Cause::InfoHashMismatch),
        (&bad[6], Cause::MessageTooLarge),
    ] {
        until(&download, &format!("{cause:?}"), |view| ended(view, seed.addr, cause).then_some(())).await;
    }
    download.send(Command::Pause);
    until_phase(&download, Phase::Paused).await;
    download.send(Command::Resume);
    until_phase(&download, Phase::Downloading).await;
    for (seed, command) in
        [(&bad[3], Command::Drop as fn(_) -> _), (&bad[7], Command::Ban), (&bad[4], Command::Hold)]
    {
        let key = key_of(&download, seed.addr).await;
        download.send(command(key));
    }
    slow.allow(u64::MAX);
    soon("the download completes", download.completed()).await.unwrap();
    let live = last_of(download).await;
    assert!(
        live.peers.iter().any(|peer| peer.dropped) && live.peers.iter().any(|peer| peer.banned.is_some())
    );
    assert!(live.recording && live.down_bytes > 0 && live.log.len() > 20);
    assert_alike(&last_view(&file), &live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_still_being_tried_at_the_end_is_told_to_have_had_no_time() {
    let payload = payload();
    let silent = Seed::start(&payload, Script { is_silent: true, ..Script::default() }).await;
    let lab = Lab::new();
    let file = lab.path("run.ttrec");
    let options = Options { recording: recorded(file.clone()), ..lab.options(&[silent.addr]) };
    let download = lab.start_with(&payload, options);
    let sent = |view: &View| peer_at(view, silent.addr)?.last_attempt()?.handshake_sent;
    until(&download, "our handshake is sent", sent).await;
    let live = last_of(download).await;
    let peer = peer_at(&live, silent.addr).unwrap();
    assert_eq!((peer.group, peer.cause, peer.next_try), (Group::Failed, Some(Cause::NotAnswered), None));
    let attempt = peer.last_attempt().unwrap();
    assert_eq!((attempt.bytes_in, attempt.bytes_out), (0, 68));
    assert_eq!(live.groups.trying, 0);
    assert_alike(&last_view(&file), &live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_begun_in_the_middle_knows_what_was_before() {
    let payload = payload();
    let bad = bad_peers(&payload).await;
    let slow = Seed::start(&payload, Script { allowed: 10, ..Script::default() }).await;
    let mut peers: Vec<SocketAddr> = bad.iter().map(|seed| seed.addr).collect();
    peers.push(slow.addr);
    let lab = Lab::new();
    let recording = Recording { folder: lab.path("."), ..Recording::default() };
    let mut download = lab.start_with(&payload, Options { recording, ..lab.options(&peers) });
    until(&download, "blocks come", |view| peer_at(view, slow.addr)?.last_block).await;
    download.send(Command::Record);
    let named = until(&download, "the name of the file", |view| {
        let (_, answer) = view.answer.as_ref()?;
        answer.strip_prefix("Recording to ")?.strip_suffix("; R ends it.").map(PathBuf::from)
    })
    .await;
    assert!(named.to_string_lossy().ends_with(".ttrec") && download.view().recording);
    slow.allow(u64::MAX);
    soon("the download completes", download.completed()).await.unwrap();
    let live = last_of(download).await;
    let mut player = open(&named);
    assert!(player.begin() > At::ZERO);
    assert!(player.view().peers.iter().any(|peer| !peer.attempts.is_empty()));
    assert_alike(&last_view(&named), &live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_was_ended_is_whole_and_the_run_goes_on() {
    let payload = payload();
    let slow = Seed::start(&payload, Script { allowed: 10, ..Script::default() }).await;
    let lab = Lab::new();
    let file = lab.path("run.ttrec");
    let options = Options { recording: recorded(file.clone()), ..lab.options(&[slow.addr]) };
    let mut download = lab.start_with(&payload, options);
    until(&download, "blocks come", |view| peer_at(view, slow.addr)?.last_block).await;
    download.send(Command::Record);
    let said = until(&download, "it ends", |view| view.answer.clone().filter(|_| !view.recording)).await.1;
    assert!(said.starts_with("Recording ended: ") && said.ends_with("run.ttrec"), "{said}");
    slow.allow(u64::MAX);
    soon("the download completes", download.completed()).await.unwrap();
    soon("the download stops", download.stop()).await.unwrap();
    let last = last_view(&file);
    assert!(!last.recording && last.phase == Phase::Downloading && last.at > At::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_a_check_ends_as_the_check_did() {
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = Recipe::file("it", 40 * PIECE, PIECE).tier(&[&tracker.url()]).make();
    let bad = bad_peers(&payload).await;
    let honest = Seed::honest(&payload).await;
    let mut peers: Vec<SocketAddr> = bad.iter().map(|seed| seed.addr).collect();
    peers.extend([honest.addr, nobody_at().await]);
    let lab = Lab::new();
    let file = lab.path("check.ttrec");
    let options = CheckOptions {
        loopback: true,
        peers,
        time: Duration::from_secs(4),
        recording: recorded(file.clone()),
        ..CheckOptions::default()
    };
    let live = soon("the check ends", check(payload.torrent.clone(), options, pending())).await.unwrap();
    assert!(live.funnel.handshaken > 0 && live.groups.failed > 0);
    assert_alike(&last_view(&file), &live);
}

fn arguments<'a>(path: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["replay", path.to_str().unwrap()];
    all.extend(more);
    all
}

async fn replayed(lab: &Lab, path: &Path, more: &[&str]) -> Output {
    Program::run(lab, &arguments(path, more)).ended().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_records_and_replays_how_it_ended() {
    let payload = payload();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let (torrent, out) = (lab.torrent(&payload), lab.out());
    let peer = seed.addr.to_string();
    let download = [
        "--json",
        "--record",
        "run.ttrec",
        torrent.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
        "--peer",
        &peer,
    ];
    let live = Program::run(&lab, &download).ended().await;
    assert_eq!(live.code(), 0, "{live:?}");
    let file = lab.path("run.ttrec");
    let again = replayed(&lab, &file, &["--json"]).await;
    assert_eq!((again.code(), again.stderr.len()), (0, 0), "{again:?}");
    assert_eq!(again.json().last(), live.json().last());
    // Nobody could stop it where there is no terminal.
    let words = replayed(&lab, &file, &[]).await;
    assert_eq!(words.code(), 0);
    assert!(words.stdout.join("\n").contains("100"), "{words:?}");
    assert_eq!(replayed(&lab, &file, &["--headless"]).await.stdout, words.stdout);

    // A check writes one too, and shows the same.
    let check = ["check", "--json", "--record", "check.ttrec", torrent.to_str().unwrap(), "--peer", &peer];
    let live = Program::run(&lab, &check).ended().await;
    assert_eq!(live.code(), 0, "{live:?}");
    let view = last_view(&lab.path("check.ttrec"));
    assert_eq!(live.stdout.join("\n"), ttui::report::check::json(&view));
    let file = lab.path("check.ttrec");
    assert_eq!(replayed(&lab, &file, &["--json"]).await.stdout, live.stdout);
    assert_eq!(replayed(&lab, &file, &[]).await.stdout.join("\n") + "\n", ttui::report::check::text(&view));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_exists_is_recorded_over() {
    let payload = payload();
    let seed = Seed::honest(&payload).await;
    let lab = Lab::new();
    let (torrent, out) = (lab.torrent(&payload), lab.out());
    let (torrent, out) = (torrent.to_str().unwrap(), out.to_str().unwrap());
    let (peer, precious) = (seed.addr.to_string(), lab.write("precious", b"mine"));
    for run in [
        &["--headless", torrent, "-o", out, "--peer", &peer, "--record", "precious"][..],
        &["check", torrent, "--peer", &peer, "--record", "precious"],
        &["demo", "--fast", "--record", "precious"],
    ] {
        let ended = Program::run(&lab, run).ended().await;
        assert_eq!(ended.code(), 2, "{run:?}: {ended:?}");
        assert!(ended.complaint().starts_with("ttui: cannot record to precious: "), "{ended:?}");
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
    // Where a file cannot be.
    let ended = Program::run(&lab, &["check", torrent, "--record", "none/such"]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.complaint().contains("none/such"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_the_demo_shows_how_the_stream_of_its_peer_over_utp_went() {
    let lab = Lab::new();
    let ended = Program::run(&lab, &["demo", "--fast", "--record", "demo.ttrec"]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:?}");
    let mut player = open(&lab.path("demo.ttrec"));
    player.go_to(At::MAX);
    let view = player.view();
    let over_utp: Vec<_> = view.peers.iter().filter(|peer| peer.stream.is_some()).collect();
    assert_eq!(over_utp.len(), 1, "{over_utp:?}");
    let (peer, stream) = (over_utp[0], over_utp[0].stream.as_ref().unwrap());
    let attempt = peer.last_attempt().unwrap();
    assert_eq!((attempt.transport, attempt.handshaken.is_some()), (Transport::Utp, true), "{attempt:?}");
    assert!(stream.rtt_us.is_some() && stream.sent > 0 && stream.received > 0, "{stream:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_never_began_leaves_no_recording() {
    let payload = payload();
    let lab = Lab::new();
    // A stranger's file is in the way.
    fs::write(lab.out().join("it"), b"a stranger's").unwrap();
    let ended = support::program::download(&lab, &payload, &["--record", "run.ttrec"]).ended().await;
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(!lab.path("run.ttrec").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_until_it_was_killed_can_be_replayed() {
    let payload = Recipe::file("it", 40 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 40_000, ..Script::default() }).await;
    let lab = Lab::new();
    let peer = seed.addr.to_string();
    let run = support::program::download(&lab, &payload, &["--record", "run.ttrec", "--peer", &peer]);
    let late = |line: &Value| line["t_ms"].as_u64() >= Some(4000) && line["have_bytes"].as_u64() > Some(0);
    let line = run.until("four seconds, and a piece", late).await;
    run.signal(Signal::KILL);
    run.ended().await;
    let file = lab.path("run.ttrec");
    let again = replayed(&lab, &file, &["--json"]).await;
    assert_eq!(again.code(), 0, "{again:?}");
    let last = again.json().pop().unwrap();
    let (told, seen) = (last["t_ms"].as_u64().unwrap(), line["t_ms"].as_u64().unwrap());
    assert!(told + 1500 > seen, "{told} of {seen} ms");
    // What was seen a second and a half before the end is in it.
    let mut player = open(&file);
    player.go_to(Duration::from_millis(seen - 1500));
    assert!(player.view().groups.live == 1 && last["have_bytes"].as_u64() > Some(0));
}

fn holds(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_stands_in_no_recording() {
    const KEY: &str = "SeCrEtPaSsKeY";
    let live = Tracker::http(Reply::nobody()).await;
    let udp = Tracker::udp(Reply::nobody()).await;
    let refusing = Tracker::http(Reply::refusal("no such user")).await;
    let dead = nobody_at().await;
    let urls = [
        live.url_with(&format!("/{KEY}/announce?auth={KEY}")),
        udp.url_with(&format!("/{KEY}")),
        refusing.url_with(&format!("/announce?passkey={KEY}")),
        format!("http://user:{KEY}@{dead}/{KEY}"),
    ];
    let recipe = Recipe::file("it", 40 * PIECE, PIECE);
    let payload = urls.iter().fold(recipe, |recipe, url| recipe.tier(&[url])).make();
    let seed = Seed::honest(&payload).await;
    live.reply(Reply::Compact(vec![seed.addr]));
    let lab = Lab::new();
    let (torrent, out) = (lab.torrent(&payload), lab.out());
    let (torrent, out) = (torrent.to_str().unwrap(), out.to_str().unwrap());
    for (name, run) in [
        ("run.ttrec", &["--headless", torrent, "-o", out][..]),
        ("check.ttrec", &["check", torrent, "--for", "3s"]),
    ] {
        let ended = Program::run(&lab, &[run, &["--record", name]].concat()).ended().await;
        assert_eq!(ended.code(), 0, "{ended:?}");
        let all = unpacked(&lab.path(name));
        assert!(holds(&all, live.addr.to_string().as_bytes()), "the recording names the tracker");
        assert!(!holds(&all, KEY.as_bytes()), "{name}");
        let again = replayed(&lab, &lab.path(name), &["--json"]).await;
        assert!(!format!("{again:?}").contains(KEY));
    }
    assert!(live.asked().iter().all(|asked| asked.url.contains(KEY)), "the tracker itself must hear it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_privacy_no_address_of_a_peer_is_written_anywhere() {
    let payload = payload();
    let ips = [Ipv4Addr::new(127, 0, 83, 21), Ipv4Addr::new(127, 0, 83, 22), Ipv4Addr::new(127, 0, 83, 23)];
    let at = |ip| Script { ip: IpAddr::V4(ip), ..Script::default() };
    let seeds = [
        Seed::start(&payload, at(ips[0])).await,
        Seed::start(&payload, Script { hangs_up: true, ..at(ips[1]) }).await,
        Seed::start(&payload, Script { lies_about: (0..40).collect(), ..at(ips[2]) }).await,
    ];
    let lab = Lab::new();
    let torrent = lab.torrent(&payload);
    let (torrent, out) = (torrent.to_str().unwrap(), lab.path("home").join("out"));
    fs::create_dir_all(&out).unwrap();
    for (name, run) in [
        ("run", &["--headless", torrent, "-o", out.to_str().unwrap()][..]),
        ("check", &["check", torrent]),
        ("json", &["check", torrent, "--json"]),
        ("csv", &["check", torrent, "--csv"]),
        ("markdown", &["check", torrent, "--markdown"]),
    ] {
        let (log, recording) = (format!("{name}.log"), format!("{name}.ttrec"));
        let mut program = command(&lab);
        program.env("RUST_LOG", "trace").args(run).args(["--privacy", "--log", &log, "--record", &recording]);
        for seed in &seeds {
            program.arg("--peer").arg(seed.addr.to_string());
        }
        let ended = Program::spawn(&mut program).ended().await;
        assert_eq!(ended.code(), 0, "{ended:?}");
        let log = fs::read_to_string(lab.path(&log)).unwrap();
        let all = unpacked(&lab.path(&recording));
        let view = last_view(&lab.path(&recording));
        assert_eq!(view.peers.len(), 3, "{view:?}");
        for (seed, ip) in seeds.iter().zip(ips) {
            let text = ip.to_string();
            for (place, written) in [
                ("stdout", ended.stdout.join("\n")),
                ("stderr", ended.stderr.join("\n")),
                ("log", log.clone()),
            ] {
                assert!(!written.contains(&text), "{name}, {place}: {written}");
            }
            assert!(!holds(&all, text.as_bytes()) && !holds(&all, &ip.octets()), "{name}");
            // A stable name stands for it, with its port.
            let named = view.peers.iter().find(|peer| peer.addr.port() == seed.addr.port()).unwrap();
            assert!(log.contains(&named.addr.to_string()), "{log}");
        }
        let home = lab.path("home").to_string_lossy().into_owned();
        assert!(!holds(&all, home.as_bytes()), "the home folder often names its owner");
    }
}

/// A node of the DHT that answers every query: it sees the asker at this address, and names this peer.
async fn answer_as_node(node: tokio::net::UdpSocket, id: u8, seen_at: SocketAddr, peer: SocketAddr) {
    use ttui::wire::krpc::{Body, Message, NodeId, Reply};

    let mut packet = [0; 1500];
    loop {
        let (length, from) = node.recv_from(&mut packet).await.unwrap();
        let Ok(Message { transaction, .. }) = Message::decode(&packet[..length]) else { continue };
        let reply = Reply { peers: vec![peer], token: Some(vec![1]), ..Reply::of(NodeId([id; 20])) };
        let body = Body::Reply(reply);
        let answer = Message { transaction, seen_at: Some(seen_at), read_only: false, body };
        node.send_to(&answer.encode(), from).await.unwrap();
    }
}

/// A router that grants every mapping by PCP, and says that others see it at this address.
async fn grant(router: tokio::net::UdpSocket, outside: Ipv4Addr) {
    let mut packet = [0; 60];
    loop {
        let (_, from) = router.recv_from(&mut packet).await.unwrap();
        packet[1] |= 0x80;
        packet[44..60].copy_from_slice(&outside.to_ipv6_mapped().octets());
        router.send_to(&packet, from).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_privacy_no_node_of_the_dht_and_no_address_of_ours_is_written_anywhere() {
    let test = "with_privacy_no_node_of_the_dht_and_no_address_of_ours_is_written_anywhere";
    let nodes = [Ipv4Addr::new(83, 21, 45, 67), Ipv4Addr::new(84, 22, 46, 68)];
    let setup = format!(
        "ip link set lo up && ip addr add {}/32 dev lo && ip addr add {}/32 dev lo",
        nodes[0], nodes[1]
    );
    if namespace::enter(test, &setup) != namespace::Place::Inside {
        return;
    }
    let (outside, peer) = (Ipv4Addr::new(85, 23, 47, 69), Ipv4Addr::new(86, 24, 48, 70));
    let lab = Lab::new();
    let mut program = command(&lab);
    program.env("RUST_LOG", "trace").args(["--json", "--privacy", "--log", "log", "--record", "run.ttrec"]);
    program.arg("-o").arg(lab.out()).arg(lab.torrent(&payload())).args(["--gateway", "127.0.0.1"]);
    for (id, ip) in (1..).zip(nodes) {
        let node = tokio::net::UdpSocket::bind((ip, 0)).await.unwrap();
        program.arg("--dht-node").arg(node.local_addr().unwrap().to_string());
        tokio::spawn(answer_as_node(node, id, (outside, 6881).into(), (peer, 6881).into()));
    }
    let router = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, ttui::wire::pcp::PORT)).await.unwrap();
    tokio::spawn(grant(router, outside));
    let program = Program::spawn(&mut program);
    let log = || fs::read_to_string(lab.path("log")).unwrap();
    let told = ["SeenAt", "step=Mapped", "peer learned", "Announced"];
    program.until("all of it is known", |_| told.iter().all(|told| log().contains(told))).await;
    program.signal(Signal::TERM);
    let ended = program.ended().await;
    let all = unpacked(&lab.path("run.ttrec"));
    let view = last_view(&lab.path("run.ttrec"));
    assert_eq!((view.session.seen_at.len(), view.session.bootstrap.len(), view.peers.len()), (1, 2, 1));
    assert!(view.session.way_in().outside.is_some(), "{:?}", view.session);
    let written = [ended.stdout.join("\n"), ended.stderr.join("\n"), log()].join("\n");
    for ip in [nodes[0], nodes[1], outside, peer] {
        assert!(!written.contains(&ip.to_string()), "{ip}: {written}");
        assert!(!holds(&all, ip.to_string().as_bytes()) && !holds(&all, &ip.octets()), "{ip} is recorded");
    }
}
