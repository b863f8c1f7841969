//! Ten torrents in one program, four of them in trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::model::{Act, ENOSPC, Fault};
use super::support::{Payload, Program, Recipe, Reply, Script, Seed, Tracker, finals, nobody_at, program};
use super::{Bench, in_a_namespace};

const PIECE: usize = 64 * 1024;
const BPS: u64 = 150_000;
const LENGTH: usize = 12 * PIECE;

#[test]
fn trouble_of_four_of_ten_leaves_the_six_their_speed() {
    in_a_namespace("ten::trouble_of_four_of_ten_leaves_the_six_their_speed", four_of_ten);
}

/// A torrent, its file, and what has to be there for it.
struct One {
    payload: Arc<Payload>,
    path: PathBuf,
    _seeds: Vec<Seed>,
    _tracker: Option<Tracker>,
}

impl One {
    fn hash(&self) -> String {
        self.payload.info_hash().to_string()
    }

    /// A torrent whose tracker names these peers.
    async fn among(bench: &Bench, name: &str, scripts: Vec<Script>) -> Self {
        let tracker = Tracker::http(Reply::nobody()).await;
        let payload = Recipe::file(name, LENGTH, PIECE).tier(&[&tracker.url()]).make();
        let mut seeds = Vec::new();
        for script in scripts {
            seeds.push(Seed::start(&payload, script).await);
        }
        let addrs: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
        if !addrs.is_empty() {
            tracker.reply(Reply::Compact(addrs));
        }
        Self::of(bench, name, payload, seeds, Some(tracker))
    }

    /// One with a single peer that sends at [`BPS`].
    async fn served(bench: &Bench, name: &str) -> Self {
        Self::among(bench, name, vec![Script { bps: BPS, ..Script::default() }]).await
    }

    fn of(
        bench: &Bench,
        name: &str,
        payload: Arc<Payload>,
        seeds: Vec<Seed>,
        tracker: Option<Tracker>,
    ) -> Self {
        let path = bench.lab.write(&format!("{name}.torrent"), &payload.torrent_bytes);
        Self { payload, path, _seeds: seeds, _tracker: tracker }
    }
}

fn run(bench: &Bench, torrents: &[&One]) -> Program {
    // All of them at once.
    let settings = bench.lab.settings("ten.toml", "[queue]\ndownloading = 10\n");
    let mut command = program::command(&bench.lab);
    command.arg("--json").arg("--config").arg(settings).arg("-o").arg(bench.out());
    Program::spawn(command.args(torrents.iter().map(|one| &one.path)))
}

/// How long it took until all was here, by the last line about it.
fn took(last: &Value) -> Duration {
    assert_eq!(last["state"], "complete", "{last}");
    Duration::from_secs_f64(LENGTH as f64 / last["mean_down_bps"].as_f64().unwrap())
}

fn hostile(number: u8) -> Script {
    let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
    match number % 4 {
        0 => Script { ip, lies_every: Some(1), ..Script::default() },
        1 => Script { ip, is_silent: true, ..Script::default() },
        2 => Script { ip, hangs_up: true, ..Script::default() },
        _ => Script { ip, says: vec![0xff; 4096], ..Script::default() },
    }
}

async fn four_of_ten() {
    let bench = Bench::new();
    bench.disk.fail(Fault { act: Act::Write, on: "full", errno: ENOSPC, after: 2, times: u32::MAX });
    let alone = One::served(&bench, "alone").await;
    let ended = run(&bench, &[&alone]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let alone = took(ended.json().last().unwrap());

    let full = One::served(&bench, "full").await;
    let nobody = One::among(&bench, "nobody", Vec::new()).await;
    let hunted = One::among(&bench, "hunted", (0..64).map(hostile).collect()).await;
    let dead = format!("http://{}/announce", nobody_at().await);
    let untracked = Recipe::file("untracked", LENGTH, PIECE).tier(&[&dead]).make();
    let untracked = One::of(&bench, "untracked", untracked, Vec::new(), None);
    let mut others = Vec::new();
    for number in 0..6 {
        others.push(One::served(&bench, &format!("it {number}")).await);
    }
    let all: Vec<&One> = [&full, &nobody, &hunted, &untracked].into_iter().chain(&others).collect();
    let running = run(&bench, &all);
    let mut seeding = BTreeSet::new();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    running
        .until("the six are complete, and the trouble of three is told", |line| {
            let hash = line["torrent"]["info_hash"].as_str().unwrap_or_default().to_owned();
            if line["state"] == "seeding" {
                seeding.insert(hash.clone());
            }
            if let Some(verdict) = line["verdict"].as_str() {
                told.entry(hash).or_default().insert(verdict.to_owned());
            }
            let says = |one: &One, any: &[&str]| {
                told.get(&one.hash()).is_some_and(|told| any.iter().any(|code| told.contains(*code)))
            };
            seeding.len() == 6
                && says(&nobody, &["no_peers_known"])
                && says(&untracked, &["trackers_failing"])
                && says(&hunted, &["bad_data_many_peers", "bad_data_one_peer", "unchoked_but_silent"])
        })
        .await;
    running.until_told("full: ").await;
    running.signal(Signal::INT);
    let ended = running.ended().await;
    assert_eq!(ended.code(), 3, "that of the full disk is the highest: {ended:#?}");
    let stopped: Vec<&String> =
        ended.stderr.iter().filter(|line| line.contains("the disk is full")).collect();
    assert!(stopped.len() == 1 && stopped[0].contains("full: "), "{:#?}", ended.stderr);
    let lines = ended.json();
    let last: BTreeMap<&str, &Value> = finals(&lines)
        .into_iter()
        .map(|line| (line["torrent"]["info_hash"].as_str().unwrap(), line))
        .collect();
    assert_eq!((last.len(), &last[&*full.hash()]["state"]), (10, &"error".into()));
    // A twentieth more, and what a machine adds that does something else.
    let most = alone.mul_f64(1.0 / 0.95) + Duration::from_millis(500);
    for one in &others {
        let took = took(last[&*one.hash()]);
        assert!(took <= most, "{took:?}, where one alone takes {alone:?}");
        bench.assert_right(&one.payload);
    }
}
