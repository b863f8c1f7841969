//! What a recording weighs.

use super::*;
use crate::event::{
    BlockRun, BlockState, Direction, Encryption, PeerKey, PeerSample, Phase, Sample, Side, Source, Transport,
};
use crate::metainfo::{Bitfield, PieceIndex};

/// Pieces under way that a run tells of in a second, at most.
const TOLD_A_SECOND: usize = 32;
/// Blocks of a piece.
const BLOCKS: u32 = 64;

/// A run of so many peers, half of them seeds, the others going from nothing to everything in an order of their
/// own. Of these `active` at a time send and take, and samples are as noisy as real ones. Every second as many
/// pieces under way as a run tells of change, each fetched from two peers.
fn weigh(peers: u32, active: u32, pieces: u32, seconds: u32) -> usize {
    let mut random = fastrand::Rng::with_seed(7);
    let mut run = Run::new(pieces);
    let geometry = facts(pieces).geometry().unwrap();
    run.tell(Event::Phase { phase: Phase::Downloading, reason: None });
    let mut orders: Vec<Vec<PieceIndex>> = Vec::new();
    for number in 0..peers {
        let peer = PeerKey(number);
        let addr = (std::net::Ipv4Addr::from(random.u32(..)), random.u16(1..)).into();
        run.tell(Event::PeerLearned { peer, addr, source: Source::Manual });
        let (direction, transport) = (Direction::Out, Transport::Tcp);
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption: Encryption::Plain });
        run.tell(Event::Connected { peer });
        let bytes: Vec<u8> = (0..68).map(|_| random.u8(..)).collect();
        run.tell(Event::HandshakeSent { peer, sent: bytes.clone() });
        run.tell(Event::HandshakeBytes { peer, received: bytes }).tell(Event::Handshaken { peer });
        let is_seed = number % 2 == 0;
        let pieces = if is_seed { Bitfield::full(pieces) } else { Bitfield::empty(pieces) };
        run.tell(Event::Has { peer, pieces: Arc::new(pieces) });
        run.tell(Event::Choking { peer, by: Side::Them, choking: false }).tell(Event::FirstBlock { peer });
        let mut order: Vec<PieceIndex> = if is_seed { Vec::new() } else { geometry.pieces().collect() };
        random.shuffle(&mut order);
        orders.push(order);
        run.wait_ms(7);
    }
    let mut samples = vec![PeerSample::default(); peers as usize];
    let mut ours: Vec<PieceIndex> = geometry.pieces().collect();
    random.shuffle(&mut ours);
    for second in 0..seconds {
        for _ in 0..ours.len().div_ceil((seconds - second) as usize) {
            if let Some(piece) = ours.pop() {
                run.tell(Event::PieceOpened { piece });
                run.tell(Event::PieceVerified { piece, from: vec![PeerKey(random.u32(..peers))] });
            }
        }
        for piece in ours.iter().rev().take(TOLD_A_SECOND) {
            let here = random.u32(1..BLOCKS - 1);
            let [sender, asked] = [(); 2].map(|()| PeerKey(random.u32(..peers)));
            let blocks = vec![
                BlockRun { count: here, state: BlockState::Here(sender) },
                BlockRun { count: BLOCKS - here, state: BlockState::Asked(vec![asked]) },
            ];
            run.tell(Event::PieceBlocks { piece: *piece, blocks });
        }
        for (peer, order) in (0..).map(PeerKey).zip(&mut orders) {
            for _ in 0..order.len().div_ceil((seconds - second) as usize) {
                if let Some(piece) = order.pop() {
                    run.tell(Event::Have { peer, piece });
                }
            }
        }
        for (peer, sample) in (0..).map(PeerKey).zip(&mut samples) {
            // A peer that had its quarter of an hour makes room for the next.
            let turn = (peer.0 + peers - second / 900 * active % peers) % peers;
            let busy = turn < active;
            let now = |random: &mut fastrand::Rng, from, to| if busy { random.u64(from..to) } else { 0 };
            let (down_bps, up_bps) = (now(&mut random, 60_000, 200_000), now(&mut random, 0, 60_000));
            // A second is never quite one.
            let drift = random.u64(997..1003);
            *sample = PeerSample {
                down_bps,
                up_bps: up_bps * u64::from(peer.0 % 2),
                down_bytes: sample.down_bytes + down_bps * drift / 1000,
                up_bytes: sample.up_bytes + up_bps * u64::from(peer.0 % 2) * drift / 1000,
                requests_out: now(&mut random, 30, 40) as u32,
                request_target: now(&mut random, 36, 38) as u32,
                oldest_request_ms: now(&mut random, 40, 400) as u32,
                latency_ms: now(&mut random, 60, 69) as u32,
            };
            run.tell(Event::PeerSample { peer, sample: *sample });
        }
        run.tell(Event::Sample(Sample { down_bps: random.u64(..1 << 24), up_bps: random.u64(..1 << 20) }));
        run.wait_ms(1000);
    }
    run.end().0.len()
}

const MIB: usize = 1 << 20;

#[test]
fn an_hour_of_twenty_busy_peers_weighs_under_two_mebibytes() {
    let bytes = weigh(20, 20, 1500, 3600);
    assert!(bytes < 2 * MIB, "{bytes} bytes");
}

/// The bounds that the format is made for.
#[test]
#[ignore = "takes a minute"]
fn two_hundred_peers_weigh_under_twenty_mebibytes_an_hour_when_busy_and_little_more_a_day_when_not() {
    let busy_hour = weigh(200, 200, 15_000, 3600);
    let day = weigh(200, 20, 15_000, 86_400);
    println!("busy hour: {busy_hour} bytes, day: {day} bytes");
    assert!(busy_hour < 20 * MIB && day < 64 * MIB, "{busy_hour} and {day} bytes");
}
