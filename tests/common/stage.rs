//! What the tests of the program on a terminal share: a download that goes on, and the keys of the table.

#![allow(dead_code, reason = "every file of tests uses a part of it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use portable_pty::CommandBuilder;
use ttui::ui::action::{Action, BINDINGS, Key};

use super::pty::{Pty, ttui};
use super::support::{Lab, Payload, Recipe, Reply, Script, Seed, Tracker, nobody_at};

pub(crate) const PIECE: usize = 64 * 1024;
/// The contract's two seconds, and what a busy machine adds.
pub(crate) const SOON: Duration = Duration::from_millis(2500);

/// A download that goes on for longer than a test: seeds at a walking pace, and peers that fail.
pub(crate) struct Stage {
    pub(crate) payload: Arc<Payload>,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) tracker: Tracker,
    pub(crate) lab: Lab,
    pub(crate) peers: Vec<SocketAddr>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let tracker = Tracker::http(Reply::nobody()).await;
        let files = [("a.bin", 60 * PIECE), ("b/c.bin", 30 * PIECE - 77), ("b/d.bin", 9 * PIECE)];
        let payload = Recipe::files("a torrent", &files, PIECE).tier(&[&tracker.url()]).make();
        let mut seeds = Vec::new();
        for n in 2..5 {
            let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, n));
            seeds.push(Seed::start(&payload, Script { ip, bps: 40_000, ..Script::default() }).await);
        }
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
        seeds.push(Seed::start(&payload, Script { ip, hangs_up: true, ..Script::default() }).await);
        let mut peers: Vec<SocketAddr> = seeds.iter().map(|seed| seed.addr).collect();
        peers.push(nobody_at().await);
        Self { payload, seeds, tracker, lab: Lab::new(), peers }
    }

    pub(crate) fn command(&self) -> CommandBuilder {
        download(&self.lab, &self.payload, &self.peers)
    }

    pub(crate) fn open(&self, columns: u16, rows: u16) -> Pty {
        let pty = Pty::spawn(self.command(), columns, rows);
        pty.until_shown("● sending");
        pty
    }
}

pub(crate) fn download(lab: &Lab, payload: &Payload, peers: &[SocketAddr]) -> CommandBuilder {
    let (torrent, out) = (lab.torrent(payload), lab.out());
    let mut command = ttui(lab, &[torrent.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    for peer in peers {
        command.args(["--peer", &peer.to_string()]);
    }
    command
}

/// The key of an action, as the table has it.
pub(crate) fn key(action: Action) -> Key {
    BINDINGS.iter().find(|binding| binding.action == action).unwrap().keys[0]
}
