//! Several torrents, each with a tracker that names a seed of its own.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::program::command;
use super::{Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker};

/// Bytes of a piece of theirs; each has eight.
const PIECE: usize = 64 * 1024;

/// Torrents, each with a tracker that names a seed of its own.
pub(crate) struct Several {
    pub(crate) lab: Lab,
    /// Each with the path of its torrent file.
    pub(crate) torrents: Vec<(Arc<Payload>, PathBuf)>,
    pub(crate) seeds: Vec<Seed>,
    _trackers: Vec<Tracker>,
}

impl Several {
    pub(crate) async fn of(scripts: Vec<Script>) -> Self {
        let (lab, mut torrents, mut seeds, mut trackers) = (Lab::new(), Vec::new(), Vec::new(), Vec::new());
        for (number, script) in scripts.into_iter().enumerate() {
            let tracker = Tracker::http(Reply::nobody()).await;
            let name = format!("it {number}");
            let recipe = Recipe::file(&name, 8 * PIECE - number, PIECE).tier(&[&tracker.url()]);
            let payload = recipe.make();
            let seed = Seed::start(&payload, script).await;
            tracker.reply(Reply::Compact(vec![seed.addr]));
            let path = lab.write(&format!("{number}.torrent"), &payload.torrent_bytes);
            torrents.push((payload, path));
            seeds.push(seed);
            trackers.push(tracker);
        }
        Self { lab, torrents, seeds, _trackers: trackers }
    }

    /// The program on all of them, with more arguments.
    pub(crate) fn run(&self, more: &[&str]) -> Program {
        let mut command = command(&self.lab);
        command.args(self.torrents.iter().map(|(_, path)| path)).arg("-o").arg(self.lab.out()).args(more);
        Program::spawn(&mut command)
    }

    /// The info-hash of one as lines have it.
    pub(crate) fn hash(&self, number: usize) -> Value {
        self.torrents[number].0.info_hash().to_string().into()
    }
}

/// The last line of each.
pub(crate) fn finals(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["final"] == true).collect()
}
