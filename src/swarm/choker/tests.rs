use std::collections::BTreeSet;

use super::super::slots::UploadSlots;
use super::*;

const PIECE: u32 = 1 << 20;

/// A peer that wants to be served, in virtual time.
#[derive(Clone, Copy, Debug)]
struct Peer {
    candidate: Candidate,
    /// What it takes when nothing else holds it, bytes a second.
    takes_bps: u64,
    taken_bytes: u64,
    longest_wait: At,
    longest_served: At,
}

/// Peers, and who serves them.
struct World {
    now: At,
    choker: Choker,
    limit_bps: Option<u64>,
    sent_bytes: u64,
    peers: Vec<Peer>,
}

impl World {
    fn new(slots: UploadSlots, limit_bps: Option<u64>) -> Self {
        let mut choker = Choker::new(At::ZERO, Slots::new(slots, limit_bps));
        choker.know(PIECE);
        Self { now: At::ZERO, choker, limit_bps, sent_bytes: 0, peers: Vec::new() }
    }

    fn add(&mut self, count: usize, worth_bps: u64, takes_bps: u64) {
        for _ in 0..count {
            let conn = ConnKey(self.peers.len() as u32);
            let candidate = Candidate { conn, worth_bps, since: self.now, unchoked: false, given_bytes: 0 };
            let (longest_wait, longest_served) = (At::ZERO, At::ZERO);
            self.peers.push(Peer { candidate, takes_bps, taken_bytes: 0, longest_wait, longest_served });
        }
    }

    fn choose(&mut self) {
        let candidates: Vec<Candidate> = self.peers.iter().map(|peer| peer.candidate).collect();
        let chosen = self.choker.choose(self.now, &candidates);
        assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len(), "nobody is chosen twice");
        for peer in &mut self.peers {
            let candidate = &mut peer.candidate;
            if candidate.unchoked != chosen.contains(&candidate.conn) {
                candidate.unchoked = !candidate.unchoked;
                (candidate.since, candidate.given_bytes) = (self.now, 0);
            }
        }
    }

    /// Lets rounds pass. What the limit lets through is shared by those that are served.
    fn pass(&mut self, rounds: u32) {
        for _ in 0..rounds {
            self.choker.on_time(self.now, self.sent_bytes, self.limit_bps);
            self.choose();
            self.now += ROUND;
            let served = self.served().len().max(1) as u64;
            for peer in &mut self.peers {
                let time = self.now - peer.candidate.since;
                if peer.candidate.unchoked {
                    let share = self.limit_bps.map_or(u64::MAX, |limit| limit / served);
                    let bytes = peer.takes_bps.min(share) * ROUND.as_secs();
                    peer.candidate.given_bytes += bytes;
                    peer.taken_bytes += bytes;
                    self.sent_bytes += bytes;
                    peer.longest_served = peer.longest_served.max(time);
                } else {
                    peer.longest_wait = peer.longest_wait.max(time);
                }
            }
        }
    }

    fn served(&self) -> Vec<u32> {
        let served = self.peers.iter().filter(|peer| peer.candidate.unchoked);
        served.map(|peer| peer.candidate.conn.0).collect()
    }

    fn longest_wait(&self) -> At {
        self.peers.iter().map(|peer| peer.longest_wait).max().unwrap_or_default()
    }
}

#[test]
fn serves_everybody_while_there_is_room() {
    let mut world = World::new(UploadSlots::Fixed(8), None);
    world.add(9, 0, 1000);
    world.pass(1);
    assert_eq!(world.served().len(), 9);
}

#[test]
fn serves_those_that_send_most_and_one_more_that_gets_its_chance() {
    let mut world = World::new(UploadSlots::Fixed(3), None);
    for n in 0..10 {
        world.add(1, n * 100, 50_000);
    }
    let mut lucky = BTreeSet::new();
    for _ in 0..30 {
        world.pass(1);
        let served = world.served();
        assert_eq!((served.len(), &served[1..]), (4, &[7, 8, 9][..]));
        lucky.insert(served[0]);
    }
    assert_eq!(lucky.len(), 7, "every other peer had a turn");
}

#[test]
fn who_begins_to_send_more_takes_the_place_of_who_sends_less() {
    let mut world = World::new(UploadSlots::Fixed(2), None);
    world.add(6, 1000, 1000);
    world.pass(1);
    world.peers[5].candidate.worth_bps = 2000;
    world.peers[4].candidate.worth_bps = 3000;
    world.pass(1);
    assert!([4, 5].iter().all(|peer| world.served().contains(peer)));
    world.pass(30);
    assert!([4, 5].iter().all(|peer| world.served().contains(peer)));
}

#[test]
fn those_that_send_nothing_hold_no_slot_for_ever_nor_do_equals() {
    for worth_bps in [0, 5000] {
        let mut world = World::new(UploadSlots::Fixed(7), None);
        world.add(24, worth_bps, 10_000);
        world.pass(90);
        for peer in &world.peers {
            assert!(peer.longest_served <= TURN + ROUND, "{peer:?}");
            assert!(peer.longest_wait <= TURN * 3, "{peer:?}");
        }
    }
}

#[test]
fn of_many_that_only_take_nobody_waits_longer_than_two_minutes() {
    for (limit_bps, takes_bps) in
        [(None, 3000), (None, 2_000_000), (Some(20_000), 50_000), (Some(1 << 20), 1 << 20)]
    {
        let mut world = World::new(UploadSlots::Auto, limit_bps);
        world.add(40, 0, takes_bps);
        world.pass(60);
        assert!(world.longest_wait() <= At::from_secs(100), "{:?}", world.longest_wait());
        // Many more come at once.
        world.add(100, 0, takes_bps);
        world.pass(60);
        assert!(world.longest_wait() <= At::from_secs(120), "{:?}", world.longest_wait());
    }
}

#[test]
fn those_that_send_keep_their_slots_while_many_that_only_take_have_turns() {
    let mut world = World::new(UploadSlots::Auto, Some(200_000));
    world.add(6, 10_000, 100_000);
    world.pass(1);
    world.add(40, 0, 100_000);
    world.pass(60);
    assert!(world.peers[..6].iter().all(|peer| peer.candidate.unchoked && peer.longest_wait < ROUND));
    assert!(world.longest_wait() <= At::from_secs(120), "{:?}", world.longest_wait());
    assert!(world.peers[6..].iter().all(|peer| peer.longest_served <= TURN + ROUND));
}

#[test]
fn twelve_leeches_of_a_seed_all_get_data_and_the_fast_ones_give_way_sooner() {
    let mut world = World::new(UploadSlots::Fixed(7), None);
    world.add(6, 0, 5_000_000);
    world.add(6, 0, 50_000);
    world.pass(30);
    let got: Vec<u64> = world.peers.iter().map(|peer| peer.taken_bytes).collect();
    assert!(got.iter().all(|bytes| *bytes > 5_000_000), "{got:?}");
    let longest = |peers: &[Peer]| peers.iter().map(|peer| peer.longest_served).max().unwrap();
    assert!(longest(&world.peers[..6]) < longest(&world.peers[6..]));
    // All that are alike get alike.
    for alike in [&got[..6], &got[6..]] {
        let (least, most) = (alike.iter().min().unwrap(), alike.iter().max().unwrap());
        assert!(least * 10 >= most * 6, "{got:?}");
    }
}

#[test]
fn a_turn_is_not_cut_short_by_who_comes() {
    let mut world = World::new(UploadSlots::Fixed(1), None);
    world.add(2, 0, 1000);
    world.pass(1);
    assert_eq!(world.served(), [0, 1]);
    world.add(1, 0, 1000);
    world.choose();
    assert_eq!(world.served(), [0, 1]);
    world.pass(2);
    assert_eq!(world.served(), [0, 1]);
    world.pass(1);
    assert_eq!(world.served(), [0, 2], "one waits, one goes: and the first to come is not the first to go");
}
