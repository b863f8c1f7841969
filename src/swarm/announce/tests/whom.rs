//! Which trackers are asked, and which after them.

use super::*;

#[test]
fn asks_every_tier_at_once_and_one_tracker_in_each() {
    let mut rig = Rig::started(&[&["http://a/", "http://b/"], &["udp://c:1"], &["https://d/"]]);
    let sent = rig.news();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|sent| sent.kind == AnnounceKind::Started && sent.at == Duration::ZERO));
    let tiers: Vec<_> = sent.iter().map(|sent| sent.tracker.max(1)).collect();
    assert_eq!(tiers, [1, 2, 3]);
}

#[test]
fn shuffles_a_tier_by_the_seed() {
    let urls: &[&str] = &["http://a/", "http://b/", "http://c/", "http://d/"];
    let firsts: BTreeSet<String> = (0..40)
        .map(|seed| {
            let mut rig = Rig::seeded(&[urls], seed);
            rig.tell(Input::Start);
            rig.one().url
        })
        .collect();
    assert_eq!(firsts.len(), 4);
}

#[test]
fn asks_the_next_when_one_fails_and_moves_up_the_one_that_answers() {
    let mut rig = Rig::started(&[&["http://a/", "http://b/", "http://c/"]]);
    let first = rig.one();
    rig.fail(&first, TrackerError::ConnectFailed);
    let second = rig.one();
    assert_ne!(second.tracker, first.tracker);
    rig.answer(&second);
    assert_eq!(rig.news(), []);
    rig.pass(secs(1800));
    let again = rig.one();
    assert_eq!((again.tracker, again.kind, again.at), (second.tracker, AnnounceKind::Interval, secs(1800)));
}

#[test]
fn asks_the_next_after_five_silent_seconds() {
    let mut rig = Rig::started(&[&["http://a/", "http://b/"]]);
    let first = rig.one();
    rig.pass(Duration::from_millis(4999));
    assert_eq!(rig.news(), []);
    rig.pass(Duration::from_millis(1));
    let second = rig.one();
    assert_ne!(second.tracker, first.tracker);
    rig.answer(&second);
    // The silent one answers after all: it is told, and stays behind.
    rig.answer(&first);
    rig.pass(secs(1800));
    assert_eq!(rig.one().tracker, second.tracker);
    rig.tell(Input::Stop);
    let stopped: BTreeSet<u16> = rig.news().iter().map(|sent| sent.tracker).collect();
    assert_eq!(stopped.len(), 2, "both were told `started`");
}

#[test]
fn a_dead_tier_does_not_hold_up_another() {
    let mut rig = Rig::started(&[&["http://dead/"], &["http://good/"]]);
    let sent = rig.news();
    rig.answer(&sent[1]);
    assert_eq!(rig.next_of(1), Some(secs(1800)));
    rig.fail(&sent[0], TrackerError::Timeout);
    assert!(rig.next_of(0).is_some_and(|at| at < secs(20)));
}

#[test]
fn a_private_torrent_speaks_to_one_tracker_at_a_time_in_the_order_of_the_tiers() {
    let mut rig = Rig::private(&[&["http://a/", "http://b/"], &["http://c/"]]);
    let first = rig.one();
    assert_eq!(first.url, "http://a/");
    rig.pass(secs(40));
    assert_eq!(rig.news(), [], "silence is no failure");
    rig.fail(&first, TrackerError::Timeout);
    let second = rig.one();
    assert_eq!(second.url, "http://b/");
    rig.fail(&second, TrackerError::ConnectFailed);
    let third = rig.one();
    assert_eq!((third.url.as_str(), third.kind), ("http://c/", AnnounceKind::Started));
    rig.answer(&third);
    assert_eq!(rig.news(), []);
    rig.pass(secs(1800));
    let again = rig.one();
    assert_eq!(again.url, "http://c/", "it stays with the one that answers");
    rig.fail(&again, TrackerError::Timeout);
    let next = rig.one();
    assert_eq!(next.url, "http://a/", "then again from the first");
    rig.fail(&next, TrackerError::Timeout);
    let next = rig.one();
    assert_eq!(next.url, "http://b/");
    rig.answer(&next);
    rig.tell(Input::Stop);
    let stopped = rig.one();
    assert_eq!((stopped.url.as_str(), stopped.kind), ("http://b/", AnnounceKind::Stopped));
    let tiers = rig.events.iter().filter_map(|(_, event)| match event {
        Event::TrackerKnown { tier, .. } => Some(*tier),
        _ => None,
    });
    assert_eq!(tiers.collect::<Vec<_>>(), [0, 0, 1], "its tiers are shown as the torrent has them");
}

#[test]
fn a_private_torrent_asks_no_second_tracker_at_the_user_s_wish() {
    let mut rig = Rig::private(&[&["http://a/"], &["http://b/"]]);
    let sent = rig.one();
    rig.tell(Input::Announce(Some(TrackerKey(1))));
    rig.answer(&sent);
    rig.tell(Input::Announce(Some(TrackerKey(1))));
    assert_eq!(rig.news(), []);
    assert_eq!(rig.notes().len(), 2);
    rig.pass(secs(10));
    rig.tell(Input::Announce(None));
    assert_eq!(rig.one().url, "http://a/");
}

#[test]
fn fails_schemes_it_does_not_speak_at_once() {
    let mut rig = Rig::started(&[&["wss://a/secret", "UDP://b:1", "file:///etc/passwd"], &["nonsense"]]);
    let failed: Vec<u16> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::AnnounceFailed { tracker, error: TrackerError::UnsupportedUrl, text } => {
                assert!(!text.contains("secret"));
                Some(tracker.0)
            }
            _ => None,
        })
        .collect();
    assert_eq!(failed, [0, 2, 3]);
    assert_eq!(rig.one().tracker, 1);
    rig.pass(secs(100));
    assert_eq!(rig.news(), []);
}

#[test]
fn never_asks_again_where_the_url_turned_out_to_be_unusable() {
    let mut rig = Rig::started(&[&["udp://a", "udp://b"]]);
    let first = rig.one();
    rig.fail(&first, TrackerError::UnsupportedUrl);
    let second = rig.one();
    assert_ne!(first.tracker, second.tracker);
    rig.fail(&second, TrackerError::UnsupportedUrl);
    rig.pass(secs(7200));
    assert_eq!(rig.news(), []);
    assert_eq!(rig.announcer.deadline(), None);
}

#[test]
fn takes_each_url_once_and_not_too_many() {
    let rig = Rig::new(&[&["http://a/", "http://a/"], &["http://a/", " ", "http://b/"]]);
    assert_eq!(rig.announcer.trackers.len(), 2);
    let many: Vec<String> = (0..10_000).map(|number| format!("http://t{number}/")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let rig = Rig::new(&[&many]);
    assert_eq!(rig.announcer.trackers.len(), MOST_TRACKERS);
    assert_eq!(rig.notes(), ["the torrent names more than 500 trackers: 9500 are left out"]);
}

#[test]
fn needs_no_tracker() {
    let mut rig = Rig::started(&[]);
    rig.tell(Input::WantPeers(true));
    rig.tell(Input::Announce(None));
    rig.tell(Input::Completed);
    rig.tell(Input::Stop);
    assert_eq!(rig.announcer.deadline(), None);
    assert!(!rig.announcer.is_stopping());
}

#[test]
fn a_torrent_that_turns_out_to_be_private_speaks_to_one_tracker_from_then_on() {
    let mut rig = Rig::started(&[&["http://a/announce"], &["http://b/announce"]]);
    for sent in rig.news() {
        rig.answer(&sent);
    }
    rig.announcer.turn_private(rig.now);
    rig.drain();
    let stopped = rig.news();
    assert_eq!(stopped.len(), 2, "{stopped:?}");
    assert!(stopped.iter().all(|sent| sent.kind == AnnounceKind::Stopped), "{stopped:?}");
    stopped.iter().for_each(|sent| rig.answer(sent));
    rig.tell(Input::Start);
    let started = rig.one();
    assert_eq!((started.tracker, started.kind), (0, AnnounceKind::Started));
    rig.answer(&started);
    rig.pass(secs(3600));
    let later = rig.news();
    assert!(!later.is_empty() && later.iter().all(|sent| sent.tracker == 0), "{later:?}");
}
