//! The machine's own addresses change while a download runs.

use std::process::Command as Shell;

use super::*;
use crate::support::{Reply, Tracker, namespace};

/// A peer at an address of its own, reached from another.
const NETWORK: &str = "ip link set lo up && ip addr add 10.8.0.1/32 dev lo && ip addr add 10.8.0.2/32 dev lo && \
    ip route replace table local local 10.8.0.2 dev lo src 10.8.0.1";
/// The machine moves: it is reached at another address, and reaches the peer from there.
const MOVE: &str = "ip addr add 10.8.0.3/32 dev lo && \
    ip route replace table local local 10.8.0.2 dev lo src 10.8.0.3 && ip addr del 10.8.0.1/32 dev lo";

fn run(script: &str) {
    let output = Shell::new("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_moves_dials_its_peers_at_once_and_tells_trackers() {
    let test = "network::a_machine_that_moves_dials_its_peers_at_once_and_tells_trackers";
    if namespace::enter(test, NETWORK) != namespace::Place::Inside {
        return;
    }
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = Recipe::file("it", 4 << 20, 64 * KIB).tier(&[&tracker.url()]).make();
    let ip = IpAddr::from([10, 8, 0, 2]);
    let seed = Seed::start(&payload, Script { ip, allowed: 8, ..Script::default() }).await;
    let lab = Lab::new();
    let download = lab.start(&payload, &[seed.addr]);
    until(&download, "the seed sends", |view| peer_at(view, seed.addr)?.attempts[0].first_block).await;
    tracker.until("started").await;

    run(MOVE);
    until_ended(&download, seed.addr, Cause::ConnectionLost).await;
    let again = until(&download, "it is connected again", |view| {
        let attempts = &peer_at(view, seed.addr)?.attempts;
        attempts.get(1)?.handshaken.map(|_| (attempts[0].ended, attempts[1].began))
    });
    let (ended, began) = again.await;
    assert!(began - ended.unwrap() < Duration::from_secs(1), "dialled at once, not after a pause");
    tracker.until("").await;
    seed.allow(u64::MAX);
    finish(&lab, &payload, download).await;
}
