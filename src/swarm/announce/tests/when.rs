//! When they are asked again.

use super::*;

#[test]
fn backs_off_up_to_half_an_hour_and_starts_over_after_an_answer() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let mut expected = 15.0;
    for _ in 0..12 {
        let sent = rig.one();
        assert_eq!(sent.kind, AnnounceKind::Started);
        rig.fail(&sent, TrackerError::ConnectFailed);
        let pause = (rig.next_of(0).unwrap() - rig.now).as_secs_f64();
        assert!((expected * 0.8..=expected * 1.2).contains(&pause), "{pause} s, expected about {expected} s");
        rig.pass(secs(2200).min(rig.next_of(0).unwrap() - rig.now));
        expected = f64::min(expected * 2.0, 1800.0);
    }
    let sent = rig.one();
    rig.answer(&sent);
    rig.pass(secs(1800));
    let sent = rig.one();
    rig.fail(&sent, TrackerError::ConnectFailed);
    assert!(rig.next_of(0).unwrap() - rig.now < secs(20));
}

#[test]
fn leaves_one_that_refuses_alone_for_a_minute() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.fail(&sent, TrackerError::Refused);
    assert!(rig.next_of(0).unwrap() >= secs(48));
}

#[test]
fn varies_the_pauses_by_the_seed() {
    let pauses: BTreeSet<Option<At>> = (0..5)
        .map(|seed| {
            let mut rig = Rig::seeded(&[&["http://a/"]], seed);
            rig.tell(Input::Start);
            let sent = rig.one();
            rig.fail(&sent, TrackerError::Timeout);
            rig.next_of(0)
        })
        .collect();
    assert_eq!(pauses.len(), 5);
}

#[test]
fn asks_sooner_when_peers_are_wanted_but_never_under_a_minute_or_the_min_interval() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"], &["http://c/"]]);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.answer_with(&sent[1], 1800, Some(600));
    rig.answer_with(&sent[2], 1800, Some(0));
    rig.pass(secs(3));
    rig.tell(Input::WantPeers(true));
    assert_eq!([0, 1, 2].map(|tracker| rig.next_of(tracker)), [60, 600, 5].map(|at| Some(secs(at))));
    rig.pass(secs(2));
    let again = rig.one();
    assert_eq!((again.tracker, again.at, again.kind), (2, secs(5), AnnounceKind::Interval));
    rig.pass(secs(55));
    let again = rig.one();
    assert_eq!((again.tracker, again.at, again.kind), (0, secs(60), AnnounceKind::Interval));
    rig.answer(&again);
    assert_eq!(rig.next_of(0), Some(secs(120)), "as long as they are wanted");
}

#[test]
fn asks_at_once_where_the_last_answer_is_old_and_no_more_when_no_peers_are_wanted() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"]]);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.answer_with(&sent[1], 1800, Some(300));
    rig.pass(secs(200));
    rig.tell(Input::WantPeers(true));
    assert_eq!(rig.one().tracker, 0);
    rig.tell(Input::WantPeers(false));
    assert_eq!(rig.next_of(1), Some(secs(1800)), "asked for more peers only while they are wanted");
    rig.pass(secs(1000));
    assert_eq!(rig.news(), []);
}

#[test]
fn wanting_peers_again_and_again_asks_no_tracker_more_often_than_it_allows() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"]]);
    let mut asked: BTreeMap<u16, Vec<At>> = BTreeMap::new();
    for _ in 0..500 {
        for sent in rig.news() {
            asked.entry(sent.tracker).or_default().push(sent.at);
            rig.answer_with(&sent, 1800, (sent.tracker == 0).then_some(90));
        }
        rig.tell(Input::WantPeers(true));
        rig.pass(secs(1));
        rig.tell(Input::WantPeers(false));
        rig.tell(Input::WantPeers(true));
    }
    for (tracker, least) in [(0, 90), (1, 60)] {
        let gaps = asked[&tracker].windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.min().unwrap() >= secs(least), "{:?}", asked[&tracker]);
        assert!(asked[&tracker].len() as u64 >= 480 / least, "{:?}", asked[&tracker]);
    }
}

#[test]
fn what_ten_announces_did_not_bring_is_asked_for_half_as_often() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    rig.tell(Input::WantPeers(true));
    let mut asked = Vec::new();
    while asked.len() < 25 {
        let sent = rig.one();
        asked.push(sent.at);
        rig.answer(&sent);
        rig.pass(rig.next_of(0).unwrap() - rig.now);
    }
    let gaps: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!((&gaps[..10], &gaps[10..20], &gaps[20..]), (&[60; 10][..], &[120; 10][..], &[240; 4][..]));
    rig.tell(Input::WantPeers(false));
    for _ in 0..2 {
        let sent = rig.one();
        rig.answer(&sent);
        rig.pass(secs(1800));
    }
    let sent = rig.one();
    rig.answer(&sent);
    rig.tell(Input::WantPeers(true));
    assert_eq!(rig.next_of(0), Some(rig.now + secs(60)), "a time without want lets it begin anew");
}

#[test]
fn wanting_peers_never_postpones() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.answer_with(&sent, 30, None);
    rig.tell(Input::WantPeers(true));
    assert_eq!(rig.next_of(0), Some(secs(30)));
}

#[test]
fn a_new_address_of_ours_is_told_as_soon_as_trackers_allow() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"], &["http://c/"]]);
    let sent = rig.news();
    rig.answer(&sent[0]);
    rig.answer_with(&sent[1], 1800, Some(600));
    rig.fail(&sent[2], TrackerError::ConnectFailed);
    rig.pass(secs(10));
    rig.tell(Input::Moved);
    let mut told: Vec<u16> = rig.news().iter().map(|sent| sent.tracker).collect();
    told.sort_unstable();
    assert_eq!(told, [0, 2], "one that failed may be reached now");
    assert_eq!(rig.next_of(1), Some(secs(600)));
}

#[test]
fn after_a_standstill_trackers_are_asked_as_their_own_clocks_say() {
    let mut rig = Rig::started(&[&["http://a/"], &["http://b/"], &["http://c/"]]);
    let sent = rig.news();
    rig.answer_with(&sent[0], 1800, Some(900));
    rig.answer_with(&sent[1], 900, None);
    rig.answer_with(&sent[2], 300, None);
    rig.pass(secs(10));
    rig.tell(Input::StoodStill(secs(1000)));
    assert_eq!(rig.next_of(0), Some(secs(800)));
    let soon = [1, 2].map(|tracker| rig.next_of(tracker).unwrap());
    assert!(soon.iter().all(|at| (secs(10)..=secs(25)).contains(at)), "{soon:?}");
    assert_ne!(soon[0], soon[1], "one after another");
    rig.pass(secs(15));
    let mut asked: Vec<u16> = rig.news().iter().map(|sent| sent.tracker).collect();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2]);
    rig.tell(Input::Announce(Some(TrackerKey(0))));
    assert_eq!(rig.one().tracker, 0, "its minimum is over for it");
}

#[test]
fn obeys_the_user_within_the_min_interval() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.tell(Input::Announce(None));
    assert_eq!(rig.news(), [], "it is being asked");
    rig.answer_with(&sent, 1800, Some(300));
    rig.pass(secs(100));
    rig.tell(Input::Announce(Some(TrackerKey(0))));
    assert_eq!(rig.news(), []);
    assert_eq!(rig.notes(), ["http://a: next announce allowed in 200 s."]);
    assert_eq!(rig.next_of(0), Some(secs(300)));
    rig.pass(secs(200));
    let sent = rig.one();
    assert_eq!(sent.at, secs(300));
    rig.answer_with(&sent, 1800, Some(300));
    rig.pass(secs(301));
    rig.tell(Input::Announce(None));
    assert_eq!(rig.one().kind, AnnounceKind::Interval);
}

#[test]
fn the_user_cuts_a_back_off_short_and_may_ask_one_further_down() {
    let mut rig = Rig::started(&[&["http://a/", "http://b/"]]);
    let first = rig.one();
    rig.answer(&first);
    let other = 1 - first.tracker;
    rig.tell(Input::Announce(Some(TrackerKey(other))));
    let sent = rig.one();
    assert_eq!((sent.tracker, sent.kind), (other, AnnounceKind::Started));
    rig.fail(&sent, TrackerError::Timeout);
    assert_eq!(rig.next_of(first.tracker), Some(secs(1800)));

    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.fail(&sent, TrackerError::Timeout);
    rig.tell(Input::Announce(None));
    assert_eq!(rig.one().kind, AnnounceKind::Started);
}

#[test]
fn answers_wishes_it_cannot_grant() {
    let mut rig = Rig::new(&[&["http://a/"], &["wss://b/"]]);
    rig.tell(Input::Announce(None));
    rig.tell(Input::Start);
    rig.tell(Input::Announce(Some(TrackerKey(1))));
    rig.tell(Input::Announce(Some(TrackerKey(99))));
    assert_eq!(rig.notes(), ["Paused: no tracker is asked until you go on.", "wss://b cannot be asked."]);
}
