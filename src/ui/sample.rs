//! The moments of recordings that tests of screens look at, and views in which nothing fits together.

mod reach;
mod torrents;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::event::{Cause, PeerKey, Sample};
use crate::ledger::{Group, History, PeerRecord, PieceState, View};
use crate::metainfo::PieceIndex;
pub(crate) use crate::record::scenes::STARTED;
use crate::record::scenes::Scene;

pub(crate) use self::reach::sources;
pub(crate) use self::torrents::{removable, torrents};
use super::words::Standing;

/// A moment of a scene that has a name: the scene, and the time in it, milliseconds.
pub(crate) const MOMENTS: [(&str, Scene, u64); 15] = [
    ("checking", Scene::Debian, 590),
    ("preparing", Scene::Debian, 2_200),
    ("starting", Scene::Debian, 10_000),
    ("healthy", Scene::Debian, 182_000),
    ("barred", Scene::Debian, 228_500),
    ("paused", Scene::Debian, 194_500),
    ("stopped", Scene::Debian, 215_000),
    ("stalled", Scene::Stalled, 182_000),
    ("slow", Scene::Nature, 90_000),
    ("completing", Scene::Complete, 36_000),
    ("complete", Scene::Complete, 46_000),
    ("seeding", Scene::Complete, 92_000),
    ("magnet", Scene::Magnet, 14_000),
    ("magnet-missing", Scene::Magnet, 32_000),
    ("hostile", Scene::Hostile, 69_000),
];

/// What the screens show at the moment of this name.
pub(crate) fn moment(name: &str) -> View {
    static VIEWS: [OnceLock<Arc<View>>; MOMENTS.len()] = [const { OnceLock::new() }; MOMENTS.len()];
    let at = MOMENTS.iter().position(|(moment, ..)| *moment == name).unwrap();
    let (_, scene, at_ms) = MOMENTS[at];
    (**VIEWS[at].get_or_init(|| scene.view(at_ms))).clone()
}

/// A download that goes well: fifty peers, of which seven send.
pub(crate) fn healthy() -> View {
    moment("healthy")
}

/// Nothing arrives any more.
pub(crate) fn stalled() -> View {
    moment("stalled")
}

/// Paused by the user.
pub(crate) fn paused() -> View {
    moment("paused")
}

/// The disk is full.
pub(crate) fn stopped() -> View {
    moment("stopped")
}

/// Everything is here.
pub(crate) fn seeding() -> View {
    moment("seeding")
}

/// The first moment: what is on disk is looked at.
pub(crate) fn checking() -> View {
    moment("checking")
}

/// Many files, in folders.
pub(crate) fn many_files() -> View {
    moment("slow")
}

/// Strings that came from outside at their worst.
pub(crate) fn hostile() -> View {
    moment("hostile")
}

/// A piece of the healthy download that is under way, with blocks here and others asked for.
pub(crate) fn arriving_piece() -> u32 {
    let view = healthy();
    let arriving = |piece: &PieceIndex| view.pieces.states[piece.index()] == PieceState::Arriving;
    let blocks = |piece: &PieceIndex| {
        view.pieces.history.under_way(*piece).map_or(0, |under_way| under_way.blocks.len())
    };
    let pieces = view.torrent.geometry().unwrap().pieces().filter(arriving);
    pieces.max_by_key(blocks).unwrap().number()
}

/// For every standing a view and a peer of that standing.
pub(crate) fn one_of_each() -> Vec<(View, PeerKey)> {
    let views: Vec<View> = MOMENTS.iter().map(|(name, ..)| moment(name)).collect();
    let find = |standing: Standing| {
        views.iter().find_map(|view| {
            let peer = view.peers.iter().find(|peer| Standing::of(peer, view.at) == standing)?;
            Some((view.clone(), peer.key))
        })
    };
    Standing::ALL
        .map(|standing| find(standing).unwrap_or_else(|| panic!("{standing:?} is in no recording")))
        .into()
}

/// The peer sends at this rate, and takes nothing.
pub(crate) fn set_rate(peer: &mut PeerRecord, down_bps: u64) {
    peer.rates = Sample { down_bps, up_bps: 0 };
}

/// A view in which nothing fits together, from a seed: no events tell of such a run.
pub(crate) fn random(seed: u64) -> View {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut view = moment(MOMENTS[random.usize(..MOMENTS.len())].0);
    view.peers.retain(|_| random.u32(..4) > 0);
    for peer in &mut view.peers {
        let peer = Arc::make_mut(peer);
        if random.bool() {
            let groups =
                [Group::Live, Group::Trying, Group::Failed, Group::Left, Group::Queued, Group::Banned];
            peer.group = groups[random.usize(..groups.len())];
            peer.cause = Some(Cause::ALL[random.usize(..Cause::ALL.len())]);
            peer.held = random.u32(..5) == 0;
            peer.dropped = random.u32(..5) == 0;
        }
        if random.u32(..4) == 0 {
            peer.attempts.clear();
        }
        if random.u32(..8) == 0 {
            set_rate(peer, u64::MAX);
            peer.sample.latency_ms = u32::MAX;
            peer.since = Duration::from_secs(random.u64(..));
            peer.attempts.iter_mut().for_each(|attempt| attempt.number = u32::MAX);
        }
    }
    if random.bool() {
        let map = Arc::make_mut(&mut view.pieces);
        let count = random.usize(..300);
        map.states.truncate(count);
        map.held_by.truncate(random.usize(..300));
        map.seeds = random.u32(..2);
        map.failures = random.u32(..);
        map.generation += random.u64(..5);
        if random.bool() {
            map.history = History::default();
        }
    }
    if random.u32(..4) == 0 {
        view.trackers.clear();
    }
    if random.u32(..4) == 0 {
        view.finders.clear();
    }
    if random.u32(..6) == 0 {
        view.verdicts.clear();
    }
    if random.u32(..6) == 0 {
        (view.have_bytes, view.rates.up_bps) = (u64::MAX, u64::MAX);
        let metadata = Arc::make_mut(&mut view.torrent).metadata.as_mut();
        if let Some(file) = metadata.and_then(|metadata| metadata.files.first_mut()) {
            (file.offset_bytes, file.length_bytes) = (u64::MAX - 5, u64::MAX);
        }
    }
    view.at = Duration::from_millis(random.u64(..1 << 40));
    view.eta = random.bool().then(|| Duration::from_secs(random.u64(..)));
    view.funnel.known = random.u32(..);
    view.rates.down_bps = random.u64(..);
    view
}
