mod said;
mod when;
mod whom;

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
