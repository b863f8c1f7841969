//! When trackers are asked for more peers.

use super::one::One;
use super::*;

/// A download of more than comes in any of these tests.
fn large(settings: Settings) -> One {
    let mut one = One::new(2048 * MIB, MIB as u32, settings);
    one.thorough = false;
    one
}

fn wants(one: &One) -> Vec<(u64, bool)> {
    one.client().wants.iter().map(|(at, wanted)| (at.as_secs(), *wanted)).collect()
}

/// Whether peers are wanted, as far as that was said.
fn wanted(one: &One) -> Option<bool> {
    one.client().wants.last().map(|(_, wanted)| *wanted)
}

#[test]
fn peers_are_wanted_when_those_known_have_failed_twice() {
    let mut one = large(Settings::default());
    (0..3).for_each(|n| one.learn(n));
    one.run(secs(14));
    assert_eq!(wants(&one), [], "they are dialled again after 15 s");
    one.run(secs(60));
    let [(at, true)] = wants(&one)[..] else { panic!("{:?}", one.client().wants) };
    assert!((19..=24).contains(&at), "wanted at {at} s, and for as long as nobody answers");
    one.learn(3);
    one.run(secs(2));
    assert_eq!(wanted(&one), Some(false), "there is somebody to dial");
    one.run(secs(40));
    for n in 4..6 {
        one.add(n, one.seed(MIB));
    }
    one.run(secs(10));
    assert_eq!(wanted(&one), Some(true), "two are not enough");
    for n in 6..10 {
        one.add(n, one.seed(MIB));
    }
    one.run(secs(60));
    assert_eq!(wanted(&one), Some(false), "six are");
}

#[test]
fn peers_are_wanted_when_the_last_one_goes_or_falls_silent() {
    let mut one = large(Settings::default());
    (0..6).for_each(|n| _ = one.add(n, Script { silent_after: Some(200), ..one.seed(MIB) }));
    one.run(secs(10));
    assert_eq!(wants(&one), []);
    one.run(secs(40));
    assert_eq!(wanted(&one), Some(true), "{:?}", one.client().wants);
}

#[test]
fn no_more_peers_are_wanted_where_they_would_not_help() {
    // It is complete within the time that asking takes.
    let mut one = One::new(40 * MIB, MIB as u32, Settings::default());
    one.add(1, one.seed(MIB));
    // In its first seconds its rate is not known yet.
    one.run(secs(12));
    one.client_mut().wants.clear();
    one.run(secs(27));
    assert_eq!(wants(&one), []);
    one.until_complete(secs(20));
    one.run(secs(600));
    assert_eq!(wants(&one), [], "seeding");
    // Our own limit is used in full.
    let mut one = large(Settings { down_bps: Some(200_000), ..Settings::default() });
    one.add(1, one.seed(MIB));
    one.run(secs(12));
    one.client_mut().wants.clear();
    one.run(secs(60));
    assert_eq!(wants(&one), []);
    // There is no place for another.
    let mut one = large(Settings { max_peers: 1, ..Settings::default() });
    one.add(1, one.seed(100_000));
    one.run(secs(60));
    assert_eq!(wants(&one), []);
    // It is paused, or ends.
    for command in [Command::Pause, Command::Quit] {
        let mut one = large(Settings::default());
        one.add(1, one.seed(MIB));
        one.run(secs(20));
        assert_eq!(wanted(&one), Some(true));
        one.wish(command);
        one.run(secs(60));
        assert_eq!(wanted(&one), Some(false));
    }
}
