//! Real connects without end: what the process has of the machine stays what it was.
//!
//! The library runs inside the test, so that its tasks can be counted too; who calls is a thread with blocking
//! sockets, all closed whenever is counted.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use ttui::engine::{Download, Options};
use ttui::wire::Message;

use crate::figures::Figures;
use crate::seeds::{Content, Seed, bytes_of};
use crate::subject::{Cost, call};
use crate::support::namespace::{Place, enter};
use crate::support::{Lab, until};
use crate::{NETWORK, asked};

/// Rows, so that the table of peers is full early on.
const ROWS: usize = 1000;
/// Connections of one round, open at once.
const AT_ONCE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// One who calls, and goes after a while in one of many ways.
fn visit(number: usize, content: &Content, to: SocketAddr) -> io::Result<()> {
    let from = Ipv4Addr::new(11, 6, (number / 250 % 250) as u8, 1 + (number % 250) as u8);
    let mut stream = call(from, to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    match number % 6 {
        // Opened and closed.
        0 => return Ok(()),
        // Not BitTorrent.
        1 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?,
        // Another torrent.
        2 => {
            let mut handshake = content.handshake();
            handshake[30] ^= 1;
            stream.write_all(&handshake)?;
        }
        // Everything a peer says, and half a message.
        kind => {
            stream.write_all(&content.handshake())?;
            stream.read_exact(&mut [0; 68])?;
            stream.write_all(&bytes_of(&[content.bitfield(), Message::Interested]))?;
            if kind == 3 {
                stream.write_all(&[0, 0, 1])?;
            }
            stream.read_exact(&mut [0; 5])?;
            if kind == 4 {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            } else {
                stream.shutdown(Shutdown::Write)?;
            }
        }
    }
    // To the end of what is said, so that no more than so many are open.
    if number % 6 != 4 {
        let mut rest = [0; 4096];
        while stream.read(&mut rest)? > 0 {}
    }
    Ok(())
}

/// Rounds of visits; how many visitors there were, and how many were not treated as they should have been.
fn rounds(count: usize, first: usize, content: &Arc<Content>, to: SocketAddr) -> (usize, usize) {
    let mut amiss = 0;
    for round in 0..count {
        let visits: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let content = Arc::clone(content);
                thread::spawn(move || visit(first + round * AT_ONCE + n, &content, to))
            })
            .collect();
        for visit in visits {
            amiss += usize::from(
                visit.join().unwrap().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
            );
        }
    }
    (count * AT_ONCE, amiss)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_without_end_leave_nothing_behind() {
    if enter("connects::connects_without_end_leave_nothing_behind", NETWORK) != Place::Inside {
        return;
    }
    let long = asked("TTUI_SOAK_SECONDS");
    let time = Duration::from_secs(long.unwrap_or(6));
    let content = Content::new(1 << 30, 256 * 1024);
    let seed = Seed::start(&content, Ipv4Addr::new(11, 1, 0, 1), 16 * 1024);
    let lab = Lab::new();
    let options = Options { loopback: false, max_rows: ROWS, ..lab.options(&[seed.addr]) };
    let download = Download::start(content.torrent.clone(), options).unwrap();
    let port = until(&download, "a port is listened on", |view| view.port).await;
    let to = SocketAddr::from((Ipv4Addr::new(11, 0, 0, 1), port));

    let mut looks: Vec<(u64, Cost, usize)> = Vec::new();
    let (mut visitors, mut amiss) = (0, 0);
    let began = Instant::now();
    // The first look is when every table is full: four of six visitors get a row.
    while began.elapsed() < time || looks.len() < 3 {
        let (content, first) = (Arc::clone(&content), visitors);
        let count = if long.is_some() { 20 } else { 4 };
        let visits = move || rounds(count, first, &content, to);
        let (came, badly) = tokio::task::spawn_blocking(visits).await.unwrap();
        (visitors, amiss) = (visitors + came, amiss + badly);
        until(&download, "all of them are gone", |view| (view.groups.live <= 1).then_some(())).await;
        if visitors < 2 * ROWS && long.is_some() {
            continue;
        }
        // Tasks that are over are taken leave of once a quarter second; a pool's idle threads stay ten seconds.
        let tasks = settled_tasks().await;
        looks.push((began.elapsed().as_secs(), Cost::of(std::process::id()), tasks));
    }
    drop(download.stop().await);

    let (first, last) = (looks[looks.len() / 3], looks[looks.len() - 1]);
    let mut figures = Figures::of("connects: visitors of six kinds, twenty at once, from 62 500 addresses");
    figures.note("visitors", visitors);
    figures.must("left without an answer", amiss, "0", amiss == 0);
    figures.note("looked at", format!("{} times in {} s", looks.len(), last.0));
    let mut flat = |what: &str, value: fn(&(u64, Cost, usize)) -> u64, slack: u64| {
        let (before, after) = (value(&first), value(&last));
        let path = format!("{before} -> {after}");
        figures.must(what, path, &format!("+ {slack}"), after <= before + slack);
    };
    flat("memory, KiB", |look| look.1.rss_kib, if long.is_some() { 2048 } else { 8192 });
    flat("descriptors", |look| look.1.files, 2);
    flat("threads", |look| look.1.threads, 2);
    flat("tasks", |look| look.2 as u64, 2);
    for (at, cost, tasks) in looks.iter().step_by(looks.len().div_ceil(20)) {
        figures.note(
            &format!("after {at} s: KiB, descriptors, threads, tasks"),
            format!("{} {} {} {tasks}", cost.rss_kib, cost.files, cost.threads),
        );
    }
    figures.settle();
}

/// Tasks alive, once their number stands still.
async fn settled_tasks() -> usize {
    let mut before = usize::MAX;
    for _ in 0..40 {
        let now = Handle::current().metrics().num_alive_tasks();
        if now >= before {
            return now;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    before
}
