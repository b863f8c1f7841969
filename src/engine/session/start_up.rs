//! A torrent from the moment it is added until its task runs: what is on the disk has to be known first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{mpsc, watch};

use super::claims::Claimed;
use super::{Resources, SessionOptions, TorrentOptions};
use crate::command::Command;
use crate::engine::EngineError;
use crate::engine::board::Shown;
use crate::engine::event_sink::EventSink;
use crate::engine::opening::{Opened, Opening, Told};
use crate::engine::torrent::{self, Asked, Awaited, Blocks, Inbox, Outlets, Parts};
use crate::engine::wanted::Wanted;
use crate::event::{Event, Source};
use crate::swarm::{self, Swarm};
use crate::wire::Handshake;

/// A torrent before its task.
pub(super) struct StartUp {
    pub(super) resources: Arc<Resources>,
    pub(super) opening: Opening,
    /// What the program was told, as far as decisions need it.
    pub(super) session: SessionOptions,
    pub(super) options: TorrentOptions,
    /// Peers that the magnet link names.
    pub(super) linked: Vec<SocketAddr>,
    /// The files of a torrent.
    pub(super) claimed: Option<Claimed>,
    /// Where its random choices come from.
    pub(super) seed: u64,
    pub(super) ours: Handshake,
    pub(super) event_sink: EventSink,
    pub(super) shown: Shown,
    /// Told how long it seeded in this session, milliseconds.
    pub(super) seeded: Arc<AtomicU64>,
}

impl StartUp {
    /// Runs the torrent to its end.
    pub(super) async fn live(
        self: Box<Self>,
        wanted: Wanted,
        commands: mpsc::UnboundedReceiver<Command>,
        asked: watch::Receiver<Asked>,
    ) -> Result<(), EngineError> {
        let (mut inbox, outlets) = torrent::open(commands, asked);
        // In a box of its own: what it takes to begin is let go before the torrent runs.
        let Some(parts) = Box::pin(self.begin(wanted, &mut inbox, &outlets)).await? else { return Ok(()) };
        torrent::run(parts, inbox, outlets).await.map(|_| ())
    }

    /// Finds out what is on the disk, and decides from there; `None`: it was ended early.
    async fn begin(
        mut self: Box<Self>,
        wanted: Wanted,
        inbox: &mut Inbox,
        outlets: &Outlets,
    ) -> Result<Option<Box<Parts>>, EngineError> {
        self.shown.limited(self.options.limits);
        let now = self.opening.clock.now();
        self.event_sink.emit(now, &Event::Listening { port: self.resources.port });
        let mut settings = self.settings(&wanted);
        let mut remembered = Vec::new();
        let (mut swarm, info, blocks) = match wanted {
            Wanted::Magnet(magnet) => {
                settings.waits = inbox.asked.borrow_and_update().waits;
                // Its metadata is fetched all the same, so that its files can be chosen.
                settings.paused = false;
                let swarm = Swarm::without_metadata(now, settings);
                (
                    swarm,
                    None,
                    Blocks::Awaited(Box::new(Awaited {
                        magnet,
                        opening: self.opening.clone(),
                        metadata_only: self.options.metadata_only,
                    })),
                )
            }
            Wanted::Torrent(torrent) => {
                let (opening, info) = (self.opening.clone(), torrent.public_info());
                if let Some(claimed) = self.claimed.take()
                    && let Err(refused) = claimed.holds().await
                {
                    self.event_sink.abandon();
                    return Err(refused);
                }
                tokio::spawn(opening.open(torrent, outlets.disk.clone(), outlets.opening.clone()));
                let Some(opened) = self.opened(inbox).await? else { return Ok(None) };
                let Opened { known, mut store, unprepared, before, peers } = *opened;
                store.waits_for(unprepared);
                self.shown.after(before);
                let now = self.opening.clock.now();
                settings.waits = inbox.asked.borrow_and_update().waits;
                let swarm = Swarm::of(now, known, settings);
                remembered = peers;
                (swarm, info, Blocks::Kept(store))
            }
        };
        let now = self.opening.clock.now();
        let by_hand = self.options.peers.iter().map(|addr| (*addr, Source::Manual));
        let remembered = remembered.into_iter().map(|addr| (addr, Source::Resume));
        let linked = self.linked.iter().map(|addr| (*addr, Source::Magnet));
        for (addr, source) in by_hand.chain(remembered).chain(linked) {
            swarm.handle(now, swarm::Input::Learned { addr, source });
        }
        Ok(Some(Box::new(Parts {
            resources: self.resources,
            ours: self.ours,
            idle_after: self.options.idle_after,
            give: self.options.give,
            seeded: self.seeded,
            event_sink: self.event_sink,
            shown: self.shown,
            blocks,
            info,
            swarm,
        })))
    }

    /// Waits until the torrent's place on the disk is open; `None`: it was ended early.
    async fn opened(&mut self, inbox: &mut Inbox) -> Result<Option<Box<Opened>>, EngineError> {
        loop {
            let told = inbox.opening.recv().await.unwrap_or(Told::Done(Err(EngineError::Internal)));
            let now = self.opening.clock.now();
            match told {
                Told::Event(event) => {
                    self.event_sink.emit(now, &event);
                    self.event_sink.tick(now);
                    self.shown.show(self.event_sink.view(now));
                }
                Told::Done(Ok(None)) => {
                    self.event_sink.end(now).await;
                    return Ok(None);
                }
                Told::Done(Err(error)) => {
                    self.event_sink.abandon();
                    return Err(error);
                }
                Told::Done(opened) => return opened,
                // It follows what is known of the disk, and goes to the torrent's task.
                Told::Prepared(_) => {}
            }
        }
    }

    fn settings(&self, wanted: &Wanted) -> swarm::Settings {
        swarm::Settings {
            max_peers: self.session.max_peers,
            places: self.resources.places.beside(),
            dial_pacer: self.resources.dials.clone(),
            max_rows: self.options.max_rows,
            down_bps: self.resources.down.limit_bps(),
            down_share: self.resources.down.beside(),
            up_bps: self.resources.up.rate_bps(),
            own_bps: self.options.limits,
            upload_slots: self.options.upload_slots,
            slot_places: self.resources.slots.beside(),
            encryption: self.session.encryption,
            transport: self.session.transport,
            info_hash: wanted.info_hash(),
            private: wanted.is_private(),
            finders: self.options.finders.clone(),
            paused: self.options.paused,
            trackers: wanted.trackers().to_vec(),
            peer_id: self.ours.peer_id,
            seed: self.seed,
            ..swarm::Settings::default()
        }
    }
}
