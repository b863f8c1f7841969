mod abuse;

use bytes::Bytes;
use tokio::io::{DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::*;
use crate::engine::testpeer::{Heard, PATIENCE, TestPeer, block_content, content};
use crate::engine::upload::{OFFERED_REQQ, ReadFuture};
use crate::metainfo::{Bitfield, BlockRef, PeerId, PieceIndex};
use crate::swarm::WindowState;
use crate::wire::{BlockSpec, ExtensionHandshake, Message, OUR_NAME, PieceHeader, Reserved};

const PIECE: u32 = 100_000;
const CONN: ConnKey = ConnKey(5);

struct Disk {
    fails: bool,
}

impl BlockSource for Disk {
    fn read_at_once(&self, _: PieceIndex, _: u32, _: u32) -> Option<Bytes> {
        None
    }

    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
        let bytes: Vec<u8> = (begin..begin + length).map(|at| content(piece.number(), at)).collect();
        let fails = self.fails;
        Box::pin(async move { if fails { Err(io::ErrorKind::Other.into()) } else { Ok(Bytes::from(bytes)) } })
    }
}

fn geometry() -> Geometry {
    Geometry::new(20 * u64::from(PIECE) - 5, PIECE).unwrap()
}

fn piece(number: u32) -> PieceIndex {
    geometry().piece(number).unwrap()
}

fn blocks(n: usize) -> Vec<BlockRef> {
    geometry().pieces().flat_map(|piece| geometry().blocks_of(piece)).take(n).collect()
}

fn spec(block: BlockRef) -> BlockSpec {
    BlockSpec { index: block.piece().number(), begin: block.begin(), length: geometry().block_length(block) }
}

/// How the connection under test begins.
#[derive(Clone, Copy)]
struct Begin {
    have: &'static [u32],
    reserved: [u8; 8],
    disk_fails: bool,
    up_bps: Option<u64>,
}

const PLAIN: Begin = Begin { have: &[], reserved: [0; 8], disk_fails: false, up_bps: None };
const MODERN: Begin = Begin { reserved: Reserved::OURS.0, ..PLAIN };

/// A running peer task, and both of its other ends.
struct World<T> {
    peer: TestPeer<T>,
    orders: UnboundedSender<Order>,
    reports: mpsc::Receiver<(ConnKey, Report)>,
    common: Arc<Common>,
}

fn start<A: Transport, B: Transport>(begin: Begin, (here, there): (A, B)) -> World<B> {
    let mut have = Bitfield::empty(geometry().piece_count());
    begin.have.iter().for_each(|&number| {
        have.set(piece(number));
    });
    let common = Arc::new(Common {
        geometry: geometry(),
        clock: Clock::start(),
        pool: BlockPool::new(100),
        haves: Arc::new(HaveLog::new(have)),
        source: Arc::new(Disk { fails: begin.disk_fails }),
        up: Arc::new(Limit::new(begin.up_bps)),
        listen_port: Some(6881),
        sent_bytes: AtomicU64::new(0),
        idle_after: IDLE_AFTER,
    });
    let shaken = Shaken {
        peer_id: PeerId::ours(2),
        reserved: begin.reserved,
        received: Bytes::from(vec![0; 68]),
        overhead: Overhead::default(),
    };
    let (orders, orders_here) = mpsc::unbounded_channel();
    let (reports_there, reports) = mpsc::channel(1000);
    tokio::spawn(run(here, shaken, CONN, Arc::clone(&common), orders_here, reports_there));
    World { peer: TestPeer::new(there), orders, reports, common }
}

fn piped(begin: Begin) -> World<DuplexStream> {
    start(begin, duplex(1 << 20))
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, there)
}

impl<T: Transport> World<T> {
    async fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// The next report that is no sample.
    async fn report(&mut self) -> Report {
        loop {
            let (conn, report) =
                timeout(PATIENCE, self.reports.recv()).await.expect("no report").expect("ended");
            assert_eq!(conn, CONN);
            if !matches!(report, Report::Sample(_)) {
                return report;
            }
        }
    }

    async fn has(&mut self) -> Bitfield {
        match self.report().await {
            Report::Has(pieces) => pieces,
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> Closed {
        loop {
            if let Report::Closed(closed) = self.report().await {
                assert!(self.reports.recv().await.is_none(), "nothing follows");
                return closed;
            }
        }
    }

    /// Blocks that were reported, until there are `n`, and the last window.
    async fn blocks(&mut self, n: usize) -> (Vec<BlockRef>, WindowState) {
        let mut seen = Vec::new();
        loop {
            if let Report::Blocks { blocks, window } = self.report().await {
                for (block, bytes) in blocks {
                    assert_eq!(&bytes[..], block_content(&geometry(), block));
                    seen.push(block);
                }
                if seen.len() >= n {
                    return (seen, window);
                }
            }
        }
    }

    /// Makes the peer a seed that unchokes us, and us ask for `n` blocks.
    async fn ask_for(&mut self, n: usize) -> Vec<BlockSpec> {
        self.peer.say(&[Message::Bitfield(all().to_bytes().into()), Message::Unchoke]).await;
        assert!(self.has().await.is_full());
        assert!(matches!(self.report().await, Report::Unchoked));
        self.order(Order::Interested(true)).await;
        self.peer.expect(Message::Interested).await;
        self.order(Order::Grant(blocks(n))).await;
        self.peer.expect_requests(n.min(64)).await
    }

    /// Makes the peer a leecher that we unchoke.
    async fn serve(&mut self) {
        self.peer.say(&[Message::Interested]).await;
        self.has().await;
        assert!(matches!(self.report().await, Report::Interested(true)));
        self.order(Order::Choke(false)).await;
        self.peer.expect(Message::Unchoke).await;
    }
}

fn all() -> Bitfield {
    Bitfield::full(geometry().piece_count())
}

/// What the fault of these bytes is called, after a handshake with every extension.
async fn fault(begin: Begin, bytes: &[u8]) -> Closed {
    let mut world = piped(begin);
    world.peer.raw(bytes).await;
    world.closed().await
}

fn encoded(messages: &[Message]) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.to_vec()
}

#[tokio::test(start_paused = true)]
async fn says_first_what_it_has_and_who_it_is() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    let ours = world.peer.expect_extension_handshake().await;
    assert_eq!(ours.client.as_deref(), Some(OUR_NAME));
    assert_eq!((ours.listen_port, ours.reqq), (Some(6881), Some(OFFERED_REQQ)));

    let every: Vec<u32> = (0..20).collect();
    let mut world = piped(Begin { have: every.leak(), ..MODERN });
    world.peer.expect(Message::HaveAll).await;

    let some = Begin { have: &[0, 19], ..MODERN };
    let bitfield = Message::Bitfield(Bytes::from_static(&[0x80, 0, 0x10]));
    let mut world = piped(some);
    world.peer.expect(bitfield.clone()).await;
    let mut world = piped(Begin { reserved: [0; 8], ..some });
    world.peer.expect(bitfield).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(50)).await, None);
    assert_eq!(piped(PLAIN).peer.hear_within(Duration::from_secs(50)).await, None);
}

#[tokio::test(start_paused = true)]
async fn reports_what_the_peer_has_once_however_it_says_it() {
    let bitfield = Message::Bitfield(Bytes::from_static(&[0x80, 0, 0x10]));
    for (message, count) in [(Message::HaveAll, 20), (Message::HaveNone, 0), (bitfield.clone(), 2)] {
        let mut world = piped(MODERN);
        world.peer.say(&[Message::KeepAlive, message]).await;
        assert_eq!(world.has().await.count(), count);
    }
    let mut world = piped(MODERN);
    assert!(world.has().await.is_empty(), "silence means nothing");
    let mut world = piped(MODERN);
    world.peer.say(&[Message::Have(3), Message::Have(3), bitfield.clone()]).await;
    assert!(world.has().await.is_empty());
    let Report::Have(pieces) = world.report().await else { panic!("late bitfields count") };
    assert_eq!(pieces, [piece(3), piece(0), piece(19)]);
    let more = Message::Bitfield(Bytes::from_static(&[0xc0, 0, 0x10]));
    world.peer.say(&[more]).await;
    let Report::Have(pieces) = world.report().await else {
        panic!("aria2 says it again instead of many HAVEs")
    };
    assert_eq!(pieces, [piece(1)]);
}

#[tokio::test(start_paused = true)]
async fn requests_leave_in_one_write_and_blocks_come_back_whole() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(100).await;
    assert_eq!(asked, blocks(64).into_iter().map(spec).collect::<Vec<_>>());
    for &spec in &asked {
        world.peer.send(spec).await;
    }
    let (seen, window) = world.blocks(64).await;
    assert_eq!(seen, blocks(64));
    assert_eq!((window.granted, window.outstanding), (0, 36));
    let rest = world.peer.expect_requests(36).await;
    for &spec in rest.iter().rev() {
        world.peer.send(spec).await;
    }
    let (seen, window) = world.blocks(36).await;
    assert_eq!(seen.len(), 36);
    assert_eq!(window.outstanding, 0);
}

#[tokio::test(start_paused = true)]
async fn a_grant_while_choked_is_void_and_one_after_an_unchoke_is_asked_for() {
    let mut world = piped(PLAIN);
    world.order(Order::Grant(blocks(10))).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(3)).await, None);
    world.peer.say(&[Message::Unchoke]).await;
    world.has().await;
    assert!(matches!(world.report().await, Report::Unchoked));
    assert_eq!(world.peer.hear_within(Duration::from_secs(3)).await, None);
    world.order(Order::Grant(blocks(1))).await;
    world.peer.expect_requests(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_choke_gives_every_grant_back_and_late_blocks_still_count() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(10).await;
    world.peer.send(asked[0]).await;
    world.peer.say(&[Message::Choke, Message::Choke]).await;
    world.peer.send(asked[1]).await;
    let (mut seen, _) = world.blocks(1).await;
    let choked = world.report().await;
    assert!(matches!(choked, Report::Choked), "{choked:?}");
    seen.extend(world.blocks(1).await.0);
    assert_eq!(seen, blocks(2));
    // Once more is no fault; what was never asked for is.
    world.peer.send(asked[1]).await;
    world.peer.send(spec(blocks(20)[19])).await;
    assert_eq!(world.closed().await.cause, Cause::UnrequestedBlock);
}

#[tokio::test(start_paused = true)]
async fn rejected_blocks_go_back_once() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    let asked = world.ask_for(3).await;
    let unknown = BlockSpec { index: 19, begin: 0, length: 16384 };
    world.peer.say(&[Message::Reject(asked[1]), Message::Reject(asked[1]), Message::Reject(unknown)]).await;
    let Report::Rejected(back) = world.report().await else { panic!("no report of it") };
    assert_eq!(back, [blocks(2)[1]]);
}

#[tokio::test(start_paused = true)]
async fn revoked_blocks_are_cancelled() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(100).await;
    world.order(Order::Revoke(vec![blocks(100)[99], blocks(2)[1]])).await;
    world.peer.expect(Message::Cancel(asked[1])).await;
    world.peer.send(asked[1]).await;
    assert_eq!(world.blocks(1).await.0, [blocks(2)[1]]);
}

#[tokio::test(start_paused = true)]
async fn a_held_peer_is_neither_asked_nor_served() {
    let mut world = piped(Begin { have: &[0], ..PLAIN });
    world.peer.hear().await;
    world.peer.say(&[Message::Unchoke, Message::Interested]).await;
    world.order(Order::Hold(true)).await;
    world.order(Order::Choke(false)).await;
    world.peer.expect(Message::Unchoke).await;
    world.order(Order::Grant(blocks(1))).await;
    world.peer.say(&[Message::Request(spec(blocks(1)[0]))]).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(20)).await, None);
    world.order(Order::Hold(false)).await;
    let mut heard = [world.peer.hear().await, world.peer.hear().await];
    heard.sort_by_key(|heard| matches!(heard, Heard::Block(..)));
    assert_eq!(heard[0], Heard::Message(Message::Request(spec(blocks(1)[0]))));
    assert!(matches!(&heard[1], Heard::Block(header, _) if header.index == 0));
}

#[tokio::test(start_paused = true)]
async fn both_sides_interest_and_choking_are_told_when_they_change_and_only_then() {
    let mut world = piped(PLAIN);
    for (order, expected) in [
        (Order::Interested(false), None),
        (Order::Interested(true), Some(Message::Interested)),
        (Order::Interested(true), None),
        (Order::Choke(true), None),
        (Order::Choke(false), Some(Message::Unchoke)),
        (Order::Choke(true), Some(Message::Choke)),
        (Order::Interested(false), Some(Message::NotInterested)),
    ] {
        world.order(order).await;
        let heard = world.peer.hear_within(Duration::from_secs(2)).await;
        assert_eq!(heard, expected.map(Heard::Message));
    }
    let said = [
        Message::NotInterested,
        Message::Interested,
        Message::Interested,
        Message::Unchoke,
        Message::Unchoke,
    ];
    world.peer.say(&said).await;
    world.has().await;
    assert!(matches!(world.report().await, Report::Interested(true)));
    assert!(matches!(world.report().await, Report::Unchoked));
    world.peer.say(&[Message::Choke, Message::NotInterested]).await;
    assert!(matches!(world.report().await, Report::Choked));
    assert!(matches!(world.report().await, Report::Interested(false)));
}

#[tokio::test(start_paused = true)]
async fn new_pieces_are_told_within_a_second_to_those_who_lack_them() {
    let mut world = piped(Begin { have: &[1], ..PLAIN });
    world.peer.hear().await;
    world.peer.say(&[Message::Have(3)]).await;
    world.has().await;
    for number in [1, 2, 3, 4] {
        world.common.haves.append(piece(number));
    }
    assert_eq!(
        world.peer.hear_within(Duration::from_millis(1100)).await,
        Some(Heard::Message(Message::Have(2)))
    );
    world.peer.expect(Message::Have(4)).await;
    world.common.haves.append(piece(5));
    world.order(Order::Interested(true)).await;
    world.peer.expect(Message::Interested).await;
    let with_it = world.peer.hear_within(Duration::from_millis(1)).await;
    assert_eq!(with_it, Some(Heard::Message(Message::Have(5))), "it goes with the next write");
}

#[tokio::test(start_paused = true)]
async fn seeds_are_told_of_no_piece() {
    let mut world = piped(PLAIN);
    world.ask_for(1).await;
    world.common.haves.append(piece(2));
    assert_eq!(world.peer.hear_within(Duration::from_secs(10)).await, None);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_connection_alive_and_gives_up_one_that_is_not() {
    let mut world = piped(PLAIN);
    let began = Instant::now();
    world.peer.stream.write_all(&[0; 4]).await.unwrap();
    let heard = world.peer.hear_within(Duration::from_secs(103)).await;
    assert_eq!(heard, Some(Heard::Message(Message::KeepAlive)));
    assert!(began.elapsed() >= Duration::from_secs(99), "{:?}", began.elapsed());
    let reports = async { world.closed().await };
    let closed = timeout(Duration::from_secs(100), reports).await.unwrap();
    assert_eq!(closed.cause, Cause::IdleTimeout);
    assert!((120..=180).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_as_good_as_silence() {
    let mut world = piped(PLAIN);
    let began = Instant::now();
    let drip = async {
        // A bitfield, a byte a minute.
        for byte in [0, 0, 1, 0, 5].into_iter().chain(std::iter::repeat(0)) {
            if world.peer.stream.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(60)).await;
        }
    };
    let closed = tokio::select! {
        closed = async {
            loop {
                if let Some((_, Report::Closed(closed))) = world.reports.recv().await {
                    break closed;
                }
            }
        } => closed,
        () = drip => panic!("it is still heard"),
    };
    assert_eq!(closed.cause, Cause::IdleTimeout);
    assert!((140..=180).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn samples_every_second_what_went_over_the_line() {
    let mut world = piped(PLAIN);
    let asked = world.ask_for(4).await;
    world.peer.send(asked[0]).await;
    let half = &encoded(&[Message::Piece(PieceHeader { index: 0, begin: 16384, length: 16384 })]);
    world.peer.raw(half).await;
    world.peer.raw(&[0; 1000]).await;
    let (_, report) = loop {
        let next = world.reports.recv().await.unwrap();
        if matches!(next.1, Report::Sample(_)) {
            break next;
        }
    };
    let Report::Sample(sample) = report else { panic!() };
    assert_eq!((sample.down_bytes, sample.requests_out), (17_384, 3));
    assert!((17_000..=17_400).contains(&sample.down_bps), "{sample:?}");
}

#[tokio::test(start_paused = true)]
async fn tells_what_the_peer_says_of_itself_and_minds_its_reqq() {
    let mut world = piped(MODERN);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    let theirs = ExtensionHandshake {
        client: Some("Thing 1.0".to_owned()),
        reqq: Some(5),
        listen_port: Some(7000),
        messages: vec![("ut_pex".to_owned(), 1)],
        ..ExtensionHandshake::default()
    };
    world.peer.say(&[Message::Extended { id: 0, payload: theirs.encode().into() }, Message::HaveAll]).await;
    let Report::Extended { calls_itself, extensions, reqq, listen_port } = world.report().await else {
        panic!("not told")
    };
    assert_eq!((calls_itself.as_deref(), reqq, listen_port), (Some("Thing 1.0"), Some(5), Some(7000)));
    assert_eq!(extensions, ["ut_pex"]);
    world.has().await;
    world.peer.say(&[Message::Unchoke]).await;
    world.report().await;
    world.order(Order::Grant(blocks(20))).await;
    world.peer.expect_requests(5).await;
    assert_eq!(world.peer.hear_within(Duration::from_secs(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn serves_what_it_has_while_it_unchokes() {
    let mut world = piped(Begin { have: &[0, 19], ..PLAIN });
    world.peer.hear().await;
    world.serve().await;
    let last = geometry().blocks_of(piece(19)).last().unwrap();
    let wanted: Vec<BlockSpec> = geometry()
        .blocks_of(piece(0))
        .chain([last])
        .map(spec)
        .chain([BlockSpec { index: 0, begin: 7, length: 3 }])
        .collect();
    let requests: Vec<Message> = wanted.iter().copied().map(Message::Request).collect();
    world.peer.say(&requests).await;
    for spec in wanted {
        let Heard::Block(header, bytes) = world.peer.hear().await else { panic!("no block") };
        assert_eq!((header.index, header.begin, header.length), (spec.index, spec.begin, spec.length));
        assert!((spec.begin..).zip(&bytes).all(|(at, &byte)| byte == content(spec.index, at)));
    }
    world.peer.say(&[Message::Request(BlockSpec { index: 4, begin: 0, length: 16384 })]).await;
    world.order(Order::Choke(true)).await;
    world.peer.expect(Message::Choke).await;
    world.peer.say(&[Message::Request(BlockSpec { index: 0, begin: 0, length: 16384 })]).await;
    assert_eq!(
        world.peer.hear_within(Duration::from_secs(5)).await,
        None,
        "neither what we lack nor when we choke"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_to_those_who_understand_them() {
    let mut world = piped(Begin { have: &[0], up_bps: Some(1), ..MODERN });
    world.peer.hear().await;
    world.peer.expect_extension_handshake().await;
    let (mine, other) = (spec(blocks(1)[0]), BlockSpec { index: 4, begin: 0, length: 16384 });
    world.peer.say(&[Message::Request(mine)]).await;
    world.peer.expect(Message::Reject(mine)).await;
    world.serve().await;
    // The first two, read in one go, take all the limit allows; the rest wait for hours.
    let waiting: Vec<BlockSpec> = blocks(5).into_iter().map(spec).collect();
    let requests: Vec<Message> =
        [mine, other].into_iter().chain(waiting[1..].iter().copied()).map(Message::Request).collect();
    world.peer.say(&requests).await;
    let mut heard = [world.peer.hear().await, world.peer.hear().await, world.peer.hear().await];
    heard.sort_by_key(|heard| matches!(heard, Heard::Block(..)));
    assert_eq!(heard[0], Heard::Message(Message::Reject(other)));
    assert!(matches!(heard[2], Heard::Block(..)));
    world.peer.say(&[Message::Cancel(waiting[4])]).await;
    world.peer.expect(Message::Reject(waiting[4])).await;
    world.order(Order::Choke(true)).await;
    world.peer.expect(Message::Choke).await;
    for &spec in &waiting[2..4] {
        world.peer.expect(Message::Reject(spec)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_breach_of_the_protocol_has_its_cause() {
    let request = |index, begin, length| Message::Request(BlockSpec { index, begin, length });
    let bitfield = |bytes: &'static [u8]| Message::Bitfield(Bytes::from_static(bytes));
    let extended = |payload: &'static [u8]| Message::Extended { id: 0, payload: Bytes::from_static(payload) };
    let table = [
        (vec![0xff; 4], Cause::MessageTooLarge),
        (vec![0, 0, 0, 2, 1, 1], Cause::BadMessage),
        (encoded(&[request(0, 0, 0)]), Cause::BadMessage),
        (encoded(&[request(0, 0, PIECE + 1)]), Cause::BadMessage),
        (encoded(&[request(0, u32::MAX, u32::MAX)]), Cause::BadMessage),
        (encoded(&[request(20, 0, 16384)]), Cause::PieceOutOfRange),
        (encoded(&[Message::Have(20)]), Cause::PieceOutOfRange),
        (encoded(&[Message::Reject(BlockSpec { index: 20, begin: 0, length: 1 })]), Cause::PieceOutOfRange),
        (encoded(&[bitfield(&[0; 2])]), Cause::BadBitfield),
        (encoded(&[bitfield(&[0, 0, 1])]), Cause::BadBitfield),
        (encoded(&[extended(b"i1e")]), Cause::BadExtensionMessage),
        (encoded(&vec![extended(b"de"); 9]), Cause::BadExtensionMessage),
        (PieceHeader { index: 0, begin: 0, length: 16384 }.to_bytes().to_vec(), Cause::UnrequestedBlock),
        (encoded(&vec![request(0, 0, 16384); 2100]), Cause::RequestFlood),
        (encoded(&[Message::Unchoke, Message::Choke]).repeat(101), Cause::BadMessage),
        (encoded(&[Message::Interested, Message::NotInterested]).repeat(101), Cause::BadMessage),
    ];
    for (bytes, cause) in table {
        let closed = fault(MODERN, &bytes).await;
        assert_eq!(closed.cause, cause, "{bytes:?}");
        assert!(closed.detail.is_some());
        assert_eq!(closed.bytes_in, 68 + bytes.len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn strange_but_harmless_messages_are_ignored() {
    let mut world = piped(MODERN);
    let messages = [
        Message::Port(6881),
        Message::Suggest(3),
        Message::AllowedFast(3),
        Message::Unknown { id: 99, length: 1000 },
        Message::Extended { id: 77, payload: Bytes::from_static(b"?") },
        Message::Cancel(BlockSpec { index: 99, begin: 0, length: 0 }),
        Message::HaveAll,
        Message::Interested,
    ];
    world.peer.say(&messages).await;
    world.has().await;
    assert!(matches!(world.report().await, Report::Have(_) | Report::Interested(true)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_its_answers_is_let_go() {
    let (here, there) = duplex(4096);
    let mut world = start(MODERN, (here, there));
    let request = encoded(&vec![Message::Request(BlockSpec { index: 0, begin: 0, length: 16384 }); 400]);
    let closed = loop {
        if world.peer.stream.write_all(&request).await.is_err() {
            break world.closed().await;
        }
        sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(closed.cause, Cause::RequestFlood);
}

#[tokio::test(start_paused = true)]
async fn who_sends_more_than_is_taken_waits() {
    let mut world = piped(PLAIN);
    // Nobody takes reports, of which there is one a second at least; the pipe holds a mebibyte.
    let alive = [0; 8192];
    let mut seconds = 0;
    while timeout(Duration::from_secs(1), world.peer.stream.write_all(&alive)).await.is_ok() {
        sleep(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 3000, "it goes on reading");
    }
    assert!(seconds > 900, "it stopped reading before anything was full");
    for _ in 0..1100 {
        assert!(timeout(PATIENCE, world.reports.recv()).await.unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn our_failing_disk_is_named() {
    let mut world = piped(Begin { have: &[0], disk_fails: true, ..PLAIN });
    world.peer.hear().await;
    world.serve().await;
    world.peer.say(&[Message::Request(spec(blocks(1)[0]))]).await;
    let closed = world.closed().await;
    assert_eq!(closed.cause, Cause::DiskError);
    assert!(closed.error.is_some());
}

#[tokio::test]
async fn whoever_closes_at_once_is_told_from_one_who_leaves_later() {
    let mut world = start(PLAIN, sockets().await);
    drop(world.peer);
    let (_, report) = world.reports.recv().await.unwrap();
    assert!(matches!(report, Report::Closed(closed) if closed.cause == Cause::ClosedAfterHandshake));

    let mut world = start(PLAIN, sockets().await);
    world.peer.say(&[Message::Bitfield(all().to_bytes().into())]).await;
    world.has().await;
    drop(world.peer);
    let (_, report) = timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap();
    assert!(matches!(report, Report::Closed(closed) if closed.cause == Cause::ClosedByPeer));

    let mut world = start(PLAIN, sockets().await);
    world.peer.say(&[Message::Bitfield(all().to_bytes().into())]).await;
    world.has().await;
    socket2::SockRef::from(&world.peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(world.peer);
    let (_, report) = timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap();
    assert!(
        matches!(report, Report::Closed(closed) if closed.cause == Cause::ResetByPeer && closed.error.is_some())
    );
}

#[tokio::test]
async fn blocks_sent_before_a_close_still_arrive() {
    let mut world = start(PLAIN, sockets().await);
    let asked = world.ask_for(20).await;
    for &spec in &asked {
        world.peer.send(spec).await;
    }
    drop(world.peer);
    let mut seen = 0;
    loop {
        match timeout(PATIENCE, world.reports.recv()).await.unwrap().unwrap().1 {
            Report::Blocks { blocks, .. } => seen += blocks.len(),
            Report::Closed(closed) => {
                assert_eq!(closed.cause, Cause::ClosedByPeer);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 20);
}

#[tokio::test(start_paused = true)]
async fn a_close_by_us_flushes_what_is_quick_and_names_our_reason() {
    let mut world = piped(PLAIN);
    world.order(Order::Interested(true)).await;
    world.order(Order::Close(Cause::DroppedByUser)).await;
    world.peer.expect(Message::Interested).await;
    assert_eq!(world.peer.hear().await, Heard::End);
    let closed = world.closed().await;
    assert_eq!((closed.cause, closed.bytes_in, closed.bytes_out), (Cause::DroppedByUser, 68, 73));

    // Somebody who does not read cannot hold us up.
    let (here, there) = duplex(1);
    let mut world = start(MODERN, (here, there));
    let began = Instant::now();
    drop(std::mem::replace(&mut world.orders, mpsc::unbounded_channel().0));
    assert_eq!(world.closed().await.cause, Cause::Shutdown);
    assert!(began.elapsed() <= Duration::from_millis(300));
}

#[tokio::test]
async fn a_download_over_real_sockets_is_whole_whatever_the_order_of_the_answers() {
    let mut world = start(MODERN, sockets().await);
    world.peer.expect(Message::HaveNone).await;
    world.peer.expect_extension_handshake().await;
    world.peer.say(&[Message::HaveAll, Message::Unchoke]).await;
    assert!(world.has().await.is_full());
    assert!(matches!(world.report().await, Report::Unchoked));
    let all = blocks(usize::MAX);
    world.order(Order::Grant(all.clone())).await;
    let World { mut peer, mut reports, orders, .. } = world;
    let count = all.len();
    let seed = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(3);
        let mut waiting = Vec::new();
        let mut sent = 0;
        while sent < count {
            while waiting.len() < 8 {
                let patience = if waiting.is_empty() { PATIENCE } else { Duration::from_millis(1) };
                match peer.hear_within(patience).await {
                    Some(Heard::Message(Message::Request(spec))) => waiting.push(spec),
                    Some(other) => panic!("{other:?}"),
                    None => break,
                }
            }
            let next = if random.u8(0..4) == 0 { random.usize(..waiting.len()) } else { 0 };
            peer.send(waiting.remove(next)).await;
            if random.u8(0..5) == 0 {
                peer.say(&[Message::KeepAlive]).await;
            }
            sent += 1;
        }
        peer
    });
    let mut seen = Vec::new();
    while seen.len() < count {
        if let Report::Blocks { blocks, .. } = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap().1 {
            for (block, bytes) in blocks {
                assert_eq!(&bytes[..], block_content(&geometry(), block));
                seen.push(block);
            }
        }
    }
    seed.await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, all);
    drop(orders);
}
