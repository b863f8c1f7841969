//! What the decisions cost per block, from a few pieces up to a million, with 500 peers that each hold some.
//!
//! `cargo bench --bench picker`. Half of the peers hold a tenth of the pieces, the other half ten of them: who has
//! little that is missing is the hard case. Blocks arrive round robin, pieces are found good at once.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, has a clock, and stops where it cannot go on"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ttui::event::{At, Transport};
use ttui::metainfo::{BLOCK_LENGTH, Bitfield, BlockRef, Geometry, PeerId, PieceIndex};
use ttui::peer::News;
use ttui::swarm::{Action, ConnKey, Input, Order, Settings, Swarm, WindowState};

const PEERS: u32 = 500;
const PIECE_BYTES: u32 = 16 * BLOCK_LENGTH;
const BLOCKS: usize = 50_000;

fn main() {
    for pieces in [10_000, 100_000, 1_000_000] {
        let began = Instant::now();
        let mut case = Case::new(pieces);
        let entered = began.elapsed();
        let began = Instant::now();
        let blocks = case.run(BLOCKS);
        let each = began.elapsed() / blocks as u32;
        println!("{pieces:>8} pieces: {each:?} a block ({blocks} blocks), peers in after {entered:.2?}");
    }
}

struct Case {
    now: At,
    geometry: Geometry,
    swarm: Swarm,
    granted: BTreeMap<ConnKey, VecDeque<BlockRef>>,
    missing: BTreeMap<PieceIndex, u32>,
}

impl Case {
    fn new(pieces: u32) -> Self {
        let geometry = Geometry::new(u64::from(pieces) * u64::from(PIECE_BYTES), PIECE_BYTES).unwrap();
        let settings = Settings { max_peers: PEERS as usize, seed: 1, ..Settings::default() };
        let swarm = Swarm::new(At::ZERO, geometry, Bitfield::empty(pieces), settings);
        let mut case =
            Self { now: At::ZERO, geometry, swarm, granted: BTreeMap::new(), missing: BTreeMap::new() };
        let mut random = fastrand::Rng::with_seed(2);
        for number in 0..PEERS {
            let conn = ConnKey(number);
            let addr = SocketAddr::from((Ipv4Addr::from_bits(0x5000_0001 + number * 256), 6881));
            let peer_id = PeerId::ours(u64::from(number) + 9);
            let mut has = Bitfield::empty(pieces);
            let count = if number % 2 == 0 { pieces / 10 } else { 10 };
            for _ in 0..count {
                has.set(geometry.piece(random.u32(..pieces)).unwrap());
            }
            case.feed(Input::Handshaken {
                conn,
                peer: None,
                transport: Transport::Tcp,
                addr,
                peer_id,
                so_far: Vec::new(),
            });
            case.feed(Input::News(conn, News::Has(has)));
            case.feed(Input::News(conn, News::Unchoked));
        }
        case
    }

    /// Lets so many blocks come; returns how many came.
    fn run(&mut self, blocks: usize) -> usize {
        let mut came = 0;
        while came < blocks {
            let before = came;
            for conn in (0..PEERS).map(ConnKey) {
                let Some(block) = self.granted.get_mut(&conn).and_then(VecDeque::pop_front) else { continue };
                came += 1;
                self.now += Duration::from_micros(20);
                self.feed(Input::Block(conn, block));
                let granted = self.granted.get(&conn).map_or(0, VecDeque::len) as u32;
                let window = WindowState { granted, target: 8, down_bps: 1 << 20, ..WindowState::default() };
                self.feed(Input::News(conn, News::Window { blocks: 0, window }));
            }
            if came == before {
                break;
            }
        }
        came
    }

    fn arrived(&mut self, piece: PieceIndex) {
        let all = self.geometry.blocks_in(piece);
        let missing = self.missing.entry(piece).or_insert(all);
        *missing -= 1;
        if *missing == 0 {
            self.missing.remove(&piece);
            self.feed(Input::PieceDone { piece, good: true, blocks: Vec::new() });
        }
    }

    fn feed(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        while let Some(action) = self.swarm.poll() {
            match action {
                Action::Keep(_, block) => self.arrived(block.piece()),
                Action::Order(conn, Order::Grant(blocks)) => {
                    self.granted.entry(conn).or_default().extend(blocks);
                }
                Action::Order(conn, Order::Revoke(blocks)) => {
                    self.granted.entry(conn).or_default().retain(|block| !blocks.contains(block));
                }
                _ => {}
            }
        }
    }
}
