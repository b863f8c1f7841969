//! A crowd of hostile peers of all kinds beside two good ones.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{Figures, rate};
use crate::kinds::{KINDS, Kind};
use crate::seeds::{Content, Seed};
use crate::subject::Subject;
use crate::support::namespace::{Place, enter};
use crate::{NETWORK, asked};

const HOSTILE: usize = 64;
/// What queues and buffers of so many connections may come to.
const MOST_MORE_KIB: u64 = 64 * 1024;

/// How often each kind came to an end, however it did.
type Ends = Arc<Mutex<BTreeMap<String, u32>>>;

fn torment(number: usize, content: Arc<Content>, end: Instant, ends: Ends) {
    let kind: Kind = KINDS[number % KINDS.len()];
    let from = Ipv4Addr::new(11, 2, 0, number as u8 + 1);
    while Instant::now() < end {
        let ended = match kind.play(from, &content, end) {
            Ok(()) => format!("{kind:?}: ended"),
            Err(error) => format!("{kind:?}: {:?}", error.kind()),
        };
        *ends.lock().unwrap().entry(ended).or_default() += 1;
        thread::sleep(kind.rests());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_peers_of_all_kinds_slow_two_good_ones_little() {
    if enter("hostile::hostile_peers_of_all_kinds_slow_two_good_ones_little", NETWORK) != Place::Inside {
        return;
    }
    let long = asked("TTUI_SOAK_SECONDS");
    let time = Duration::from_secs(long.unwrap_or(4));
    let each = if long.is_some() { 25 } else { 3 };
    let least = if long.is_some() { 0.8 } else { 0.5 };
    let before = (time / 2).min(Duration::from_secs(10));
    let content = Content::new(((2 * each) << 20) * ((time + before).as_secs() + 10), 512 * 1024);
    let seeds: Vec<Seed> =
        (1..=2).map(|n| Seed::start(&content, Ipv4Addr::new(11, 1, 0, n), each << 20)).collect();
    let subject = Subject::start(&content, &seeds).await;
    thread::sleep(Duration::from_secs(1));

    let (calm_bytes, calm_kib) = subject.watch(&seeds, before);
    let end = Instant::now() + time;
    let ends = Ends::default();
    let crowd: Vec<_> = (0..HOSTILE)
        .map(|number| {
            let (content, ends) = (Arc::clone(&content), Arc::clone(&ends));
            thread::spawn(move || torment(number, content, end, ends))
        })
        .collect();
    let (bytes, kib) = subject.watch(&seeds, time);
    let says = subject.says();
    crowd.into_iter().for_each(|one| one.join().unwrap());

    let share = (bytes as f64 / time.as_secs_f64()) / (calm_bytes as f64 / before.as_secs_f64());
    let mut figures = Figures::of("hostile: 64 of all kinds beside two good peers");
    figures.note("without them", rate(calm_bytes, before.as_secs_f64()));
    figures.note("with them", rate(bytes, time.as_secs_f64()));
    figures.must("share of the speed", format!("{share:.2}"), &format!(">= {least}"), share >= least);
    figures.note("memory before, at most", format!("{calm_kib} KiB"));
    figures.must(
        "memory with them, at most",
        format!("{kib} KiB"),
        "+ 64 MiB",
        kib <= calm_kib + MOST_MORE_KIB,
    );
    figures.note(
        "here and verified at its end",
        format!("{} MiB", says["have_bytes"].as_u64().unwrap_or(0) >> 20),
    );
    figures.note("peers, as told", says["peers"].to_string());
    figures.settle();
    for (how, times) in &*ends.lock().unwrap() {
        println!("    {how} {times} times");
    }
}
