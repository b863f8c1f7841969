//! Very many endpoints: how long it takes, what it costs, and how many files it may open.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peers::payload;
use crate::support::{Lab, Program, namespace};

/// Loopback, and addresses at which nothing ever answers.
const VANISH: &str =
    "ip link set lo up && ip addr add 10.8.0.1/32 dev lo && ip route add 10.9.0.0/16 dev lo src 10.8.0.1";

/// So many addresses below this one.
fn addresses(network: &str, count: u32) -> Vec<String> {
    (0..count)
        .flat_map(|n| ["--peer".to_owned(), format!("{network}.{}.{}:9", n / 250, 1 + n % 250)])
        .collect()
}

#[test]
fn two_thousand_dead_endpoints_cost_little_more_than_one() {
    if !namespace::possible() {
        return;
    }
    let (payload, lab) = (payload(), Lab::new());
    let mut command = namespace::command_after(&lab, VANISH);
    command.args(["check", "--json", "--for", "60s"]).arg(lab.torrent(&payload));
    command.args(addresses("127.1", 1000)).args(addresses("10.9", 1000)).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    let took = began.elapsed();
    // It has done all its work, and cannot end before the rest of its report is read.
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
    let (status, stat) = (read("status"), read("stat"));
    let mut rest = String::from("{");
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));

    let report: Value = serde_json::from_str(&rest).unwrap();
    let count = |cause: &str| {
        report["peers"].as_array().unwrap().iter().filter(|peer| peer["cause"] == cause).count()
    };
    assert_eq!((count("connection_refused"), count("connect_timeout")), (1000, 1000));
    // Ten seconds to connect over TCP and not five over uTP, and four for twice two thousand dials. What never opened is
    // not tried encrypted.
    assert!(took < Duration::from_secs(19), "{took:?}");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 64 * 1024, "{peak_kib} KiB");
    // Fields 14 and 15, counted behind the name in brackets.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    let cpu_s = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    assert!(cpu_s < 2.0, "{cpu_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_raises_its_file_limit_and_says_so_when_that_is_not_enough() {
    if !namespace::possible() {
        return;
    }
    let (payload, lab) = (payload(), Lab::new());
    let run = async |hard: u32, form: &[&str]| {
        let setup = format!("{VANISH} && ulimit -Sn 100 && ulimit -Hn {hard}");
        let mut command = namespace::command_after(&lab, &setup);
        command
            .args(["check", "--for", "2s"])
            .args(form)
            .arg(lab.torrent(&payload))
            .args(addresses("10.9", 300));
        Program::spawn(&mut command).ended().await
    };
    let enough = run(1000, &["--json"]).await;
    assert_eq!(enough.json()[0]["funnel"]["dialled"], json!(300), "100 files were not enough for that");
    assert_eq!(enough.stderr, Vec::<String>::new());

    let scarce = run(200, &["--json"]).await;
    assert_eq!(scarce.json()[0]["funnel"]["dialled"], json!(200 - 64));
    let note = "Only 136 peers are tried at once: this process may open no more files.";
    assert!(scarce.complaint().contains(note), "{}", scarce.complaint());
    for form in [&[][..], &["--markdown"]] {
        let told = run(200, form).await;
        assert!(told.stdout.join(" ").contains(note) && told.stderr.is_empty(), "{told:?}");
    }
}
