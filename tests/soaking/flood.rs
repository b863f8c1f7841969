//! As many connections a second as a core can make, from several addresses, each reset as soon as it is open.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::figures::{Figures, rate};
use crate::seeds::{Content, Seed};
use crate::subject::{ADDR, Subject, shake_hands};
use crate::support::namespace::{Place, enter};
use crate::{NETWORK, asked};

const SOURCES: u8 = 8;
/// More than buffers and tables of a fixed size can come to.
const MOST_MORE_KIB: u64 = 24 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens connections and resets them until it is told to stop; how many.
fn flood(stop: &AtomicBool) -> u64 {
    let mut opened = 0;
    let target = SockAddr::from(ADDR);
    for source in (0..SOURCES).cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Ok(socket) = Socket::new(Domain::IPV4, Type::STREAM, None) else { continue };
        let from = SockAddr::from(SocketAddr::from((Ipv4Addr::new(11, 3, 0, 1 + source), 0)));
        let ready = socket.set_nonblocking(true).and_then(|()| socket.bind(&from));
        // On one machine it is open when this returns, unless the queue of those who wait to be let in is full.
        let opens = ready.is_ok() && (socket.connect(&target).is_ok() || socket.peer_addr().is_ok());
        opened += u64::from(opens);
        // A reset, not a goodbye.
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
    opened
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_slows_nothing_and_shuts_nobody_out() {
    if enter("flood::a_flood_of_connections_slows_nothing_and_shuts_nobody_out", NETWORK) != Place::Inside {
        return;
    }
    let long = asked("TTUI_SOAK_SECONDS");
    let time = Duration::from_secs(long.unwrap_or(2));
    let mib_per_s = if long.is_some() { 50 } else { 6 };
    let least = if long.is_some() { 0.8 } else { 0.5 };
    let before = time.min(Duration::from_secs(10));
    let content = Content::new((mib_per_s << 20) * (time * 3).as_secs().max(30), 256 * 1024);
    let seeds: Vec<Seed> =
        (1..=2).map(|n| Seed::start(&content, Ipv4Addr::new(11, 1, 0, n), (mib_per_s << 20) / 2)).collect();
    let subject = Subject::start(&content, &seeds).await;
    thread::sleep(Duration::from_secs(1));

    let (calm_bytes, calm_kib) = subject.watch(&seeds, before);
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || flood(&stop))
    };
    let callers = {
        let (stop, content) = (Arc::clone(&stop), Arc::clone(&content));
        thread::spawn(move || {
            let (mut tried, mut came_in) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                tried += 1;
                came_in += u32::from(shake_hands(&content, Ipv4Addr::new(11, 4, 0, 1), PATIENCE).is_ok());
                thread::sleep(Duration::from_millis(500));
            }
            (tried, came_in)
        })
    };
    let began = Instant::now();
    let (flood_bytes, flood_kib) = subject.watch(&seeds, time);
    stop.store(true, Ordering::Relaxed);
    let opened = flooding.join().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let (tried, came_in) = callers.join().unwrap();
    let after: Vec<_> =
        (1..=10).map(|n| shake_hands(&content, Ipv4Addr::new(11, 5, 0, n), PATIENCE)).collect();
    let slowest = after.iter().filter_map(|took| took.as_ref().ok()).max();

    let calm_bps = calm_bytes as f64 / before.as_secs_f64();
    let share = flood_bytes as f64 / time.as_secs_f64() / calm_bps;
    let mut figures = Figures::of("flood: connections from 8 addresses, each reset at once");
    figures.note("connections a second", format!("{:.0}", opened as f64 / seconds));
    figures.note("without it", rate(calm_bytes, before.as_secs_f64()));
    figures.note("with it", rate(flood_bytes, time.as_secs_f64()));
    figures.must("share of the speed", format!("{share:.2}"), &format!(">= {least}"), share >= least);
    figures.note("memory before, at most", format!("{calm_kib} KiB"));
    figures.must(
        "memory during it, at most",
        format!("{flood_kib} KiB"),
        "+ 24 MiB",
        flood_kib <= calm_kib + MOST_MORE_KIB,
    );
    figures.note("peers that came in during it", format!("{came_in} of {tried}"));
    let all_in = after.iter().all(Result::is_ok);
    figures.must(
        "peers that shook hands after it",
        format!("{} of 10", after.iter().filter(|took| took.is_ok()).count()),
        "all",
        all_in,
    );
    figures.note("the slowest of them", format!("{:.0?}", slowest.copied().unwrap_or_default()));
    figures.note("threads, descriptors", format!("{:?}", (subject.cost().threads, subject.cost().files)));
    figures.note("connections that failed, as told", subject.says()["peers"].to_string());
    figures.settle();
}
