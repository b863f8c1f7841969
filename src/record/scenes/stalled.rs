//! A download that stands still: forty-one of those we dialled never answered, and the three that are left make us
//! wait.

use super::debian;
use super::story::{Flow, Story};
use super::swarm::CONNECTED;
use crate::event::{Cause, Encryption, Event, Phase, Source, TrackerError};

/// Pieces of an earlier run.
const THERE_BEFORE: u32 = 1_760;

pub(super) fn story() -> Story {
    let mut story = Story::new(debian::facts(), 184_000);
    story
        .check(1900, THERE_BEFORE)
        .tell(600, Event::Listening { port: 6881 })
        .phase(2000, Phase::Downloading);
    let tracker = story.tracker(0, "http://bttracker.debian.org:6969");
    story.tracker_answers(tracker, 700, (50, 3, 1));
    let silent = story.tracker(1, "udp://tracker.opentrackr.org:1337");
    story.tracker_fails(silent, 15_200, (TrackerError::Timeout, "no answer within 15 s"), 240_000);
    let named = Source::Tracker(tracker);
    // One of them sends for a while, then all choke us.
    for who in [&CONNECTED[0], &CONNECTED[9], &CONNECTED[10]] {
        let peer = story.learn(700, who.addr, named);
        story.joins(peer, 14_000 + u64::from(peer.0) * 2000, who);
    }
    let sender = crate::event::PeerKey(0);
    story.sends(Flow { peer: sender, seconds: 20..52, down_bps: 1_400_000, up_bps: 0, climb: (20, 6) });
    story.choke(sender, 52_300, true);
    for n in 0..4 {
        let peer = story.learn(700, &format!("203.0.113.{}:{}", 10 + n * 3, 51413 + n), named);
        story.fails(peer, 30_000 + n * 3000, Encryption::Plain, Cause::ClosedBeforeHandshake, 400_000);
    }
    for n in 0..41 {
        let addr = format!("198.{}.{}.{}:{}", 18 + n % 2, n * 13 % 256, 200 - n * 3, 6881 + n * 311);
        let peer = story.learn(700, &addr, named);
        let plain = Encryption::Plain;
        for at in [13_000, 60_000, 160_000] {
            let ended = at + n * 400;
            story.fails(
                peer,
                ended,
                plain,
                Cause::ConnectTimeout,
                if at > 100_000 { 480_000 } else { ended + 40_000 },
            );
        }
    }
    for n in 0..2 {
        story.learn(700, &format!("100.64.7.{}:6881", 9 + n), named);
    }
    story
}
