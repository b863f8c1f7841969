//! Dialling, and what peer tasks report.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::super::handshake::{Over, Race, Steps, dial_in};
use super::super::link::Report;
use super::super::listen::Arrived;
use super::super::mailbox;
use super::super::mse::Carrier;
use super::super::peer_tasks::internal_error;
use super::super::pool::BlockBuf;
use super::super::session::Resources;
use super::super::web_seed;
use super::TorrentTask;
use super::disk::Blocks;
use super::inbox::Dialled;
use crate::event::{At, DialWay, PeerKey, Transport, WebSeedKey};
use crate::metainfo::BlockRef;
use crate::peer::{Closed, ConnKey, Handshaken, News, Order, Step};
use crate::swarm::Input;

/// A dial under way.
#[derive(Debug)]
pub(super) struct Dialling {
    peer: PeerKey,
    transport: Transport,
    /// Shared with the dial of the peer over the other transport.
    race: Race,
    task: AbortHandle,
}

impl TorrentTask {
    fn new_conn(&mut self) -> ConnKey {
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        conn
    }

    pub(super) fn dial(&mut self, peer: PeerKey, addr: SocketAddr, way: DialWay) {
        let conn = self.new_conn();
        let beside = self.dialling.values().find(|dial| dial.peer == peer);
        let race = beside.map(|dial| dial.race.clone()).unwrap_or_default();
        let transport = way.transport;
        let steps = Steps::new(conn, self.clock, self.outlets.steps.clone());
        let (ours, mse, dialled) = (self.ours, self.resources.mse.clone(), self.outlets.dialled.clone());
        let (racing, utp) = (race.clone(), self.resources.utp.clone());
        let task = self.tasks.spawn_for(conn, async move {
            let over = Over::by(transport, Some(&utp));
            let outcome = dial_in(&racing, addr, over, &ours, way.encryption, &mse, &steps).await;
            // Nobody listens only when the run is over.
            let _ = dialled.send(Dialled { conn, addr, outcome }).await;
        });
        self.dialling.insert(conn, Dialling { peer, transport, race, task });
    }

    /// The peer is connected over another transport: what comes of the dial over this one is not waited for.
    pub(super) fn call_off(&mut self, peer: PeerKey, transport: Transport) {
        self.dialling.retain(|_, dial| {
            let is_it = dial.peer == peer && dial.transport == transport;
            if is_it {
                dial.task.abort();
            }
            !is_it
        });
    }

    /// A dial under way came a step further.
    pub(super) fn step(&mut self, conn: ConnKey, at: At, step: Step) {
        let Some(&Dialling { peer, transport, .. }) = self.dialling.get(&conn) else { return };
        self.feed(Input::Step { peer, transport, at, step });
    }

    pub(super) fn dialled(&mut self, dialled: Dialled, steps: &mut mailbox::Receiver<(ConnKey, At, Step)>) {
        // Its steps were sent before its end, on another channel: they come first.
        while let Some((conn, at, step)) = steps.try_recv() {
            self.step(conn, at, step);
        }
        let Dialled { conn, addr, outcome } = dialled;
        let Some(Dialling { peer, transport, .. }) = self.dialling.remove(&conn) else { return };
        match outcome {
            Ok(shaken) => self.shaken(conn, (Some(peer), transport), addr, Vec::new(), shaken),
            Err(end) => self.feed(Input::DialFailed { peer, transport, end: *end }),
        }
    }

    /// Somebody called.
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        let Arrived { addr, transport, so_far, outcome } = arrived;
        match outcome {
            Ok(shaken) => {
                let conn = self.new_conn();
                self.shaken(conn, (None, transport), addr, so_far, shaken);
            }
            Err(end) => self.feed(Input::IncomingFailed { addr: addr.ip(), cause: end.cause }),
        }
    }

    fn shaken(
        &mut self,
        conn: ConnKey,
        (peer, transport): (Option<PeerKey>, Transport),
        addr: SocketAddr,
        so_far: Vec<(At, Step)>,
        (carrier, shaken): (Carrier, Handshaken),
    ) {
        let (peer_id, local) = (shaken.peer_id, carrier.local_ip());
        let (common, reports) = (Arc::clone(&self.common), self.outlets.reports.clone());
        let orders = self.tasks.serve(conn, carrier, shaken, common, reports);
        self.orders.insert(conn, orders);
        self.network.joined(conn, local);
        self.feed(Input::Handshaken { conn, peer, transport, addr, peer_id, so_far });
    }

    pub(super) fn order(&mut self, conn: ConnKey, order: Order) {
        if let Some(seed) = conn.web_seed() {
            return self.order_web_seed(seed, conn, order);
        }
        if let Some(orders) = self.orders.get(&conn) {
            // A task that is over has reported so, or is about to.
            let _ = orders.send(order);
        }
    }

    /// Tells the line, whose task begins with the first order.
    fn order_web_seed(&mut self, seed: WebSeedKey, conn: ConnKey, order: Order) {
        if let Some(orders) = self.web_lines.get(&conn) {
            // A task that is over is one of a run that is.
            let _ = orders.send(order);
            return;
        }
        let Blocks::Kept(store) = &self.blocks else { return };
        let torrent = Arc::clone(store.keeper.torrent());
        let Some(base) = torrent.web_seeds.get(usize::from(seed.0)).cloned() else { return };
        let (orders, taken) = mpsc::unbounded_channel();
        let _ = orders.send(order);
        self.web_lines.insert(conn, orders);
        let Resources { tracker, buffers, .. } = &*self.resources;
        let (client, pool) = (tracker.clone(), Arc::clone(buffers));
        let common = web_seed::Common { torrent, client, pool, clock: self.clock };
        self.tasks.spawn(web_seed::run(conn, base, common, taken, self.outlets.reports.clone()));
    }

    pub(super) fn report(&mut self, conn: ConnKey, report: Report) {
        let input = match report {
            Report::Blocks { blocks, window } => {
                let count = blocks.len();
                self.blocks(conn, blocks);
                Input::News(conn, News::Window { blocks: count, window })
            }
            Report::News(news) => Input::News(conn, news),
            Report::Web(news) => Input::Web(conn, news),
            Report::Closed(end) => return self.closed(conn, end),
        };
        self.feed(input);
    }

    fn blocks(&mut self, conn: ConnKey, blocks: Vec<(BlockRef, BlockBuf)>) {
        let now = self.clock.now();
        for (block, bytes) in blocks {
            self.came = Some((now, bytes));
            self.swarm.handle(now, Input::Block(conn, block));
            self.settle();
        }
        // Nobody wanted the last one.
        self.came = None;
    }

    /// The block that just came was missing.
    pub(super) fn keep(&mut self, conn: ConnKey, block: BlockRef) {
        let Some((now, bytes)) = self.came.take() else { return };
        match &mut self.blocks {
            Blocks::Kept(store) => store.put(now, block, bytes),
            Blocks::Tried(hasher) => hasher.take(conn, block, bytes),
            Blocks::TriedMagnet(_) | Blocks::Awaited(_) => {}
        }
    }

    /// The task of a dial or a connection panicked: it is over, and said nothing.
    pub(super) fn fell(&mut self, conn: ConnKey) {
        match self.dialling.remove(&conn) {
            Some(Dialling { peer, transport, .. }) => {
                self.feed(Input::DialFailed { peer, transport, end: internal_error() });
            }
            None => self.closed(conn, internal_error()),
        }
    }

    fn closed(&mut self, conn: ConnKey, end: Closed) {
        self.orders.remove(&conn);
        self.network.left(conn);
        self.feed(Input::Closed(conn, end));
    }
}
