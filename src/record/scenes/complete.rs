//! The last pieces come, everything is here, and then we serve others.

use super::debian;
use super::story::{Flow, Story};
use super::swarm::CONNECTED;
use crate::event::{Cause, Encryption, Event, PeerKey, Phase, Side, Source};

/// When the last piece is here, seconds.
const DONE: u64 = 42;

pub(super) fn story() -> Story {
    let facts = debian::facts();
    let good = facts.piece_count() - 180;
    let mut story = Story::new(facts, 95_000);
    story.check(1900, good).tell(600, Event::Listening { port: 6881 }).phase(2000, Phase::Downloading);
    let tracker = story.tracker(0, "http://bttracker.debian.org:6969");
    story.tracker_answers(tracker, 700, (50, 212, 31));
    let named = Source::Tracker(tracker);
    let seeds: Vec<PeerKey> = CONNECTED[..2].iter().map(|who| story.learn(700, who.addr, named)).collect();
    for (n, (peer, who)) in (0..).zip(seeds.iter().zip(&CONNECTED)) {
        story.joins(*peer, 8000 + n * 900, who);
        let seconds = 12 + n * 3..DONE;
        let climb = (seconds.start, 3);
        let down_bps = if n == 0 { 1_100_000 } else { 950_000 };
        story.sends(Flow { peer: *peer, seconds, down_bps, up_bps: 0, climb });
    }
    let takers: Vec<PeerKey> = CONNECTED[9..14]
        .iter()
        .map(|who| {
            let peer = story.learn(700, who.addr, named);
            story.joins(peer, 10_000 + u64::from(peer.0) * 600, who);
            peer
        })
        .collect();
    let rates = [1_400_000, 800_000, 620_000, 310_000];
    for (n, (peer, up_bps)) in (0..).zip(takers.iter().zip(rates)) {
        story.takes(*peer, 20 + n * 9..95, up_bps);
    }
    let caller = story.calls(55_000, &CONNECTED[15]);
    story.takes(caller, 58..95, 240_000);
    for n in 0..6 {
        let peer = story.learn(700, &format!("198.18.{n}.7:{}", 6881 + n), named);
        story.fails(peer, 15_000 + n * 700, Encryption::Plain, Cause::ConnectTimeout, 500_000);
    }
    story.phase(DONE * 1000 + 950, Phase::Seeding);
    for peer in seeds.iter().chain(&takers) {
        story.tell(DONE * 1000 + 960, Event::Interested { peer: *peer, by: Side::Us, interested: false });
    }
    story.end(seeds[1], 44_000, Cause::BothSeeds, None, (31_000_000, 4000));
    story
}
