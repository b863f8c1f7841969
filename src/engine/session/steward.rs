//! The session's own task: does what is asked of torrents among others, and tells of all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::TorrentOptions;
use super::answers::Answers;
use super::handle::Control;
use super::roster::Entry;
use super::shared::Shared;
use crate::command::{Addition, Command, SessionCommand, Stood, What};
use crate::engine::peer_names::addresses_of;
use crate::engine::wanted::Wanted;
use crate::event::{At, Phase};
use crate::ledger::{Answer, Removable, Torrents, Totals, View};
use crate::metainfo::{InfoHash, PeerName, Torrent, TorrentError};

/// How often all torrents are told of at most.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// A torrent file that was read, or not, to be added.
type Read = (Box<Addition>, Result<Wanted, TorrentError>);
/// A peer whose name was looked up, or not, with the ticket of the wish and its torrent.
type Found = (Option<u32>, InfoHash, PeerName, Result<Vec<SocketAddr>, String>);

pub(super) struct Steward {
    shared: Arc<Shared>,
    /// How torrents are run that are added by command.
    template: TorrentOptions,
    torrents: watch::Sender<Arc<Torrents>>,
    view: watch::Sender<Option<Arc<View>>>,
    /// The views of the torrent that is looked at.
    looked_at: Option<Entry>,
    answers: Answers,
    /// What was told of what can be deleted.
    removable: Vec<Arc<Removable>>,
    read: (mpsc::UnboundedSender<Read>, mpsc::UnboundedReceiver<Read>),
    found: (mpsc::UnboundedSender<Found>, mpsc::UnboundedReceiver<Found>),
    /// Something changed that was not told.
    changed: bool,
}

impl Steward {
    /// It, and what it is asked and tells through.
    pub(super) fn new(
        shared: Arc<Shared>,
        template: TorrentOptions,
    ) -> (Self, Control, mpsc::UnboundedReceiver<SessionCommand>) {
        let (torrents, all) = watch::channel(Arc::default());
        let (view, one) = watch::channel(None);
        let (commands, wishes) = mpsc::unbounded_channel();
        let steward = Self {
            shared,
            template,
            torrents,
            view,
            looked_at: None,
            answers: Answers::default(),
            removable: Vec::new(),
            read: mpsc::unbounded_channel(),
            found: mpsc::unbounded_channel(),
            changed: false,
        };
        steward.shared.resources.board.look(true);
        // Those that idle made no rows as long as nobody looked.
        steward.shared.roster().entries().for_each(|entry| entry.running.show());
        steward.publish();
        (steward, Control { torrents: all, view: one, commands }, wishes)
    }

    /// Goes on until nobody can ask anything any more.
    pub(super) async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<SessionCommand>) {
        let resources = Arc::clone(&self.shared.resources);
        let mut next = Instant::now();
        loop {
            tokio::select! {
                wish = wishes.recv() => {
                    let Some(wish) = wish else { break };
                    self.carry_out(wish);
                    // Who asked need not wait for the next regular time.
                    (self.changed, next) = (true, Instant::now());
                }
                Some((addition, read)) = self.read.1.recv() => {
                    self.add(&addition, read);
                    (self.changed, next) = (true, Instant::now());
                }
                Some((ticket, to, peer, found)) = self.found.1.recv() => {
                    self.dial(ticket, to, &peer, found);
                    (self.changed, next) = (true, Instant::now());
                }
                () = resources.board.changed(), if !self.changed => self.changed = true,
                () = newer(&mut self.looked_at) => self.show(),
                () = sleep_until(next), if self.changed => {
                    self.changed = false;
                    self.publish();
                    next = Instant::now() + PUBLISH_EVERY;
                }
            }
        }
        resources.board.look(false);
    }

    fn publish(&self) {
        let resources = &self.shared.resources;
        let order: Vec<InfoHash> = self.shared.roster().order().collect();
        let rows = resources.board.rows(order.into_iter());
        self.torrents.send_replace(Arc::new(Torrents {
            at: resources.clock.now(),
            port: resources.port,
            limits: (resources.down.limit_bps(), resources.up.rate_bps()),
            totals: Totals::of(&rows),
            answers: self.answers.all(),
            rows,
            leaving: self.shared.roster().leaving(),
            removable: self.removable.clone(),
        }));
    }

    fn carry_out(&mut self, wish: SessionCommand) {
        match wish {
            SessionCommand::Add(addition) => self.read(addition),
            SessionCommand::To(id, Command::Resume) => self.resume(id),
            SessionCommand::To(id, command) => {
                if let Command::LimitOwn { down_bps, up_bps } = command {
                    self.shared.roster().limited(id, (down_bps, up_bps));
                }
                self.shared.roster().get(id).into_iter().for_each(|entry| entry.running.send(command));
            }
            SessionCommand::ToAll(Command::Resume) => {
                let all: Vec<InfoHash> = self.shared.roster().order().collect();
                all.into_iter().for_each(|id| self.resume(id));
            }
            SessionCommand::ToAll(command) => self.shared.send_all(command),
            SessionCommand::AddPeer { ticket, to, peer } => self.add_peer(ticket, to, peer),
            SessionCommand::Limit { down_bps, up_bps } => self.limit(down_bps, up_bps),
            SessionCommand::Forget(id) => self.forget(id),
            SessionCommand::Release(id) => self.release(id),
            // Only what is kept can be deleted, by those who keep it.
            SessionCommand::Weigh(ids) => {
                let found = || Err("it is not kept, so it is not known what may be deleted".to_owned());
                self.removable =
                    ids.into_iter().map(|id| Arc::new(Removable { id, found: found() })).collect();
            }
            SessionCommand::Delete(id) => {
                let text = format!("Nothing of {} can be deleted: it is not kept.", self.name(id));
                self.answers.refuse(self.now(), None, Some(id), text);
            }
            SessionCommand::Move { ticket, id, .. } => {
                let text = format!("The files of {} cannot be moved: it is not kept.", self.name(id));
                self.answers.refuse(self.now(), ticket, Some(id), text);
            }
            SessionCommand::MoveBack(id) => {
                let text = format!("{} was not moved: it is not kept.", self.name(id));
                self.answers.refuse(self.now(), None, Some(id), text);
            }
            SessionCommand::Revive => self.revive(),
            SessionCommand::Earlier(id) => self.swap(id, true),
            SessionCommand::Later(id) => self.swap(id, false),
            SessionCommand::Look(id) => {
                self.looked_at.iter().for_each(|entry| entry.running.watch(false));
                self.looked_at = self.shared.roster().get(id).cloned();
                self.looked_at.iter().for_each(|entry| entry.running.watch(true));
                self.show();
            }
            SessionCommand::Answer { ticket, torrent, severity, text } => {
                self.answers.give(Answer { number: 0, at: self.now(), ticket, torrent, severity, text });
            }
            SessionCommand::Quit => self.shared.send_all(Command::Quit),
        }
    }

    /// Has it change places with the one before it, or with the one behind it.
    fn swap(&self, id: InfoHash, earlier: bool) {
        if self.shared.roster().swap(id, earlier) {
            self.shared.give_turns();
        }
    }

    /// Shows the newest view of the torrent that is looked at.
    fn show(&mut self) {
        let view = self.looked_at.as_mut().map(|entry| Arc::clone(&entry.views.borrow_and_update()));
        self.view.send_replace(view);
    }

    /// Has one go on; one that ended by itself begins again.
    fn resume(&mut self, id: InfoHash) {
        let Some(entry) = self.shared.roster().get(id).cloned() else { return };
        if !entry.running.is_over() {
            return entry.running.send(Command::Resume);
        }
        match self.shared.again(id) {
            Ok(()) => self.look_again(id),
            Err(error) => self.answers.refuse(self.now(), None, Some(id), error.to_string()),
        }
    }

    /// Where this torrent is looked at, its newest run is from now on.
    fn look_again(&mut self, id: InfoHash) {
        let looks = self.view.borrow().as_ref().is_some_and(|view| view.torrent.info_hash == id);
        if looks {
            self.carry_out(SessionCommand::Look(id));
        }
    }

    fn limit(&mut self, down_bps: Option<u64>, up_bps: Option<u64>) {
        let resources = &self.shared.resources;
        resources.down.set(down_bps);
        resources.up.set(resources.clock.now(), up_bps);
        self.shared.send_all(Command::Limit { down_bps, up_bps });
    }

    fn forget(&mut self, id: InfoHash) {
        let name = self.name(id);
        if let Some(entry) = self.shared.roster().forget(id) {
            if !entry.running.is_over() {
                entry.running.send(Command::Quit);
            }
            self.answers.note(
                self.now(),
                None,
                Some(id),
                format!("Forgot {name}; what was downloaded stays."),
            );
        }
        self.shared.resources.board.take(id);
    }

    fn release(&self, id: InfoHash) {
        let released = self.shared.roster().release(id);
        let shared = Arc::clone(&self.shared);
        shared.resources.board.take(id);
        if let Some(mut running) = released.filter(|running| !running.is_over()) {
            running.send(Command::Quit);
            tokio::spawn(async move {
                let _ = running.ended().await;
                shared.resources.board.touch();
            });
        }
    }

    fn revive(&mut self) {
        let Some((place, entry)) = self.shared.roster().forgotten() else {
            return self.answers.note(self.now(), None, None, "Nothing to bring back.".to_owned());
        };
        let id = entry.wanted.info_hash();
        let (shared, mut running) = (Arc::clone(&self.shared), entry.running.clone());
        let resumed = TorrentOptions { paused: entry.views.borrow().phase == Phase::Paused, ..entry.options };
        let name = entry.views.borrow().torrent.title().into_owned();
        self.answers.note(self.now(), None, Some(id), format!("{name} is back."));
        tokio::spawn(async move {
            // Its last run holds its files and its record until it ends.
            let _ = running.ended().await;
            if shared.add(entry.wanted, resumed).is_ok() {
                shared.roster().place(id, place);
                shared.give_turns();
                shared.resources.board.touch();
            }
        });
    }

    /// Has a peer dialled, once its name is looked up.
    fn add_peer(&self, ticket: Option<u32>, to: InfoHash, peer: PeerName) {
        let found = self.found.0.clone();
        tokio::spawn(async move {
            let addresses = addresses_of(&peer).await;
            // Nobody listens only when the session is over.
            let _ = found.send((ticket, to, peer, addresses));
        });
    }

    fn dial(
        &mut self,
        ticket: Option<u32>,
        to: InfoHash,
        peer: &PeerName,
        found: Result<Vec<SocketAddr>, String>,
    ) {
        let entry = self.shared.roster().get(to).filter(|entry| !entry.running.is_over()).cloned();
        match (entry, found) {
            (Some(entry), Ok(addresses)) => {
                addresses.into_iter().for_each(|addr| entry.running.send(Command::AddPeer(addr)));
                let text = format!("Dialling {peer} for {}.", self.name(to));
                self.answers.note(self.now(), ticket, Some(to), text);
            }
            (None, _) => {
                let text = format!("{peer}: not dialled: the torrent does not run here");
                self.answers.refuse(self.now(), ticket, Some(to), text);
            }
            (_, Err(why)) => {
                self.answers.refuse(self.now(), ticket, Some(to), format!("{peer}: no address: {why}"));
            }
        }
    }

    /// Has a torrent read that is a file, and adds it.
    fn read(&mut self, addition: Box<Addition>) {
        let path = match &addition.what {
            What::File(path) => path.clone(),
            What::Torrent(torrent) => return self.add(&addition, Ok(Wanted::Torrent(Arc::clone(torrent)))),
            What::Magnet(magnet) => return self.add(&addition, Ok(Wanted::Magnet(magnet.clone()))),
        };
        let to = self.read.0.clone();
        tokio::spawn(async move {
            let read = spawn_blocking(move || Torrent::from_file(path).map(Wanted::from)).await;
            // A thread that panicked has said so; and nobody listens only when the session is over.
            let _ = read.map(|read| to.send((addition, read)));
        });
    }

    fn add(&mut self, addition: &Addition, read: Result<Wanted, TorrentError>) {
        let (now, ticket) = (self.now(), addition.ticket);
        let wanted = match read {
            Ok(wanted) => wanted,
            Err(error) => return self.answers.refuse(now, ticket, None, error.to_string()),
        };
        let id = wanted.info_hash();
        let known = self.shared.roster().get(id).map(|entry| entry.running.is_over());
        if known == Some(false) {
            let text = format!("{} is here already.", self.name(id));
            return self.answers.note(now, ticket, Some(id), text);
        }
        let output = addition.output.clone().unwrap_or_else(|| self.template.output.clone());
        let Stood { place, limits, seeded } = addition.stood;
        let paused = addition.paused;
        let options = TorrentOptions { output, paused, limits, seeded, ..self.template.clone() };
        match self.shared.add(wanted, options) {
            Ok(_) => {
                if let Some(place) = place {
                    self.shared.roster().place(id, place);
                    self.shared.give_turns();
                } else {
                    self.answers.note(now, ticket, Some(id), format!("Added {}.", self.name(id)));
                }
                self.look_again(id);
            }
            Err(error) => self.answers.refuse(now, ticket, None, error.to_string()),
        }
    }

    /// What a torrent is called.
    fn name(&self, id: InfoHash) -> String {
        self.shared.resources.board.row(id).map(|row| row.name.clone()).unwrap_or_default()
    }

    fn now(&self) -> At {
        self.shared.resources.clock.now()
    }
}

/// Ready when there is a newer view; never where no more comes.
async fn newer(looked_at: &mut Option<Entry>) {
    if let Some(entry) = looked_at
        && entry.views.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
