use std::collections::BTreeMap;

use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An announcer in virtual time, with everything it did.
struct Rig {
    announcer: Announcer,
    now: At,
    events: Vec<(At, Event)>,
    sent: Vec<Sent>,
    abandoned: Vec<Ticket>,
    taken: usize,
}

#[derive(Clone, PartialEq, Debug)]
struct Sent {
    at: At,
    ticket: Ticket,
    tracker: u16,
    url: String,
    kind: AnnounceKind,
    tracker_id: Option<Vec<u8>>,
}

impl Rig {
    fn new(tiers: &[&[&str]]) -> Self {
        Self::seeded(tiers, 1)
    }

    fn seeded(tiers: &[&[&str]], seed: u64) -> Self {
        let tiers: Vec<Vec<String>> =
            tiers.iter().map(|urls| urls.iter().map(|&url| url.to_owned()).collect()).collect();
        Self::of(Announcer::new(Duration::ZERO, &tiers, false, seed))
    }

    fn private(tiers: &[&[&str]]) -> Self {
        let tiers: Vec<Vec<String>> =
            tiers.iter().map(|urls| urls.iter().map(|&url| url.to_owned()).collect()).collect();
        let mut rig = Self::of(Announcer::new(Duration::ZERO, &tiers, true, 1));
        rig.tell(Input::Start);
        rig
    }

    fn of(announcer: Announcer) -> Self {
        let (events, sent, abandoned) = (vec![], vec![], vec![]);
        let mut rig = Self { announcer, now: Duration::ZERO, events, sent, abandoned, taken: 0 };
        rig.drain();
        rig
    }

    fn started(tiers: &[&[&str]]) -> Self {
        let mut rig = Self::new(tiers);
        rig.tell(Input::Start);
        rig
    }

    fn tell(&mut self, input: Input) {
        self.announcer.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.announcer.poll() {
            match output {
                Output::Announce { ticket, tracker, url, kind, tracker_id } => {
                    let at = self.now;
                    self.sent.push(Sent { at, ticket, tracker: tracker.0, url, kind, tracker_id });
                }
                Output::Abandon(ticket) => self.abandoned.push(ticket),
                Output::Emit(at, event) => self.events.push((at, event)),
            }
        }
    }

    /// Lets time pass, waking it only when it asked to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.announcer.deadline().filter(|&due| due <= end) {
            assert!(due >= self.now, "a deadline lies in the past and would be met for ever");
            self.now = due;
            self.tell(Input::Tick);
            assert!(self.announcer.deadline().is_none_or(|next| next > due), "a deadline met stays");
        }
        self.now = end;
    }

    /// What was sent since the last call.
    fn news(&mut self) -> Vec<Sent> {
        let news = self.sent[self.taken..].to_vec();
        self.taken = self.sent.len();
        news
    }

    fn one(&mut self) -> Sent {
        let mut news = self.news();
        assert_eq!(news.len(), 1, "{news:?}");
        news.remove(0)
    }

    fn answer(&mut self, sent: &Sent) {
        self.answer_with(sent, 1800, None);
    }

    fn answer_with(&mut self, sent: &Sent, interval_s: u32, min_interval_s: Option<u32>) {
        let answer = Announced { interval_s, ..Announced::default() };
        self.tell(Input::Answered { ticket: sent.ticket, answer, min_interval_s, tracker_id: None });
    }

    fn fail(&mut self, sent: &Sent, error: TrackerError) {
        self.tell(Input::Failed { ticket: sent.ticket, error, text: "why".into() });
    }

    fn next_of(&self, tracker: u16) -> Option<At> {
        let told = self.events.iter().rev().find_map(|(_, event)| match event {
            Event::NextAnnounce { tracker: key, at } if key.0 == tracker => Some(*at),
            _ => None,
        });
        told.flatten()
    }

    fn notes(&self) -> Vec<&str> {
        let note = |event| match event {
            &(_, Event::Note { ref text, .. }) => Some(text.as_str()),
            _ => None,
        };
        self.events.iter().filter_map(note).collect()
    }
}

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
fn ignores_tickets_it_does_not_know() {
    let mut rig = Rig::started(&[&["http://a/"]]);
    let sent = rig.one();
    rig.answer(&sent);
    let before = rig.events.len();
    rig.answer(&sent);
    rig.fail(&sent, TrackerError::Timeout);
    assert_eq!(rig.events.len(), before);
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

/// Any order of happenings keeps the promises: one announce a tracker at a time, `started` first, nothing but
/// `stopped` after the end, and never nothing to wait for while a tracker could be asked.
#[test]
fn keeps_its_promises_whatever_happens() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut rig = Rig::seeded(&[&["http://a/", "http://b/", "http://c/"], &["udp://d:1"]], seed);
        rig.tell(Input::Start);
        let mut running = true;
        let mut open: Vec<Sent> = Vec::new();
        let mut told: BTreeSet<u16> = BTreeSet::new();
        for _ in 0..200 {
            for sent in rig.news() {
                let ends_others = sent.kind == AnnounceKind::Stopped;
                let waits_for = |kind| matches!(kind, AnnounceKind::Stopped | AnnounceKind::Completed);
                let clash = open
                    .iter()
                    .any(|other| other.tracker == sent.tracker && (!ends_others || waits_for(other.kind)));
                assert!(!clash, "two at once with one tracker");
                match sent.kind {
                    AnnounceKind::Stopped => {
                        assert!(told.remove(&sent.tracker));
                        open.retain(|other| other.tracker != sent.tracker);
                    }
                    AnnounceKind::Started => assert!(running && !told.contains(&sent.tracker)),
                    _ => assert!(running && told.contains(&sent.tracker)),
                }
                open.push(sent);
            }
            let busy = open.iter().any(|sent| sent.kind != AnnounceKind::Stopped);
            assert!(!running || busy || rig.announcer.deadline().is_some() || !open.is_empty());
            match random.u8(..12) {
                0 if random.bool() => rig.tell(Input::Moved),
                0 => rig.tell(Input::WantPeers(random.bool())),
                1 => rig.tell(Input::Announce(None)),
                2 => rig.tell(Input::Announce(Some(TrackerKey(random.u16(..4))))),
                3 if random.u8(..4) == 1 => rig.tell(Input::StoodStill(secs(random.u64(..4000)))),
                3 if random.u8(..4) == 0 => rig.tell(Input::Completed),
                4 if random.u8(..4) == 0 => {
                    running = !running;
                    rig.tell(if running { Input::Start } else { Input::Stop });
                }
                5..=7 if !open.is_empty() => {
                    let sent = open.swap_remove(random.usize(..open.len()));
                    if sent.kind != AnnounceKind::Stopped {
                        told.insert(sent.tracker);
                    }
                    rig.answer_with(&sent, 60 + random.u32(..2000), random.bool().then_some(300));
                }
                8..=9 if !open.is_empty() => {
                    let sent = open.swap_remove(random.usize(..open.len()));
                    rig.fail(
                        &sent,
                        if random.bool() { TrackerError::Timeout } else { TrackerError::Refused },
                    );
                }
                _ => rig.pass(secs(random.u64(..600))),
            }
        }
    }
}
