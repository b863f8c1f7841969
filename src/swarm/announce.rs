//! When which tracker is asked what (BEP 3, BEP 12), without clock or socket.
//!
//! Every tier is a conversation of its own, all of them run at once. In a tier the trackers stand in a shuffled
//! order, and a round of asking goes down that order: the next is asked when one failed or has been silent for
//! five seconds, and the one that answers moves to the front and ends the round. `started` comes first with
//! every tracker, `completed` only where this run finished the download, `stopped` goes to all that were told
//! `started`.
//!
//! A private torrent (BEP 27) has one conversation: its trackers are asked one at a time, in the order of the tiers,
//! and the next only when one fails.

mod messages;
mod tier;
mod tracker;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

pub use self::messages::{Input, Output, Ticket};
use self::tier::{Answer, Tier};
use self::tracker::Tracker;
use crate::event::{AnnounceKind, Announced, At, Event, Severity, TrackerError, TrackerKey};
use crate::text;
use crate::wire::tracker::Scheme;

/// How long a tracker may be silent before the next of its tier is asked as well.
const SILENT: Duration = Duration::from_secs(5);
/// Far more trackers than any torrent needs; those after them are left out.
const MOST_TRACKERS: usize = 500;
/// How soon the user may ask again where the tracker names no `min interval`.
const USER_PATIENCE: Duration = Duration::from_secs(5);
/// The most announces under way at once.
pub const MOST_UNDER_WAY: usize = 50;

/// The announces of one torrent.
pub struct Announcer {
    trackers: Vec<Tracker>,
    tiers: Vec<Tier>,
    random: fastrand::Rng,
    running: bool,
    /// The torrent is private: it speaks to one tracker at a time.
    private: bool,
    /// Every tracker is asked once.
    once: bool,
    tickets: u32,
    /// When the first tier is due.
    due: Option<At>,
    out: VecDeque<Output>,
}

impl Announcer {
    /// The announces to `tiers` of URLs, as the torrent lists them. Trackers get their keys in that order, each
    /// URL once. Those of a `private` torrent are asked one at a time. Nothing is asked before [`Input::Start`].
    pub fn new(now: At, tiers: &[Vec<String>], private: bool, seed: u64) -> Self {
        let mut announcer = Self {
            trackers: Vec::new(),
            tiers: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            running: false,
            private,
            once: false,
            tickets: 0,
            due: None,
            out: VecDeque::new(),
        };
        let mut seen = BTreeSet::new();
        let mut left_out = 0;
        let mut all_in_order = Vec::new();
        for (tier, urls) in tiers.iter().enumerate() {
            let mut order = Vec::new();
            for url in urls.iter().map(|url| url.trim()).filter(|url| !url.is_empty()) {
                if !seen.insert(url) {
                    continue;
                }
                if announcer.trackers.len() == MOST_TRACKERS {
                    left_out += 1;
                } else if announcer.know(now, url, tier) {
                    order.push(announcer.trackers.len() - 1);
                }
            }
            if private {
                all_in_order.extend(order);
            } else {
                announcer.random.shuffle(&mut order);
                announcer.tiers.push(Tier::new(order));
            }
        }
        if private {
            announcer.tiers.push(Tier::one_at_a_time(all_in_order));
        }
        if left_out > 0 {
            let text =
                format!("the torrent names more than {MOST_TRACKERS} trackers: {left_out} are left out");
            announcer.emit(now, Event::Note { severity: Severity::Warn, text, answer: false });
        }
        announcer
    }

    /// The announces of a check: every tracker is asked at once, and once.
    pub fn once(now: At, tiers: &[Vec<String>], seed: u64) -> Self {
        let mut announcer = Self::new(now, tiers, false, seed);
        let asked: BTreeSet<usize> =
            announcer.tiers.iter().flat_map(|tier| tier.order.iter().copied()).collect();
        announcer.once = true;
        // Each is a conversation of its own.
        let alone = |index: usize| Tier::new(asked.get(&index).copied().into_iter().collect());
        announcer.tiers = (0..announcer.trackers.len()).map(alone).collect();
        announcer.trackers.iter_mut().zip(0..).for_each(|(tracker, tier)| tracker.tier = tier);
        announcer
    }

    /// The torrent turns out to be private (BEP 27): from now on one tracker is asked at a time, first of all one that knows
    /// us. The others are told that we are gone.
    pub(super) fn turn_private(&mut self, now: At) {
        let keeps = self.trackers.iter().position(|tracker| tracker.told);
        let asked: BTreeSet<usize> = self.tiers.iter().flat_map(|tier| tier.order.iter().copied()).collect();
        let rest = asked.iter().copied().filter(|index| Some(*index) != keeps);
        let order = keeps.filter(|index| asked.contains(index)).into_iter().chain(rest).collect();
        self.handle(now, Input::Stop);
        self.private = true;
        self.tiers = vec![Tier::one_at_a_time(order)];
        self.trackers.iter_mut().for_each(|tracker| tracker.tier = 0);
    }

    /// Takes a tracker in; false when nothing can ever be asked of it.
    fn know(&mut self, now: At, url: &str, tier: usize) -> bool {
        let key = TrackerKey(self.trackers.len() as u16);
        self.trackers.push(Tracker::new(url, if self.private { 0 } else { tier }));
        self.emit(now, Event::TrackerKnown { tracker: key, tier: tier as u16, url: text::url_shown(url) });
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let spoken = Scheme::named(scheme).is_some();
        if !spoken {
            let named =
                if scheme.is_empty() { "an address without".to_owned() } else { text::clean(scheme, 20) };
            let text = format!("trackers are asked over {}, not {named}://", Scheme::WORDS);
            self.emit(now, Event::AnnounceFailed { tracker: key, error: TrackerError::UnsupportedUrl, text });
        }
        spoken
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline)
    /// again.
    pub fn handle(&mut self, now: At, input: Input) {
        match input {
            Input::Start => self.start(now),
            Input::Completed => self.completed(now),
            Input::Stop => self.stop(now),
            Input::WantPeers(wanted) => self.want_peers(now, wanted),
            Input::Moved => self.moved(now),
            Input::StoodStill(time) => self.stood_still(now, time),
            Input::Announce(tracker) => self.wish(now, tracker),
            Input::Answered { ticket, answer, min_interval_s, tracker_id } => {
                self.answered(now, ticket, answer, min_interval_s, tracker_id);
            }
            Input::Failed { ticket, error, text } => self.failed(now, ticket, error, text),
            Input::Tick => {}
        }
        self.advance(now);
        self.due = self.tiers.iter().filter_map(Tier::due).min();
    }

    /// Does what is due by now.
    pub(super) fn on_time(&mut self, now: At) {
        if self.due.is_some_and(|due| now >= due) {
            self.handle(now, Input::Tick);
        }
    }

    /// What to do next; empty it after every call of [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Tick`] is wanted at the latest; `None`: not by time alone.
    #[must_use]
    pub fn deadline(&self) -> Option<At> {
        self.due
    }

    /// Whether a tracker was asked that has neither answered nor failed.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.trackers.iter().any(|tracker| tracker.flight.is_some())
    }

    /// Whether a `stopped` is still on its way, or waits for a `completed` that is.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        let first = |tracker: &Tracker| !self.running && tracker.says_completed();
        self.trackers.iter().any(|tracker| tracker.stopping.is_some() || first(tracker))
    }

    fn start(&mut self, now: At) {
        if !self.running {
            self.running = true;
            (0..self.tiers.len()).for_each(|tier| self.begin_round(now, tier));
        }
    }

    fn stop(&mut self, now: At) {
        self.running = false;
        self.tiers.iter_mut().for_each(Tier::rest);
        let busy = |tracker: &&Tracker| tracker.told || tracker.flight.is_some();
        let room = self.trackers.iter().filter(busy).count() <= MOST_UNDER_WAY;
        for index in 0..self.trackers.len() {
            self.trackers[index].after_stop = false;
            // One that is silent may have heard us all the same; it is not waited for.
            self.trackers[index].told |= self.once && self.trackers[index].flight.is_some();
            self.plan(now, index, None);
            // What is under way says nothing that matters any more; a `started` does, and a `completed`, which counts
            // for nothing behind a `stopped`: both are waited for.
            // Where there is no room for all, trackers that heard `started` go before those that only may have heard it.
            let tracker = &self.trackers[index];
            if !tracker.says_completed() && (tracker.told || !room) {
                self.abandon_flight(index);
            }
            if self.trackers[index].told && !self.trackers[index].says_completed() {
                self.say_stopped(now, index);
            }
        }
    }

    fn completed(&mut self, now: At) {
        for index in 0..self.tiers.len() {
            self.tiers[index].completed_due = true;
            if self.running && self.tiers[index].is_waiting_after_answer() {
                self.begin_round(now, index);
            }
        }
    }

    fn abandon_flight(&mut self, index: usize) {
        let flight = self.trackers[index].flight.take();
        self.out.extend(flight.map(|(ticket, _)| Output::Abandon(ticket)));
    }

    fn want_peers(&mut self, now: At, wanted: bool) {
        for index in 0..self.tiers.len() {
            self.tiers[index].wanted = wanted;
            self.plan_tier(now, index);
        }
    }

    fn moved(&mut self, now: At) {
        for index in 0..self.tiers.len() {
            self.tiers[index].moved(now, USER_PATIENCE);
            self.plan_tier(now, index);
        }
    }

    fn stood_still(&mut self, now: At, time: Duration) {
        for tracker in &mut self.trackers {
            if let Some((at, min)) = &mut tracker.answered {
                tier::earlier(at, min, time);
            }
        }
        for index in 0..self.tiers.len() {
            self.tiers[index].stood_still(now, time, &mut self.random);
            self.plan_tier(now, index);
        }
    }

    /// The user's wish: at once where the tracker allows it, else as soon as it does.
    fn wish(&mut self, now: At, tracker: Option<TrackerKey>) {
        if !self.running {
            return self.reply(now, "Paused: no tracker is asked until you go on.".to_owned());
        }
        let wished: Vec<usize> = match tracker {
            Some(key) => vec![usize::from(key.0)],
            None => self.tiers.iter().filter_map(Tier::front).collect(),
        };
        for index in wished {
            let Some(tracker) = self.trackers.get(index) else { continue };
            let (tier, shown) = (tracker.tier, text::url_shown(&tracker.url));
            if !self.tiers[tier].order.contains(&index) {
                self.reply(now, format!("{shown} cannot be asked."));
                continue;
            }
            if tracker.flight.is_some() {
                continue;
            }
            let turn = self.tiers[tier].front() == Some(index) && self.tiers[tier].is_waiting();
            if self.private && !turn {
                let text = format!("{shown} is queued: a private torrent speaks to one tracker at a time.");
                self.reply(now, text);
                continue;
            }
            let allowed = tracker.answered.map_or(now, |(at, min)| at + min.unwrap_or(USER_PATIENCE));
            let front = self.tiers[tier].front() == Some(index);
            if allowed > now {
                let seconds = (allowed - now).as_secs().max(1);
                self.reply(now, format!("{shown}: next announce allowed in {seconds} s."));
                if front {
                    self.tiers[tier].ask_at(allowed);
                    self.plan_tier(now, tier);
                }
            } else if front && self.tiers[tier].is_waiting() {
                self.begin_round(now, tier);
            } else {
                self.announce(now, index);
            }
        }
    }

    fn answered(
        &mut self,
        now: At,
        ticket: Ticket,
        answer: Announced,
        min_interval_s: Option<u32>,
        tracker_id: Option<Vec<u8>>,
    ) {
        if let Some(index) = self.take_stop(ticket) {
            self.emit(now, Event::AnnounceAnswered { tracker: key(index), answer });
            return self.stop_over(now, index);
        }
        let Some((index, kind)) = self.take_flight(ticket) else { return };
        let interval = Duration::from_secs(u64::from(answer.interval_s));
        let min = min_interval_s.map(|seconds| Duration::from_secs(u64::from(seconds)));
        self.emit(now, Event::AnnounceAnswered { tracker: key(index), answer });
        let tracker = &mut self.trackers[index];
        tracker.told = true;
        tracker.answered = Some((now, min));
        tracker.tracker_id = tracker_id.or_else(|| tracker.tracker_id.take());
        let at = self.trackers[index].tier;
        let tier = &mut self.tiers[at];
        if kind == AnnounceKind::Completed {
            tier.completed_due = false;
        }
        if !self.running {
            return self.say_stopped(now, index);
        }
        if self.once {
            return tier.rest();
        }
        // One that answers after another did is told, and no more: the tier stays with the faster one.
        if tier.is_asking() || tier.front() == Some(index) {
            tier.move_up(index);
            if self.private {
                // Those before it failed: we are with this one from now on (BEP 27), and with no other.
                let others = self.trackers.iter_mut().enumerate().filter(|(other, _)| *other != index);
                others.for_each(|(_, other)| other.told = false);
            }
            tier.answered(Answer { at: now, interval, min });
            if tier.completed_due {
                self.begin_round(now, at);
            } else {
                self.plan_tier(now, at);
            }
        }
    }

    fn failed(&mut self, now: At, ticket: Ticket, error: TrackerError, text: String) {
        if let Some(index) = self.take_stop(ticket) {
            self.emit(now, Event::AnnounceFailed { tracker: key(index), error, text });
            return self.stop_over(now, index);
        }
        let Some((index, _)) = self.take_flight(ticket) else { return };
        self.emit(now, Event::AnnounceFailed { tracker: key(index), error, text });
        let at = self.trackers[index].tier;
        let tier = &mut self.tiers[at];
        if self.once {
            return tier.rest();
        }
        let newest = tier.newest() == Some(index);
        if error == TrackerError::UnsupportedUrl {
            tier.leave_out(index);
        }
        tier.note_failure(error);
        if !self.running && self.trackers[index].told {
            return self.say_stopped(now, index);
        }
        if self.running && self.tiers[at].is_asking() {
            self.ask_next(now, at, newest);
        }
    }

    /// What follows from time alone.
    fn advance(&mut self, now: At) {
        for index in 0..self.tiers.len() {
            if self.tiers[index].due().is_none_or(|due| due > now) {
                continue;
            }
            if self.tiers[index].is_asking() {
                self.ask_next(now, index, true);
            } else {
                self.begin_round(now, index);
            }
        }
    }

    fn begin_round(&mut self, now: At, tier: usize) {
        if self.tiers[tier].begin() {
            self.ask_next(now, tier, true);
        }
    }

    /// Goes on with a round: asks the next tracker if it is `due`, or ends the round when all have failed.
    fn ask_next(&mut self, now: At, at: usize, due: bool) {
        if due && let Some(index) = self.tiers[at].next_to_ask(now + SILENT) {
            self.announce(now, index);
            return;
        }
        let busy = |&index: &usize| self.trackers[index].flight.is_some() || self.trackers[index].after_stop;
        let tier = &mut self.tiers[at];
        if !tier.order.iter().any(busy) && tier.has_asked_all() {
            tier.failed(now, &mut self.random);
            self.plan_tier(now, at);
        }
    }

    /// Sends what the tracker has to hear next, as soon as nothing else is under way with it.
    fn announce(&mut self, now: At, index: usize) {
        let tracker = &mut self.trackers[index];
        if tracker.stopping.is_some() {
            tracker.after_stop = true;
            return;
        }
        if tracker.flight.is_some() {
            return;
        }
        let kind = match tracker.told {
            false => AnnounceKind::Started,
            true if self.tiers[tracker.tier].completed_due => AnnounceKind::Completed,
            true => AnnounceKind::Interval,
        };
        let ticket = self.send(now, index, kind);
        self.trackers[index].flight = Some((ticket, kind));
    }

    fn say_stopped(&mut self, now: At, index: usize) {
        let ticket = self.send(now, index, AnnounceKind::Stopped);
        let tracker = &mut self.trackers[index];
        tracker.stopping = Some(ticket);
        tracker.told = false;
        tracker.answered = None;
    }

    fn stop_over(&mut self, now: At, index: usize) {
        if std::mem::take(&mut self.trackers[index].after_stop) && self.running {
            self.announce(now, index);
        }
    }

    fn send(&mut self, now: At, index: usize, kind: AnnounceKind) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets = self.tickets.wrapping_add(1);
        self.emit(now, Event::AnnounceBegan { tracker: key(index), kind });
        let Tracker { url, tracker_id, .. } = &self.trackers[index];
        let (url, tracker_id) = (url.clone(), tracker_id.clone());
        self.out.push_back(Output::Announce { ticket, tracker: key(index), url, kind, tracker_id });
        ticket
    }

    fn take_flight(&mut self, ticket: Ticket) -> Option<(usize, AnnounceKind)> {
        let flies = |tracker: &Tracker| tracker.flight.is_some_and(|(flying, _)| flying == ticket);
        let index = self.trackers.iter().position(flies)?;
        self.trackers[index].flight.take().map(|(_, kind)| (index, kind))
    }

    fn take_stop(&mut self, ticket: Ticket) -> Option<usize> {
        let index = self.trackers.iter().position(|tracker| tracker.stopping == Some(ticket))?;
        self.trackers[index].stopping = None;
        Some(index)
    }

    /// Tells when the front of a waiting tier is asked next, and that the others of it are not.
    fn plan_tier(&mut self, now: At, at: usize) {
        let next = self.tiers[at].next_round();
        for (place, index) in self.tiers[at].order.clone().into_iter().enumerate() {
            self.plan(now, index, next.filter(|_| place == 0));
        }
    }

    fn plan(&mut self, now: At, index: usize, next: Option<At>) {
        if self.trackers[index].next != next {
            self.trackers[index].next = next;
            self.emit(now, Event::NextAnnounce { tracker: key(index), at: next });
        }
    }

    fn reply(&mut self, now: At, text: String) {
        self.emit(now, Event::Note { severity: Severity::Info, text, answer: true });
    }

    fn emit(&mut self, now: At, event: Event) {
        self.out.push_back(Output::Emit(now, event));
    }
}

fn key(index: usize) -> TrackerKey {
    TrackerKey(index as u16)
}

#[cfg(test)]
mod tests;
