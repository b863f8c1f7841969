//! What the user asks for, and whether the torrent rests or goes on.

use std::sync::Arc;

use super::peer_table::Standing;
use super::queue::{Doing, STALLED_AFTER};
use super::{Action, ConnKey, Order, Phase, Swarm, announce};
use crate::command::Command;
use crate::event::{At, Cause, Event, PeerKey, Queued, Source};
use crate::metainfo::{Choice, FilePriority};
use crate::units::{Units, rate};

/// Wishes that can be taken back, one after another.
const MOST_WISHES: usize = 1000;

/// A wish that can be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Undoable {
    Hold(PeerKey, bool),
    Drop(PeerKey),
    Ban(PeerKey),
    /// Which files were wanted before.
    Choice(Arc<Choice>),
}

impl Swarm {
    pub(super) fn command(&mut self, now: At, command: Command) {
        match command {
            Command::Pause => self.pause(now),
            Command::Resume => self.resume(now),
            Command::Hold(peer) => self.hold(now, peer),
            Command::Drop(peer) => self.drop_peer(now, peer),
            Command::Ban(peer) => self.ban_by_user(now, peer),
            Command::Undo => self.undo(now),
            Command::Retry(peer) => self.retry(now, peer),
            Command::AddPeer(addr) => self.add_peer(now, addr),
            Command::Limit { down_bps, up_bps } => {
                (self.settings.down_bps, self.settings.up_bps) = (down_bps, up_bps);
                self.settings.down_share.set(down_bps);
                self.limit(now, "Limits", (down_bps, up_bps));
            }
            Command::LimitOwn { down_bps, up_bps } => {
                self.settings.own_bps = (down_bps, up_bps);
                self.settings.down_share.set_own(down_bps);
                self.limit(now, "Limits of this torrent", (down_bps, up_bps));
            }
            Command::Choose { from, to, priority } => {
                let files = from as usize..to as usize;
                self.choose(now, |choice| choice.set_all(files, priority), chosen(priority));
            }
            Command::InOrder(in_order) => {
                let set =
                    |choice: &mut Choice| std::mem::replace(&mut choice.sequential, in_order) != in_order;
                self.choose(now, set, ordered(in_order));
            }
            Command::Recheck => self.recheck(now),
            Command::Announce(tracker) => {
                if tracker.is_none() {
                    self.out.act(Action::LookAgain);
                }
                self.announce(now, announce::Input::Announce(tracker));
            }
            Command::Record => {}
            Command::Quit => {
                let leaves = !std::mem::replace(&mut self.leaving, true);
                self.content.iter_mut().for_each(|content| content.picker.set_active(now, false));
                self.end_dials(now);
                // Those of a check hear of it when its end is told ([`Swarm::into_announcer`]).
                if leaves && self.check.is_none() {
                    self.announce(now, announce::Input::Stop);
                }
                self.close_for_good(now);
                self.set_fetching(now);
            }
        }
    }

    /// Says goodbye to everybody.
    fn close_for_good(&mut self, now: At) {
        let Some(check) = &mut self.check else { return self.close_all(Cause::Shutdown) };
        if check.end(now) {
            // One that refuses the metadata, or was asked and says nothing, has given its answer.
            let withholds = |conn| self.metadata.as_ref().is_some_and(|it| it.withholds(conn).is_some());
            let last_cause = |conn| if withholds(conn) { Cause::Shutdown } else { check.last_cause(conn) };
            let causes = self.live.iter().map(|(conn, _)| (*conn, last_cause(*conn)));
            for (conn, cause) in causes.collect::<Vec<_>>() {
                self.close(conn, cause);
            }
        }
    }

    fn pause(&mut self, now: At) {
        self.settings.paused = true;
        match self.doing.phase {
            Phase::Paused => {}
            // It must not be forgotten that the disk is to be asked first.
            Phase::Stopped => self.out.answer(now, "It stands still already, until you go on.".to_owned()),
            Phase::Checking => {
                if let Some(recheck) = self.content.as_mut().and_then(|content| content.recheck.as_mut()) {
                    recheck.rest_afterwards(Phase::Paused, None);
                }
                self.out.answer(now, "Paused, once everything is verified.".to_owned());
            }
            _ => {
                self.rest(now, Phase::Paused, None);
                self.out.answer(now, "Paused, until you go on.".to_owned());
            }
        }
    }

    fn resume(&mut self, now: At) {
        self.settings.paused = false;
        if matches!(self.doing.phase, Phase::Paused | Phase::Stopped) {
            self.go_on(now, true);
            self.out.answer(now, "Going on.".to_owned());
        }
    }

    /// Stops asking, serving and dialling; connections stay for a while.
    pub(super) fn rest(&mut self, now: At, phase: Phase, reason: Option<String>) {
        self.enter(now, phase, reason);
        for conn in self.live.conns() {
            self.update_interest(now, conn);
            self.set_choking(now, conn, true);
            self.allow_fast(conn);
        }
    }

    /// Goes on after a rest; with `retry` peers that are not connected are dialled without further wait.
    pub(super) fn go_on(&mut self, now: At, retry: bool) {
        let phase = self.next_phase();
        if phase.rests() {
            return self.rest(now, phase, None);
        }
        self.enter(now, phase, None);
        if retry {
            self.peer_table.retry(now, true);
        }
        for conn in self.live.conns() {
            self.update_interest(now, conn);
            self.allow_fast(conn);
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    /// Its turn comes, or it has to wait. What the user or the disk has it do goes before.
    pub(super) fn take_turn(&mut self, now: At, waits: Option<Queued>) {
        if self.settings.waits == waits || self.leaving {
            return;
        }
        self.settings.waits = waits;
        match (self.doing.phase, waits) {
            (Phase::Checking | Phase::Paused | Phase::Stopped, _) => {}
            (Phase::Queued(_), None) => self.go_on(now, true),
            (_, Some(why)) => self.rest(now, Phase::Queued(why), None),
            (_, None) => {}
        }
    }

    /// What it does, or would do if it had its turn, for those who give turns; `enough`: it was given on as often, or for as
    /// long, as it should.
    #[must_use]
    pub fn doing(&self, now: At, enough: bool) -> Doing {
        match (self.doing.phase, &self.content) {
            (Phase::Checking | Phase::Paused | Phase::Stopped, _) => Doing::Resting,
            (_, None) => Doing::Metadata,
            (_, Some(content)) if content.is_complete() => Doing::Seeding { enough },
            (phase, Some(_)) => {
                let quiet = now.saturating_sub(self.doing.since.max(self.meter.last_received()));
                Doing::Downloading { stalled: phase == Phase::Downloading && quiet >= STALLED_AFTER }
            }
        }
    }

    /// What it does where nothing is wrong with the disk.
    pub(super) fn next_phase(&self) -> Phase {
        match self.settings.waits {
            _ if self.settings.paused => Phase::Paused,
            Some(why) => Phase::Queued(why),
            None => self.active_phase(),
        }
    }

    fn active_phase(&self) -> Phase {
        match &self.content {
            None => Phase::Metadata,
            Some(content) if content.is_complete() => Phase::Seeding,
            Some(_) => Phase::Downloading,
        }
    }

    /// Whether the user paused it, be it verified or not.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        match (self.doing.phase, &self.content) {
            (Phase::Checking, None) => self.settings.paused,
            (Phase::Checking, Some(content)) => content.is_paused_after_recheck(),
            (phase, _) => phase == Phase::Paused,
        }
    }

    fn hold(&mut self, now: At, peer: PeerKey) {
        let Some(conn) = self.conn_of(peer) else {
            self.out.answer(now, "Only a connected peer can be held.".to_owned());
            return;
        };
        let held = self.live.get(conn).is_some_and(|live| live.held);
        self.wished(Undoable::Hold(peer, held));
        self.set_held(now, conn, !held);
        let addr = self.address(peer);
        let text = match held {
            true => format!("{addr} goes on."),
            false => format!("Holding {addr}: nothing is asked of it nor sent to it."),
        };
        self.out.answer(now, text);
    }

    fn set_held(&mut self, now: At, conn: ConnKey, held: bool) {
        let Some(live) = self.live.get_mut(conn) else { return };
        live.held = held;
        self.out.order(conn, Order::Hold(held));
        self.out.emit(now, Event::Held { peer: live.peer, held });
        self.fetch(now, |metadata| metadata.hold(now, conn, held));
        self.update_usable(now, conn);
        if held {
            self.set_choking(now, conn, true);
        }
        self.rechoke_if_room(now);
    }

    fn drop_peer(&mut self, now: At, peer: PeerKey) {
        let addr = self.address(peer);
        let Some(standing) = self.peer_table.row(peer).map(|row| row.standing) else { return };
        if !self.peer_table.set_dropped(peer, true) {
            self.out.answer(now, format!("{addr} is dropped already, until you retry it."));
            return;
        }
        if let Standing::Live(conn) = standing {
            self.close(conn, Cause::DroppedByUser);
        }
        self.wished(Undoable::Drop(peer));
        self.out.emit(now, Event::Dropped { peer, dropped: true });
        self.out.answer(now, format!("Dropped {addr}: not dialled, and refused if it calls."));
    }

    fn ban_by_user(&mut self, now: At, peer: PeerKey) {
        let Some(addr) = self.peer_table.row(peer).map(|row| row.addr) else { return };
        self.wished(Undoable::Ban(peer));
        let banned = self.peer_table.ban_address(now, addr.ip(), "by you");
        self.tell_bans(now, banned, Cause::Banned);
        self.out.answer(now, format!("Banned {} for an hour.", addr.ip()));
    }

    /// Remembers what can be undone, the newest last.
    fn wished(&mut self, wish: Undoable) {
        if self.wishes.len() == MOST_WISHES {
            self.wishes.remove(0);
        }
        self.wishes.push(wish);
    }

    fn undo(&mut self, now: At) {
        let text = match self.wishes.pop() {
            None => "Nothing to undo.".to_owned(),
            Some(Undoable::Hold(peer, held)) => match self.conn_of(peer) {
                None => "That peer is gone.".to_owned(),
                Some(conn) => {
                    self.set_held(now, conn, held);
                    let goes_on = if held { "is held again" } else { "goes on" };
                    format!("Undone: {} {goes_on}.", self.address(peer))
                }
            },
            Some(Undoable::Choice(before)) => {
                self.take_choice(now, before);
                "Undone: files are wanted as before.".to_owned()
            }
            Some(Undoable::Drop(peer) | Undoable::Ban(peer)) => {
                self.forgive(now, peer);
                format!("Undone: {} may be dialled again.", self.address(peer))
            }
        };
        self.out.answer(now, text);
    }

    /// Takes back drop and ban, and dials it now.
    fn forgive(&mut self, now: At, peer: PeerKey) {
        let Some(standing) = self.peer_table.row(peer).map(|row| row.standing) else { return };
        if self.peer_table.set_dropped(peer, false) {
            self.out.emit(now, Event::Dropped { peer, dropped: false });
        }
        for (peer, ban) in self.peer_table.unban(now, peer) {
            let (until, reason) = ban.map_or((None, String::new()), |ban| (Some(ban.until), ban.reason));
            self.out.emit(now, Event::Banned { peer, until, reason });
        }
        if standing == Standing::Idle {
            self.peer_table.schedule(peer, Some(At::ZERO));
            self.out.emit(now, Event::NextTry { peer, at: Some(now) });
        }
    }

    fn retry(&mut self, now: At, peer: PeerKey) {
        let addr = self.address(peer);
        let text = match self.peer_table.row(peer).map(|row| row.standing) {
            None => return,
            Some(Standing::Live(_)) => format!("{addr} is connected."),
            Some(Standing::Dialling) => format!("{addr} is being dialled."),
            Some(Standing::Idle) if !self.is_active() => {
                self.forgive(now, peer);
                format!("{addr} is dialled when the download goes on.")
            }
            Some(Standing::Idle) => {
                self.forgive(now, peer);
                format!("Dialling {addr}.")
            }
        };
        self.out.answer(now, text);
    }

    fn add_peer(&mut self, now: At, addr: std::net::SocketAddr) {
        let known = self.peer_table.find(addr);
        self.learn(now, addr, Source::Manual);
        match known {
            Some(peer) => self.retry(now, peer),
            None => self.out.answer(now, format!("Dialling {addr}.")),
        }
    }

    /// Takes up limits that changed, and answers which.
    fn limit(&mut self, now: At, which: &str, (asked_down, asked_up): (Option<u64>, Option<u64>)) {
        let (down_bps, up_bps) = self.settings.limits();
        self.content.iter_mut().for_each(|content| content.picker.set_limit(now, down_bps));
        self.take_shares(now, true);
        self.out.act(Action::LimitUp { all_bps: self.settings.up_bps, own_bps: self.settings.own_bps.1 });
        self.out.emit(now, Event::Limits { down_bps, up_bps });
        let shown =
            |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), |bps| rate(bps, Units::Binary));
        self.out.answer(now, format!("{which}: download {}, upload {}.", shown(asked_down), shown(asked_up)));
    }

    /// Changes which files are wanted, and answers so; `change` says whether anything is new.
    fn choose(&mut self, now: At, change: impl FnOnce(&mut Choice) -> bool, answer: &str) {
        let Some(content) = &self.content else {
            let text = "Files can be chosen once the metadata is known.";
            return self.out.answer(now, text.to_owned());
        };
        let before = Arc::clone(&content.choice);
        let mut choice = Choice::clone(&before);
        if !change(&mut choice) {
            return self.out.answer(now, "It is so already.".to_owned());
        }
        self.wished(Undoable::Choice(before));
        self.take_choice(now, Arc::new(choice));
        self.out.answer(now, answer.to_owned());
    }

    /// These files are wanted from now on; their pieces as soon as the disk is ready for them.
    fn take_choice(&mut self, now: At, choice: Arc<Choice>) {
        self.content.iter_mut().for_each(|content| content.choice = Arc::clone(&choice));
        self.out.emit(now, Event::Chosen { choice: Arc::clone(&choice) });
        self.out.act(Action::Choose(choice));
    }

    pub(super) fn conn_of(&self, peer: PeerKey) -> Option<ConnKey> {
        match self.peer_table.row(peer)?.standing {
            Standing::Live(conn) => Some(conn),
            _ => None,
        }
    }

    fn address(&self, peer: PeerKey) -> String {
        self.peer_table.row(peer).map(|row| row.addr.to_string()).unwrap_or_default()
    }
}

/// What a choice of files means, in a sentence.
fn chosen(priority: FilePriority) -> &'static str {
    match priority {
        FilePriority::Skip => "Not wanted any more; what is here of it stays.",
        FilePriority::Low => "Wanted, after the other files.",
        FilePriority::Normal => "Wanted.",
        FilePriority::High => "Wanted, before the other files.",
    }
}

/// The same of the order.
fn ordered(in_order: bool) -> &'static str {
    if in_order {
        "Files come one after the other from now on, their first and last pieces early."
    } else {
        "Pieces come in any order from now on, the rarest first."
    }
}
