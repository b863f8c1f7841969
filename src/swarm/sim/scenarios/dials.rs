//! Whom it dials, how often, and which of two connections stays.

use std::collections::BTreeSet;

use super::one::{One, addr};
use super::*;
use crate::event::{PeerKey, Source, TrackerKey};
use crate::metainfo::PeerId;
use crate::swarm::Input;

#[test]
fn dead_peers_delay_nobody() {
    let mut one = One::new(16 * MIB, MIB as u32, Settings::default());
    (1..=40).for_each(|n| one.learn(n));
    for n in 41..=50 {
        one.add(n, one.seed(MIB));
    }
    one.until_complete(secs(4));
}

/// The most dials that began within some second.
fn most_in_a_second(dials: &[(At, SocketAddr)]) -> usize {
    let within =
        |first: usize| dials[first..].iter().take_while(move |(at, _)| *at < dials[first].0 + SECOND);
    (0..dials.len()).map(|first| within(first).count()).max().unwrap_or(0)
}

#[test]
fn thousands_that_refuse_are_dialled_thirty_a_second() {
    let mut one = One::new(1 << 20, 1 << 18, Settings { seed: 12, ..tcp_only() });
    one.thorough = false;
    (0..3000).for_each(|n| one.learn(n));
    one.run(secs(10));
    let dials = one.dials();
    assert!(most_in_a_second(&dials) <= 60, "{}", most_in_a_second(&dials));
    let first = dials.iter().filter(|(at, _)| *at < SECOND / 10).count();
    assert!((30..40).contains(&first), "{first} at once");
    assert!((300..=332).contains(&dials.len()), "{} in ten seconds", dials.len());
}

#[test]
fn torrents_that_share_a_pacer_are_paced_together() {
    let settings = Settings { seed: 13, ..tcp_only() };
    let mut ones = [(); 3].map(|()| One::new(1 << 20, 1 << 18, settings.clone()));
    for one in &mut ones {
        one.thorough = false;
        (0..500).for_each(|n| one.learn(n));
        one.run(secs(5));
    }
    let dials: usize = ones.iter().map(|one| one.dials().len()).sum();
    assert!((180..=183).contains(&dials), "{dials} in five seconds");
}

#[test]
fn a_refusing_peer_is_dialled_less_and_less() {
    let mut one = One::new(MIB, 16384, tcp_only());
    one.learn(1);
    one.run(secs(15 * 60));
    assert!((5..=7).contains(&one.dials().len()), "{:?}", one.dials());
}

#[test]
fn being_named_over_and_over_is_no_reason_to_hammer_a_refusing_peer() {
    let mut one = One::new(MIB, 16384, tcp_only());
    for second in 0..15 * 60 {
        let source = [Source::Manual, Source::Resume, Source::Tracker(TrackerKey(second % 7))];
        one.tell(Input::Learned { addr: addr(1), source: source[second as usize % 3] });
        one.run(secs(1));
    }
    assert!((5..=7).contains(&one.dials().len()), "{:?}", one.dials());
}

#[test]
fn both_ends_dialling_at_once_leaves_one_connection() {
    let mut kept = BTreeSet::new();
    for ours in [1, 2] {
        let settings = Settings { peer_id: PeerId::ours(ours), ..Settings::default() };
        let mut one = One::new(MIB, 16384, settings);
        one.learn(1);
        one.shaken(100, Some(PeerKey(0)), addr(1), 3 - ours);
        one.shaken(101, None, SocketAddr::new(addr(1).ip(), 40_000), 3 - ours);
        assert_eq!(one.closes(100) + one.closes(101), 1);
        kept.insert(one.closes(100));
    }
    assert_eq!(kept.len(), 2, "the two ends keep the same connection");
}
