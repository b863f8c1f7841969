//! A torrent of which other files are wanted in every run, killed in all of them but the last: what came is there, at its
//! place or aside, and nothing is made that nobody wants.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;
use ttui::metainfo::Bitfield;
use ttui::storage;

use super::support::{Lab, Payload, Recipe, Script, Seed, program};

/// The latest moment of a kill after a start.
const LATEST: Duration = Duration::from_millis(500);
const KIB: usize = 1024;

/// Files of which up to five share a piece.
fn payload() -> Arc<Payload> {
    let names: Vec<(String, usize)> = (0..24)
        .map(|number| {
            (format!("d{}/f{number}", number % 3), [90 * KIB + 1, 9 * KIB, 0, 700 * KIB, 5][number % 5])
        })
        .collect();
    let files: Vec<(&str, usize)> = names.iter().map(|(name, length)| (name.as_str(), *length)).collect();
    Recipe::files("it", &files, 64 * KIB).make()
}

/// The pieces that are here, at their places or aside.
fn have(lab: &Lab, payload: &Payload) -> BTreeSet<u32> {
    let pieces = Bitfield::full(payload.pieces());
    let (torrent, cancel) = (Arc::new(payload.torrent.clone()), AtomicBool::new(false));
    let found = storage::verify(torrent, &lab.out(), Some(&lab.state()), &pieces, 1, &|_, _| {}, &cancel);
    found.unwrap().good.numbers().collect()
}

/// Kills it this many times at random moments; what is wrong after that.
pub(crate) async fn live(kills: u32, random: &mut fastrand::Rng) -> Vec<String> {
    let (payload, lab) = (payload(), Lab::new());
    let seed = Seed::start(&payload, Script { bps: 4 << 20, ..Script::default() }).await;
    let peer = seed.addr.to_string();
    let files: Vec<usize> = (0..payload.torrent.files.len()).collect();
    let (mut breaches, mut ever) = (Vec::new(), BTreeSet::new());
    for kill in 0..=kills {
        let is_last = kill == kills;
        let wanted: BTreeSet<usize> =
            files.iter().copied().filter(|file| is_last || *file == 0 || random.u8(..3) == 0).collect();
        ever.extend(wanted.iter().copied());
        let named = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let before = have(&lab, &payload);
        let asked = seed.seen().requests.len();
        let run = program::download(&lab, &payload, &["--peer", &peer, "--files", &named]);
        if !is_last {
            sleep(Duration::from_micros(random.u64(..LATEST.as_micros() as u64))).await;
            run.signal(Signal::KILL);
        }
        let ended = run.ended().await;
        seed.until("the seed has heard the end", |seen| seen.open == 0).await;
        let mut breach = |what: String| breaches.push(format!("kill {kill} with {named}: {what}"));
        if is_last && ended.code() != 0 {
            breach(format!("{ended:#?}"));
        }
        let again: BTreeSet<u32> = seed.seen().requests[asked..]
            .iter()
            .map(|spec| spec.index)
            .filter(|piece| before.contains(piece))
            .collect();
        if !again.is_empty() {
            breach(format!("asked for again: {again:?}"));
        }
        let after = have(&lab, &payload);
        if !before.is_subset(&after) {
            breach(format!("lost: {:?}", before.difference(&after)));
        }
        for (number, file) in payload.torrent.files.iter().enumerate() {
            if !ever.contains(&number) && lab.out().join(file.path.as_str()).exists() {
                breach(format!("{} was made, and never wanted", file.path.as_str()));
            }
        }
    }
    payload.assert_at(&lab.out());
    breaches
}
