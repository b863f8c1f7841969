//! What is said: each event once, and what a tracker gave us back to it.

use super::*;

#[test]
fn tells_of_every_tracker_without_its_passkey() {
    let rig = Rig::new(&[&["http://a/secret/announce"], &["udp://b:1/secret"]]);
    let known: Vec<_> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::TrackerKnown { tracker, tier, url } => Some((tracker.0, *tier, url.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(known, [(0, 0, "http://a"), (1, 1, "udp://b:1")]);
    assert!(rig.sent.is_empty(), "nothing is asked before the start");
}

#[test]
fn says_completed_once_and_only_when_this_run_completed() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"]]);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.pass(secs(10));
    rig.tell(Input::Completed);
    let completed = rig.one();
    assert_eq!((completed.tracker, completed.kind), (0, AnnounceKind::Completed));
    rig.answer(&completed);
    assert_eq!(rig.news(), []);
    // The other tier hears of it as soon as it has heard `started`.
    rig.answer(&sent[1]);
    let completed = rig.one();
    assert_eq!((completed.tracker, completed.kind), (1, AnnounceKind::Completed));
    rig.answer(&completed);
    rig.pass(secs(1800));
    assert!(rig.news().iter().all(|sent| sent.kind == AnnounceKind::Interval));
}

#[test]
fn says_completed_again_where_it_was_not_heard() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.answer(&sent);
    rig.tell(Input::Completed);
    let sent = rig.one();
    rig.fail(&sent, TrackerError::Timeout);
    rig.pass(secs(20));
    assert_eq!(rig.one().kind, AnnounceKind::Completed);
}

#[test]
fn says_stopped_to_those_that_were_told_started() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://dead/"], &["http://slow/"]]);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.fail(&sent[1], TrackerError::Timeout);
    rig.tell(Input::Stop);
    let stopped = rig.one();
    assert_eq!((stopped.tracker, stopped.kind), (0, AnnounceKind::Stopped));
    assert!(rig.announcer.is_stopping());
    assert_eq!(rig.next_of(0), None);
    rig.answer(&stopped);
    assert!(!rig.announcer.is_stopping());
    // The slow one takes `started` in after all.
    rig.answer(&sent[2]);
    let late = rig.one();
    assert_eq!((late.tracker, late.kind), (2, AnnounceKind::Stopped));
    rig.fail(&late, TrackerError::Timeout);
    rig.pass(secs(7200));
    assert_eq!(rig.news(), []);
}

#[test]
fn says_stopped_behind_a_completed_that_is_under_way() {
    for fails in [false, true] {
        let mut rig = Rig::started(&[&["http://a/"]]);
        let sent = rig.one();
        rig.answer(&sent);
        rig.tell(Input::Completed);
        let completed = rig.one();
        assert_eq!(completed.kind, AnnounceKind::Completed);
        rig.tell(Input::Stop);
        assert_eq!(rig.news(), [], "`stopped` must not overtake `completed`");
        assert!(rig.announcer.is_stopping());
        if fails {
            rig.fail(&completed, TrackerError::Timeout);
        } else {
            rig.answer(&completed);
        }
        let stopped = rig.one();
        assert_eq!(stopped.kind, AnnounceKind::Stopped);
        rig.answer(&stopped);
        assert!(!rig.announcer.is_stopping());
    }
}

#[test]
fn starts_again_after_a_pause_once_stopped_is_over() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.answer(&sent);
    rig.tell(Input::Stop);
    let stopped = rig.one();
    rig.tell(Input::Start);
    assert_eq!(rig.news(), [], "`started` must not overtake `stopped`");
    rig.answer(&stopped);
    assert_eq!(rig.one().kind, AnnounceKind::Started);
}

#[test]
fn goes_on_to_the_next_of_the_tier_when_a_stopped_hangs() {
    let mut rig = Rig::started(&[&["http://a/", "http://b/"]]);
    let sent = rig.one();
    rig.answer(&sent);
    rig.tell(Input::Stop);
    rig.one();
    rig.tell(Input::Start);
    rig.pass(secs(5));
    let other = rig.one();
    assert_ne!(other.tracker, sent.tracker);
    rig.answer(&other);
    assert_eq!(rig.next_of(other.tracker), Some(secs(5 + 1800)));
}

#[test]
fn what_is_under_way_at_the_end_gives_way_to_stopped_where_there_is_no_room() {
    let urls: Vec<String> = (0..MOST_UNDER_WAY).map(|n| format!("http://tracker{n}/")).collect();
    let tiers = |count: usize| -> Vec<Vec<&str>> { urls[..count].iter().map(|url| vec![&url[..]]).collect() };
    for (count, abandoned) in [(20, 1), (MOST_UNDER_WAY, 1)] {
        let tiers = tiers(count);
        let tiers: Vec<&[&str]> = tiers.iter().map(Vec::as_slice).collect();
        let mut rig = Rig::started(&tiers);
        let sent = rig.news();
        sent[..10].iter().for_each(|sent| rig.answer(sent));
        rig.tell(Input::Announce(Some(TrackerKey(sent[0].tracker))));
        rig.pass(secs(6));
        rig.tell(Input::Announce(Some(TrackerKey(sent[0].tracker))));
        rig.tell(Input::Stop);
        assert_eq!(
            rig.abandoned.len(),
            abandoned,
            "of {count}: what a tracker that hears `stopped` was asked"
        );
    }
    let mut tiers = tiers(MOST_UNDER_WAY);
    tiers.push(vec!["http://one-more/"]);
    let tiers: Vec<&[&str]> = tiers.iter().map(Vec::as_slice).collect();
    let mut rig = Rig::started(&tiers);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.tell(Input::Stop);
    assert_eq!(rig.abandoned.len(), MOST_UNDER_WAY, "every `started` that was not answered");
    assert_eq!(rig.one().kind, AnnounceKind::Stopped);
}

#[test]
fn repeats_the_tracker_id_until_there_is_a_new_one() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let mut ids = Vec::new();
    for id in [Some(b"x".to_vec()), None, Some(b"y".to_vec()), None] {
        let sent = rig.one();
        ids.push(sent.tracker_id.clone());
        let answer = Announced { interval_s: 60, ..Announced::default() };
        rig.tell(Input::Answered { ticket: sent.ticket, answer, min_interval_s: None, tracker_id: id });
        rig.pass(secs(60));
    }
    let [x, y] = [b"x", b"y"].map(|id| Some(id.to_vec()));
    assert_eq!(ids, [None, x.clone(), x, y]);
}

#[test]
fn ignores_tickets_it_does_not_know() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.answer(&sent);
    let before = rig.events.len();
    rig.answer(&sent);
    rig.fail(&sent, TrackerError::Timeout);
    assert_eq!(rig.events.len(), before);
}
