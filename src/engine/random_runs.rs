//! Decisions and ledger under whatever may happen: peers that come, choke, lie, refuse and go in any order, and a user who
//! presses every key. After every step both must be consistent, and agree; at the end one honest seed must be enough to
//! complete. The swarms are those of the simulator.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::command::Command;
use crate::event::{At, Cause, Event, PeerKey};
use crate::ledger::script::facts_of;
use crate::ledger::{Group, Ledger};
use crate::metainfo::Geometry;
use crate::swarm::{RandomRun, Swarm, TURNS, seeds};

/// Hears what is learned, and holds the ledger against the swarm.
struct Judge {
    geometry: Geometry,
    ledger: Ledger,
    /// Peers with an attempt under way.
    attempts: BTreeSet<PeerKey>,
    /// Those with a second one that races it.
    rivals: BTreeSet<PeerKey>,
}

impl Judge {
    fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            ledger: Ledger::new(facts_of(geometry)),
            attempts: BTreeSet::new(),
            rivals: BTreeSet::new(),
        }
    }

    fn look(&mut self, run: &mut RandomRun) {
        for (at, event) in run.learned() {
            self.hear(at, &event);
        }
        self.check(run.now(), run.swarm());
    }

    fn hear(&mut self, at: At, event: &Event) {
        match event {
            Event::AttemptBegan { peer, .. } => {
                assert!(self.attempts.insert(*peer), "{peer:?}: the attempt before goes on");
            }
            Event::AttemptEnded { peer, .. } => {
                // A rival goes on in its place.
                let over = self.rivals.remove(peer) || self.attempts.remove(peer);
                assert!(over, "{peer:?}: none to end");
            }
            Event::RivalBegan { peer, .. } => {
                assert!(
                    self.attempts.contains(peer) && self.rivals.insert(*peer),
                    "{peer:?}: a rival of none"
                );
            }
            Event::RivalEnded { peer, .. } => assert!(self.rivals.remove(peer), "{peer:?}: no rival to end"),
            Event::Connected { peer } => assert!(!self.rivals.contains(peer), "{peer:?}: who won?"),
            Event::Handshaken { peer } | Event::FirstBlock { peer } | Event::Has { peer, .. } => {
                assert!(self.attempts.contains(peer), "{peer:?}: no attempt under way");
            }
            Event::PeerMerged { gone, into } => {
                assert!(self.attempts.remove(gone) && self.attempts.insert(*into));
            }
            _ => {}
        }
        self.ledger.apply(at, event);
    }

    fn check(&mut self, now: At, swarm: &Swarm) {
        let view = self.ledger.view(now);
        let ourselves = view.peers.iter().filter(|peer| peer.cause == Some(Cause::SelfConnection)).count();
        let groups = view.groups;
        let sum = groups.live + groups.trying + groups.failed + groups.left + groups.queued + groups.banned;
        assert_eq!((sum, sum as usize), (view.funnel.known, view.peers.len() - ourselves));
        let live: BTreeSet<PeerKey> =
            view.peers.iter().filter(|peer| peer.group == Group::Live).map(|peer| peer.key).collect();
        let rivals = view.peers.iter().filter(|peer| peer.rival.is_some()).map(|peer| peer.key);
        assert_eq!(rivals.collect::<BTreeSet<_>>(), self.rivals, "who races");
        assert_eq!(live, swarm.live_peers().into_keys().collect(), "who is live");
        let pieces = swarm.have().unwrap().numbers().filter_map(|number| self.geometry.piece(number));
        let have = pieces.map(|piece| u64::from(self.geometry.length_of(piece))).sum::<u64>();
        assert_eq!((view.have_bytes, view.phase), (have, swarm.phase()));
    }
}

#[test]
fn swarm_and_ledger_hold_together_whatever_happens() {
    for seed in seeds() {
        let mut run = RandomRun::new(seed).listened_to();
        let mut judge = Judge::new(run.geometry());
        for _ in 0..TURNS {
            run.turn();
            judge.look(&mut run);
        }
        run.must_complete(|run| judge.look(run));
    }
}

#[test]
fn nothing_begins_once_it_ends() {
    for seed in seeds() {
        let mut run = RandomRun::new(seed).listened_to();
        let mut judge = Judge::new(run.geometry());
        for turn in 0..TURNS {
            if turn == TURNS / 2 {
                run.wish(Command::Quit);
            }
            run.turn();
            judge.look(&mut run);
        }
        run.wish(Command::Quit);
        run.wait(Duration::from_secs(2));
        assert_eq!(run.connections(), 0);
    }
}
