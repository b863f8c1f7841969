//! Several torrents in one session.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use ttui::engine::mse::Carrier;
use ttui::engine::{Session, SessionOptions, TorrentHandle, TorrentOptions};
use ttui::event::Encryption;
use ttui::ledger::Torrents;

use super::support::{Payload, Reply, Tracker, call};
use super::*;

/// What is saved is saved by then, as the contract has it, and what a busy machine adds.
const GOODBYE: Duration = Duration::from_millis(2500);

fn session(lab: &Lab) -> Session {
    session_with(lab, SessionOptions::default())
}

fn session_with(lab: &Lab, options: SessionOptions) -> Session {
    Session::start(SessionOptions { state: Some(lab.state()), loopback: true, ..options }).unwrap()
}

fn add(session: &Session, lab: &Lab, payload: &Payload, peers: &[SocketAddr]) -> TorrentHandle {
    session.add(payload.torrent.clone(), options(lab, peers)).unwrap()
}

fn options(lab: &Lab, peers: &[SocketAddr]) -> TorrentOptions {
    TorrentOptions { output: lab.out(), peers: peers.to_vec(), ..TorrentOptions::default() }
}

fn recipe(number: usize) -> Recipe {
    Recipe::file(&format!("torrent {number}"), 512 * KIB - number, 32 * KIB).seed(number as u64)
}

#[track_caller]
fn assert_here(lab: &Lab, payload: &Payload) {
    assert_eq!(payload.right_at(&lab.out()).len() as u32, payload.pieces(), "{:?}", payload.files[0].0);
}

async fn until_phase(torrent: &TorrentHandle, phase: Phase) {
    let mut views = torrent.views();
    let reached = views.wait_for(|view| view.phase == phase);
    soon(&format!("{phase:?}"), reached).await.expect("it goes on until then");
}

/// The other end has the torrent and gives it.
async fn is_served(stream: impl AsyncRead + AsyncWrite + Unpin, payload: &Payload) {
    let mut wire = Wire::new(stream);
    wire.say(&[Message::Interested]).await;
    wire.expect(&Message::Unchoke).await;
    wire.fetch(payload, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_comes_to_the_torrent_it_names_plain_and_encrypted() {
    let lab = Lab::new();
    let payloads: Vec<_> = (0..3).map(|number| recipe(number).make()).collect();
    payloads.iter().for_each(|payload| payload.lay_out(&lab.out()));
    let session = session(&lab);
    let torrents: Vec<_> = payloads.iter().map(|payload| add(&session, &lab, payload, &[])).collect();
    for torrent in &torrents {
        until_phase(torrent, Phase::Seeding).await;
        assert_eq!(torrent.view().port, Some(session.port()), "one port");
        assert_eq!(torrent.view().torrent.peer_id, torrents[0].view().torrent.peer_id, "one peer id");
    }
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, session.port()));
    for encryption in [Encryption::Plain, Encryption::Mse] {
        for payload in &payloads {
            match call(addr, payload.info_hash(), encryption).await {
                Carrier::Bare(stream) => is_served(stream, payload).await,
                Carrier::Encrypted(stream) => is_served(stream, payload).await,
            }
        }
    }
    // Nobody is let in for a torrent that is none of ours, or is one no more.
    soon("it is removed", session.remove(payloads[1].info_hash())).await.unwrap();
    for stranger in [InfoHash([9; 20]), payloads[1].info_hash()] {
        let mut wire = Wire::new(soon("a connection", TcpStream::connect(addr)).await.unwrap());
        wire.raw(&plain_handshake(stranger).to_bytes()).await;
        assert_eq!(wire.hear().await, Heard::End);
    }
    let mut wire = Wire::dial(addr, payloads[2].info_hash()).await;
    wire.hear_until("a greeting", |heard| matches!(heard, Heard::Message(_)).then_some(())).await;
    soon("all stop", session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torrents_come_and_go_while_others_run() {
    let lab = Lab::new();
    let payloads: Vec<_> = (0..4).map(|number| recipe(number).make()).collect();
    let slow = Seed::start(&payloads[0], Script { bps: 150_000, ..Script::default() }).await;
    let session = session(&lab);
    let mut first = add(&session, &lab, &payloads[0], &[slow.addr]);
    until_phase(&first, Phase::Downloading).await;
    for payload in &payloads[1..] {
        let seed = Seed::honest(payload).await;
        let mut torrent = add(&session, &lab, payload, &[seed.addr]);
        soon("it completes", torrent.completed()).await.unwrap();
        soon("it is removed", session.remove(payload.info_hash())).await.unwrap();
        assert_eq!(torrent.outcome(), Some(Ok(())));
        assert_here(&lab, payload);
        // Added again it is found whole.
        let mut again = add(&session, &lab, payload, &[]);
        soon("it is found", again.completed()).await.unwrap();
        let twice = session.add(payload.torrent.clone(), options(&lab, &[])).unwrap_err();
        assert_eq!(twice, EngineError::UnderWay(payload.info_hash()));
    }
    assert!(first.outcome().is_none());
    soon("the first completes too", first.completed()).await.unwrap();
    assert_here(&lab, &payloads[0]);
    assert_eq!(slow.seen().connections, 1, "nothing disturbed it");
    soon("all stop", session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_would_write_another_s_file_is_refused_and_the_other_goes_on() {
    let lab = Lab::new();
    let (one, other) = (recipe(1).make(), recipe(1).seed(77).make());
    assert_ne!(one.info_hash(), other.info_hash());
    // It sends nothing before the other was refused: until then the first downloads.
    let seed = Seed::start(&one, Script { allowed: 0, ..Script::default() }).await;
    let others = Seed::honest(&other).await;
    let session = session(&lab);
    let mut first = add(&session, &lab, &one, &[seed.addr]);
    until_phase(&first, Phase::Downloading).await;
    let mut second = add(&session, &lab, &other, &[others.addr]);
    let refused = soon("it is refused", second.ended()).await.unwrap_err();
    let path = lab.out().canonicalize().unwrap().join("torrent 1");
    assert_eq!(
        refused.to_string(),
        format!("torrent 1 is refused: it would write {}, as torrent 1 does", path.display())
    );
    assert_eq!(refused.exit_status(), 2);
    seed.allow(u64::MAX);
    soon("the first completes", first.completed()).await.unwrap();
    assert_here(&lab, &one);
    assert_eq!(others.seen().connections, 0);
    soon("all stop", session.stop()).await.unwrap();
}

/// Downloads this torrent with others beside it; how long that took.
async fn takes(session: &Session, lab: &Lab, payload: &Payload, peers: &[SocketAddr]) -> Duration {
    let began = Instant::now();
    let mut torrent = add(session, lab, payload, peers);
    soon("it completes", torrent.completed()).await.unwrap();
    assert_here(lab, payload);
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_of_some_leaves_the_others_their_speed() {
    const BPS: u64 = 150_000;
    let lab = Lab::new();
    let alone = {
        let payload = recipe(0).make();
        let seed = Seed::start(&payload, Script { bps: BPS, ..Script::default() }).await;
        let session = session(&lab);
        takes(&session, &lab, &payload, &[seed.addr]).await
    };

    let mut session = session(&lab);
    let control = session.control(TorrentOptions::default());
    // Nobody at all; trackers that are not there; and peers that lie, are silent, hang up, or send rubbish.
    let nobody = recipe(10).make();
    let dead = dead_trackers().await;
    let untracked = recipe(11).tier(&dead.iter().map(String::as_str).collect::<Vec<_>>()).make();
    let hunted = Recipe::file("hunted", 4096 * KIB, 32 * KIB).make();
    let mut hostile = Vec::new();
    for number in 0..64 {
        let script = match number % 4 {
            0 => Script { lies_every: Some(1), ..Script::default() },
            1 => Script { is_silent: true, ..Script::default() },
            2 => Script { hangs_up: true, ..Script::default() },
            _ => Script { says: vec![0xff; 4096], ..Script::default() },
        };
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
        hostile.push(Seed::start(&hunted, Script { ip, ..script }).await);
    }
    let hostile_addrs: Vec<_> = hostile.iter().map(|seed| seed.addr).collect();
    let troubled = [
        add(&session, &lab, &nobody, &[]),
        add(&session, &lab, &untracked, &[]),
        add(&session, &lab, &hunted, &hostile_addrs),
    ];
    let mut others = Vec::new();
    for number in 1..7 {
        let payload = recipe(number).make();
        let seed = Seed::start(&payload, Script { bps: BPS, ..Script::default() }).await;
        others.push((payload, seed));
    }
    let (session_of, lab_of) = (&session, &lab);
    let downloads = others
        .iter()
        .map(|(payload, seed)| async move { takes(session_of, lab_of, payload, &[seed.addr]).await });
    let took = all(downloads.map(Box::pin).collect()).await;
    // A twentieth more, and what a machine adds that does something else.
    let most = alone.mul_f64(1.0 / 0.95) + Duration::from_millis(500);
    assert!(took.iter().all(|took| *took <= most), "{took:?}, where one alone takes {alone:?}");
    for torrent in &troubled {
        assert_eq!((torrent.outcome(), torrent.view().phase), (None, Phase::Downloading));
        assert_eq!(torrent.view().have_bytes, 0);
    }
    // Each has its trouble in its row, and the others have none.
    let says = |torrents: &Torrents, payload: &Payload| {
        torrents.row(payload.info_hash()).is_some_and(|row| !row.why().is_empty())
    };
    let told = |torrents: &Arc<Torrents>| {
        [&nobody, &untracked, &hunted].iter().all(|payload| says(torrents, payload))
            && others.iter().all(|(payload, _)| !says(torrents, payload))
    };
    soon("each row says its trouble", control.torrents.clone().wait_for(told)).await.unwrap();
    let began = Instant::now();
    soon("all stop", session.stop()).await.unwrap();
    assert!(began.elapsed() < GOODBYE, "{:?}", began.elapsed());
}

/// Waits for all of these, one beside the other.
async fn all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = std::pin::Pin::new(future).poll(cx) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

async fn dead_trackers() -> Vec<String> {
    let mut urls = Vec::new();
    for _ in 0..3 {
        urls.push(format!("http://{}/announce", nobody_at().await));
    }
    urls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_limit_is_shared_evenly_whatever_number_of_peers_each_torrent_has() {
    const LIMIT: u64 = 1_000_000;
    let lab = Lab::new();
    let session = session_with(&lab, SessionOptions { down_bps: Some(LIMIT), ..SessionOptions::default() });
    let (mut seeds, mut torrents) = (Vec::new(), Vec::new());
    for (number, peers) in [1, 50, 3, 20, 8].into_iter().enumerate() {
        let payload = Recipe::file(&format!("it {number}"), 6144 * KIB, 32 * KIB).seed(number as u64).make();
        let mut addrs = Vec::new();
        for _ in 0..peers {
            let seed = Seed::honest(&payload).await;
            addrs.push(seed.addr);
            seeds.push(seed);
        }
        torrents.push(add(&session, &lab, &payload, &addrs));
    }
    let here = || torrents.iter().map(|torrent| torrent.view().down_bytes).collect::<Vec<u64>>();
    let until_sum = async |bytes: u64| {
        while here().iter().sum::<u64>() < bytes {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (Instant::now(), here())
    };
    // Once all have begun, and before any is near its end.
    let (began, before) = soon("all have begun", until_sum(4 * LIMIT)).await;
    let (ended, after) = soon("a while later", until_sum(12 * LIMIT)).await;
    let got: Vec<u64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    let even = got.iter().sum::<u64>() / 5;
    assert!(got.iter().all(|got| got.abs_diff(even) <= even / 5), "{got:?}, evenly {even}");
    let bps = got.iter().sum::<u64>() as f64 / (ended - began).as_secs_f64();
    assert!(bps <= LIMIT as f64 * 1.1, "{bps} a second");
    soon("all stop", session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_torrents_are_saved_in_time_and_trackers_hear_of_it() {
    let lab = Lab::new();
    let tracker = Tracker::http(Reply::nobody()).await;
    let payloads: Vec<_> = (0..200)
        .map(|number| {
            Recipe::file(&format!("it {number}"), 40 * KIB, 16 * KIB).seed(number).tier(&[&tracker.url()])
        })
        .map(|recipe| recipe.make())
        .collect();
    let session = session(&lab);
    let torrents: Vec<_> = payloads.iter().map(|payload| add(&session, &lab, payload, &[])).collect();
    for torrent in &torrents {
        until_phase(torrent, Phase::Downloading).await;
    }
    let began = Instant::now();
    soon("all stop", session.stop()).await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert!(torrents.iter().all(|torrent| torrent.outcome() == Some(Ok(()))));
    let resumes = std::fs::read_dir(lab.state()).unwrap().count();
    assert!(resumes >= 200, "{resumes} files are kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_the_whole_program_s() {
    const MOST: usize = 12;
    let lab = Lab::new();
    let session = session_with(&lab, SessionOptions { max_peers: MOST, ..SessionOptions::default() });
    let (mut seeds, mut trackers, mut torrents) = (Vec::new(), Vec::new(), Vec::<TorrentHandle>::new());
    for number in 0..3 {
        let tracker = Tracker::http(Reply::nobody()).await;
        let recipe = Recipe::file(&format!("it {number}"), 2048 * KIB, 32 * KIB).seed(number);
        let payload = recipe.tier(&[&tracker.url()]).make();
        let mut addrs = Vec::new();
        for _ in 0..10 {
            let seed = Seed::start(&payload, Script { bps: 2000, ..Script::default() }).await;
            addrs.push(seed.addr);
            seeds.push(seed);
        }
        // Peers that the user names would stay in any case.
        tracker.reply(Reply::Compact(addrs));
        torrents.push(add(&session, &lab, &payload, &[]));
        // The first has all it can get before the others come.
        let most = if number == 0 { 10 } else { 1 };
        let mut views = torrents[torrents.len() - 1].views();
        let here = views.wait_for(|view| view.groups.live >= most);
        soon("its peers are here", here).await.unwrap();
        trackers.push(tracker);
    }
    let live = || torrents.iter().map(|torrent| torrent.view().groups.live as usize).collect::<Vec<_>>();
    let settled = async {
        let mut most = 0;
        while live().iter().sum::<usize>() < MOST || live().iter().any(|live| *live < 3) {
            most = most.max(live().iter().sum());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        most
    };
    let most = soon("every place is taken, and some by each", settled).await;
    // Two that take the last place in the same moment both have it.
    assert!(most <= MOST + 2, "{most} connections");
    soon("all stop", session.stop()).await.unwrap();
}
