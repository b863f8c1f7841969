//! Ten torrents in one program that is killed again and again: all of them are kept, and go on.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;
use ttui::library::Library;

use super::support::program::command;
use super::support::{Program, Script, Several};

const TORRENTS: u64 = 10;
/// The latest moment of a kill after a start.
const LATEST: Duration = Duration::from_millis(1200);

/// Kills it this many times at random moments; what is wrong after that.
pub(crate) async fn live(kills: u32, random: &mut fastrand::Rng) -> Vec<String> {
    // From done in a second to hardly begun.
    let scripts = (0..TORRENTS).map(|number| Script { bps: 80_000 << (number % 5), ..Script::default() });
    let several = Several::of(scripts.collect()).await;
    let lab = &several.lab;
    let library = Library::of(&lab.state());
    let (mut breaches, mut kept) = (Vec::new(), 0);
    for kill in 0..kills {
        // What was not kept before the first kills is named again.
        let program = if kept < TORRENTS as usize {
            several.run(&["--json", "--seed"])
        } else {
            Program::spawn(command(lab).args(["--json", "--seed"]))
        };
        sleep(Duration::from_micros(random.u64(..LATEST.as_micros() as u64))).await;
        program.signal(Signal::KILL);
        let ended = program.ended().await;
        if !ended.stderr.is_empty() {
            breaches.push(format!("kill {kill}: {:?}", ended.stderr));
        }
        let listing = library.list().unwrap();
        breaches.extend(listing.unusable.iter().map(|error| format!("kill {kill}: {error}")));
        if listing.entries.len() < kept {
            breaches.push(format!("kill {kill}: {} of {kept} are kept", listing.entries.len()));
        }
        kept = listing.entries.len();
    }
    let ended = several.run(&["--json"]).ended().await;
    if ended.code() != 0 {
        breaches.push(format!("at the end: {ended:#?}"));
    }
    for (payload, _) in &several.torrents {
        let right = payload.right_at(&lab.out()).len();
        if right as u32 != payload.pieces() {
            breaches.push(format!("{}: {right} pieces are right", payload.torrent.name));
        }
    }
    breaches
}
