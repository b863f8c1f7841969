//! What there is one of, whatever number of torrents share it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Claims, SessionOptions};
use crate::engine::board::Board;
use crate::engine::calls::Calls;
use crate::engine::clock::Clock;
use crate::engine::dht::Dht;
use crate::engine::disk::DiskPool;
use crate::engine::limit::Limit;
use crate::engine::lsd::Lsd;
use crate::engine::mapping::Mapping;
use crate::engine::mse::Mse;
use crate::engine::pool::BlockPool;
use crate::engine::session_facts::SessionFacts;
use crate::engine::surroundings::Surroundings;
use crate::engine::tracker;
use crate::engine::udp::Udp;
use crate::engine::utp::Utp;
use crate::event::{Event, Transport};
use crate::metainfo::PeerId;
use crate::storage;
use crate::swarm::{DialPacer, DownShare, Places};
use crate::wire::Reserved;

/// Free block buffers kept for the next blocks: 16 MiB.
const KEPT_BUFFERS: usize = 1024;

/// Torrents whose files are looked at at once when they are opened. Some may be on disks that are slow, or hang.
const MOST_LOOKS: usize = 16;

/// What all torrents of a session share.
pub(in crate::engine) struct Resources {
    /// The run's clock.
    pub(in crate::engine) clock: Clock,
    /// Who we are to peers and trackers.
    pub(in crate::engine) peer_id: PeerId,
    /// What we say in handshakes that we can.
    pub(in crate::engine) reserved: Reserved,
    /// Where we listen.
    pub(in crate::engine) port: u16,
    /// What becomes known of the session and not of a torrent.
    pub(in crate::engine) facts: Arc<SessionFacts>,
    /// Who takes the connections that others open.
    pub(in crate::engine) calls: Calls,
    /// Connections over uTP.
    pub(in crate::engine) utp: Utp,
    /// Keys of encrypted connections.
    pub(in crate::engine) mse: Mse,
    /// How many peers are dialled a second.
    pub(in crate::engine) dials: DialPacer,
    /// The connections of all torrents: those of each stand beside these.
    pub(in crate::engine) places: Places,
    /// The upload slots of all torrents, where their number is fixed, in the same way.
    pub(in crate::engine) slots: Places,
    /// The download limit: the share of each torrent stands beside this.
    pub(in crate::engine) down: DownShare,
    /// The upload limit, in the same way.
    pub(in crate::engine) up: Limit,
    /// Where blocks are received into.
    pub(in crate::engine) buffers: Arc<BlockPool>,
    /// What they have around them.
    pub(in crate::engine) surroundings: Surroundings,
    /// Who else on the local network has a torrent.
    pub(in crate::engine) lsd: Arc<Lsd>,
    /// What torrents tell of themselves.
    pub(in crate::engine) board: Arc<Board>,
    /// Whose files are whose.
    pub(in crate::engine) claims: Claims,
    /// The threads that hash, write and read.
    pub(in crate::engine) disk: DiskPool,
    /// Turns to look at what is on the disk: each takes threads of its own.
    pub(in crate::engine) looks: Arc<Semaphore>,
    /// How many files may be open.
    pub(in crate::engine) storage: storage::Options,
    /// What is run when a torrent was downloaded.
    pub(in crate::engine) on_complete: Vec<String>,
    /// Finds peers without trackers.
    pub(in crate::engine) dht: Dht,
    /// How it stands with routers.
    pub(in crate::engine) mapping: Arc<Mapping>,
    /// Announces to trackers.
    pub(in crate::engine) tracker: tracker::Client,
    /// Drawn once a run, so that trackers know us over every address we have.
    pub(in crate::engine) tracker_key: u32,
}

impl Resources {
    /// Where a DHT node of ours answers others.
    pub(in crate::engine) fn dht_port(&self) -> Option<u16> {
        self.reserved.dht().then_some(self.port)
    }

    /// Tells the session what came to the UDP port that no torrent asked for.
    pub(in crate::engine) fn tell_of_port(&self) {
        let (now, packets, counters) = (self.clock.now(), self.utp.other_packets(), self.utp.counters());
        self.facts.tell_sum(now, Event::OtherPackets { packets });
        let (calls, refused, unfit) = (counters.syns, counters.refused(), counters.unfit());
        self.facts.tell_sum(now, Event::UtpPackets { calls, refused, unfit });
    }

    /// Those of a run that begins now and listens on `port`, also over `udp`; who it is comes from `seed`.
    pub(in crate::engine) fn new(port: u16, udp: Udp, seed: u64, options: &SessionOptions) -> Arc<Self> {
        let (peer_id, clock) = (PeerId::ours(seed), Clock::start());
        let answers_nodes = options.dht.as_ref().is_some_and(|dht| !dht.read_only);
        let reserved = if answers_nodes { Reserved::OURS.with_dht() } else { Reserved::OURS };
        let facts = Arc::<SessionFacts>::default();
        let surroundings = Surroundings::default();
        let lsd = Lsd::new(port, seed, clock, surroundings.look());
        let utp = Utp::over(udp.clone(), clock, seed);
        if options.transport.uses(Transport::Utp) {
            utp.hear();
        }
        Arc::new(Self {
            clock,
            peer_id,
            reserved,
            port,
            calls: Calls::new(peer_id, reserved, clock, Arc::clone(&facts)),
            facts,
            utp,
            mse: Mse::new(options.encryption, seed),
            dials: DialPacer::new(options.dials_per_second),
            places: Places::default(),
            slots: Places::default(),
            down: DownShare::new(options.down_bps),
            up: Limit::new(options.up_bps),
            buffers: BlockPool::new(KEPT_BUFFERS),
            surroundings,
            lsd,
            board: Arc::default(),
            claims: Claims::default(),
            disk: DiskPool::new(DiskPool::workers_here(), clock),
            looks: Arc::new(Semaphore::new(MOST_LOOKS)),
            storage: storage::Options::default(),
            on_complete: options.on_complete.clone(),
            dht: Dht::default(),
            mapping: Mapping::new(port),
            tracker: tracker::Client::new(options.tracker.clone(), udp),
            tracker_key: (seed >> 32) as u32,
        })
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("peer_id", &self.peer_id)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
