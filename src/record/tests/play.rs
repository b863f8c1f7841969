//! Playing: clock in, position out.

use super::*;
use crate::event::{Cause, PeerKey, Phase, Sample, Source};
use crate::ledger::{VerdictCode, agrees_with_counts};
use crate::record::scenes::{Scene, demo};

fn s(seconds: u64) -> At {
    Duration::from_secs(seconds)
}

fn ms(ms: u64) -> At {
    Duration::from_millis(ms)
}

/// Failures at 10.5 s, 11 s and 90.25 s, a pause at 60 s, silence in between, 100 s long.
fn file() -> Vec<u8> {
    let mut run = Run::new(30);
    run.tell(Event::Phase { phase: Phase::Downloading, reason: None });
    for number in 0..3 {
        let addr = format!("192.0.2.{number}:6881").parse().unwrap();
        run.tell(Event::PeerLearned { peer: PeerKey(number), addr, source: Source::Manual });
    }
    let fail = |run: &mut Run, peer| {
        run.tell(every_kind_began(peer)).tell(Event::AttemptEnded {
            peer,
            cause: Cause::ConnectTimeout,
            error: None,
            detail: None,
            bytes_in: 0,
            bytes_out: 0,
        });
    };
    fail(run.wait_ms(10_500), PeerKey(0));
    fail(run.wait_ms(500), PeerKey(1));
    run.wait_ms(49_000).tell(Event::Phase { phase: Phase::Paused, reason: None });
    fail(run.wait_ms(30_250), PeerKey(2));
    run.wait_ms(9_750);
    run.end().0
}

fn every_kind_began(peer: PeerKey) -> Event {
    use crate::event::{Direction, Encryption, Transport};
    Event::AttemptBegan {
        peer,
        direction: Direction::Out,
        transport: Transport::Tcp,
        encryption: Encryption::Plain,
    }
}

#[test]
fn tells_how_fast_data_came_over_the_whole_run() {
    let mut run = Run::new(30);
    for second in 0..120 {
        let down_bps = if (60..90).contains(&second) { 4_000 } else { 1_000 };
        run.wait_ms(1000).tell(Event::Sample(Sample { down_bps, up_bps: 7 }));
    }
    let mut player = open(&run.end().0).unwrap();
    let whole = player.end() - player.begin();
    let curve = Arc::clone(player.curve());
    assert_eq!(curve.parts(whole, 4), [1_000, 1_000, 4_000, 1_000]);
    assert_eq!(curve.most_bps(), 4_000);
    player.go_to(s(30));
    assert_eq!(player.curve(), &curve, "wherever it stands");
}

#[test]
fn goes_with_the_clock_and_its_speed() {
    let mut player = open(&file()).unwrap();
    assert_eq!((player.begin(), player.end(), player.is_playing()), (s(0), s(100), false));
    player.advance(s(5));
    assert_eq!(player.position(), s(0), "it stands until it is told to play");
    player.play(s(1000));
    player.advance(s(1004));
    assert_eq!((player.position(), player.speed()), (s(4), 1));
    assert_eq!(player.view().at, s(4));
    player.change_speed(s(1005), true);
    player.change_speed(s(1005), true);
    player.advance(s(1006));
    assert_eq!((player.position(), player.speed()), (s(10), 5));
    assert_eq!(player.view().groups.failed, 0);
    player.advance(ms(1_006_100));
    assert_eq!(player.view().groups.failed, 1);
    player.stop(s(1007));
    player.advance(s(2000));
    assert_eq!((player.position(), player.is_playing()), (s(15), false));
    for _ in 0..20 {
        player.change_speed(s(2000), false);
    }
    assert_eq!(player.speed(), 1);
    player.play(s(2000));
    player.advance(s(2010));
    assert_eq!(player.position(), s(25));
    for _ in 0..20 {
        player.change_speed(s(2010), true);
    }
    assert_eq!(player.speed(), 60);
    player.advance(s(3000));
    assert_eq!((player.position(), player.is_playing()), (s(100), false), "it stops at the end");
    player.play(s(3000));
    assert_eq!(player.position(), s(0), "and begins again from there");
}

#[test]
fn steps_over_the_seconds_in_which_nothing_happened() {
    let mut player = open(&file()).unwrap();
    let mut stops = Vec::new();
    while player.position() < player.end() {
        player.step_forward();
        stops.push(player.position());
    }
    assert_eq!(stops, [s(1), s(11), s(12), s(61), s(91), s(100)]);
    let mut back = Vec::new();
    while player.position() > player.begin() {
        player.step_back();
        back.push(player.position());
    }
    assert_eq!(back, [s(91), s(61), s(12), s(11), s(1), s(0)]);
}

#[test]
fn finds_failures_and_changed_verdicts() {
    let mut player = open(&file()).unwrap();
    let failures: Vec<At> = failures(&player);
    assert_eq!(failures, [ms(10_500), ms(90_250)], "what fails within a second is one mark");
    assert!(player.marks().iter().any(|mark| matches!(mark.kind, MarkKind::Verdict(VerdictCode::Paused))));
    assert!(player.marks().windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(player.next_failure());
    assert_eq!((player.position(), player.view().groups.failed), (ms(10_500), 1));
    assert!(player.next_failure() && !player.next_failure());
    assert_eq!((player.position(), player.view().groups.failed), (ms(90_250), 3));
    assert!(player.previous_failure() && !player.previous_failure());
    assert_eq!((player.position(), player.view().groups.failed), (ms(10_500), 1));
}

#[test]
fn finds_who_came_and_went_and_pieces_that_failed() {
    let player = Scene::Debian.player();
    let count = |kind| player.marks().iter().filter(|mark| mark.kind == kind).count();
    for kind in [MarkKind::Came, MarkKind::Went, MarkKind::PieceFailed, MarkKind::Failure] {
        assert!(count(kind) > 0, "{kind:?}");
    }
}

fn failures<R>(player: &Player<R>) -> Vec<At>
where
    R: std::io::Read + std::io::Seek,
{
    player.marks().iter().filter(|mark| mark.kind.is_failure()).map(|mark| mark.at).collect()
}

#[test]
fn goes_on_from_where_it_jumped_to() {
    let mut player = open(&file()).unwrap();
    player.play(s(0));
    player.jump(s(3), |player| player.go_to(s(50)));
    assert_eq!(player.position(), s(50));
    player.advance(s(5));
    assert_eq!(player.position(), s(52));
    player.jump(s(5), |player| player.go_to(At::MAX));
    player.advance(s(5));
    assert!(!player.is_playing());
}

#[test]
fn takes_a_snapshot_every_minute_and_a_whole_one_every_twentieth() {
    let mut run = Run::new(30);
    run.wait_ms(1);
    for second in 0..3000u64 {
        // Numbers that no compression makes small.
        let noise = second.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        run.tell(Event::Sample(Sample { down_bps: noise, up_bps: noise / 3 })).wait_ms(1000);
    }
    let shown = run.shown.clone();
    let file = run.end().0;
    let recording = Recording::open(Cursor::new(&file)).unwrap();
    let at = |wanted: &dyn Fn(frame::Kind) -> bool| {
        let places = recording.places.iter().filter(|place| wanted(place.kind));
        places.map(|place| place.until.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(at(&|kind| kind.is_snapshot()), (0..=50).map(|minute| minute * 60).collect::<Vec<_>>());
    assert_eq!(at(&|kind| kind == frame::Kind::Snapshot), [0, 1200, 2400]);
    // Wherever it goes, forth and back, and by whichever snapshots.
    let mut player = open(&file).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..40 {
        let view = random.choice(&shown).unwrap();
        player.go_to(view.at);
        assert_eq!(&player.view(), view);
    }
}

#[test]
fn plays_on_a_thread_and_does_what_it_is_told() {
    use std::sync::atomic::{AtomicU64, Ordering};

    let clock = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&clock);
    let player = open(&file()).unwrap();
    let replay = Replay::start(player, move || ms(told.load(Ordering::SeqCst)));
    let mut playback = replay.playback();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut wait = |wanted: &dyn Fn(&Playback) -> bool| {
        runtime.block_on(async {
            let wait = playback.wait_for(|playback| wanted(playback));
            tokio::time::timeout(s(20), wait).await.unwrap().unwrap().clone()
        })
    };
    assert!(wait(&|playback| playback.playing).position == s(0));
    clock.store(4000, Ordering::SeqCst);
    wait(&|playback| playback.position == s(4));
    replay.send(Control::PlayStop);
    wait(&|playback| !playback.playing);
    replay.send(Control::NextFailure);
    wait(&|playback| playback.position == ms(10_500));
    let shown = async { replay.views().wait_for(|view| view.at == ms(10_500)).await.map(drop).unwrap() };
    runtime.block_on(async { tokio::time::timeout(s(20), shown).await.unwrap() });
    replay.send(Control::StepForward);
    replay.send(Control::StepForward);
    wait(&|playback| playback.position == s(12));
    replay.send(Control::StepBack);
    replay.send(Control::PreviousFailure);
    wait(&|playback| playback.position == ms(10_500));
    replay.send(Control::GoTo(s(77)));
    wait(&|playback| playback.position == s(77));
    replay.send(Control::Faster);
    wait(&|playback| playback.speed == 2);
    replay.send(Control::Slower);
    replay.send(Control::PlayStop);
    wait(&|playback| playback.playing && playback.speed == 1);
    clock.store(1_000_000, Ordering::SeqCst);
    let end = wait(&|playback| !playback.playing);
    assert_eq!((end.position, end.end, end.damage), (s(100), s(100), None));
}

#[test]
fn no_moment_of_any_recording_contradicts_itself() {
    let players = Scene::ALL.map(Scene::player).into_iter().chain([demo()]);
    for mut player in players {
        let mut at = player.begin();
        while at < player.end() {
            player.go_to(at);
            agrees_with_counts(&player.view()).unwrap();
            at += Duration::from_millis(237);
        }
    }
}
