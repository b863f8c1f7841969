use std::io::Read;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::event::At;
use crate::peer::Arrival;
use crate::wire::{BlockSpec, MAX_FRAME};

/// Pieces of five blocks and a bit, the last piece shorter.
fn geometry() -> Geometry {
    Geometry::new(40 * 90_000 - 12_345, 90_000).unwrap()
}

fn all_blocks() -> Vec<BlockRef> {
    let geometry = geometry();
    geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).collect()
}

/// A window with these blocks asked for.
fn owing(blocks: &[BlockRef]) -> Window {
    let mut window = Window::new();
    window.set_reqq(1024);
    let mut requests = Vec::new();
    for chunk in blocks.chunks(16) {
        window.grant(chunk.iter().copied());
        window.refill(At::ZERO, &mut requests);
    }
    assert_eq!(requests.len(), blocks.len().min(64));
    window
}

fn byte_of(block: BlockRef, at: usize) -> u8 {
    (block.piece().number() as usize * 31 + block.number() as usize * 7 + at % 251) as u8
}

fn put_block(out: &mut BytesMut, block: BlockRef) {
    let length = geometry().block_length(block);
    let header = PieceHeader { index: block.piece().number(), begin: block.begin(), length };
    out.extend_from_slice(&header.to_bytes());
    out.extend((0..length as usize).map(|at| byte_of(block, at)));
}

/// What a test expects to come out, in order.
#[derive(Clone, PartialEq, Debug)]
enum Seen {
    Message(Message),
    Block(BlockRef),
}

/// Feeds all of `bytes` in reads of the sizes of `cuts`, over and over, and notes what comes out.
fn feed(
    receiver: &mut Receiver,
    window: &mut Window,
    mut bytes: &[u8],
    cuts: &[usize],
) -> (Vec<Seen>, Result<(), ReceiveError>) {
    let mut seen = Vec::new();
    let mut cuts = cuts.iter().cycle();
    while !bytes.is_empty() {
        let mut next = &bytes[..bytes.len().min(*cuts.next().unwrap())];
        let n = receiver.read_with(window, |slices| next.read_vectored(slices)).unwrap();
        assert!(n > 0, "no room to read into");
        bytes = &bytes[n..];
        let result = receiver.advance(n, window);
        while let Some(incoming) = receiver.next() {
            seen.push(match incoming {
                Incoming::Message(message) => Seen::Message(message),
                Incoming::Block(block, buffer) => {
                    assert_eq!(buffer.len(), geometry().block_length(block) as usize);
                    assert!(buffer.iter().enumerate().all(|(at, &byte)| byte == byte_of(block, at)));
                    assert_ne!(window.received(At::ZERO, block), Arrival::Unrequested);
                    Seen::Block(block)
                }
            });
        }
        if result.is_err() {
            return (seen, result);
        }
    }
    (seen, Ok(()))
}

fn receiver() -> Receiver {
    Receiver::new(Some(geometry()), BlockPool::new(1000))
}

/// One message, whole, into a fresh receiver that is owed these blocks.
fn fails_with(bytes: &[u8], owed: &[BlockRef], cut: usize) -> ReceiveError {
    let (seen, result) = feed(&mut receiver(), &mut owing(owed), bytes, &[cut]);
    assert!(seen.is_empty(), "{seen:?}");
    result.unwrap_err()
}

fn header(index: u32, begin: u32, length: u32) -> Vec<u8> {
    PieceHeader { index, begin, length }.to_bytes().to_vec()
}

fn message() -> impl Strategy<Value = Message> {
    let spec = (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(index, begin, length)| BlockSpec {
        index,
        begin,
        length,
    });
    let bytes = proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    prop_oneof![
        Just(Message::KeepAlive),
        Just(Message::Choke),
        Just(Message::HaveAll),
        any::<u32>().prop_map(Message::Have),
        any::<u16>().prop_map(Message::Port),
        spec.clone().prop_map(Message::Request),
        spec.prop_map(Message::Reject),
        bytes.clone().prop_map(Message::Bitfield),
        (any::<u8>(), bytes).prop_map(|(id, payload)| Message::Extended { id, payload }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn reads_any_stream_under_any_segmentation(
        first in 0usize..200,
        count in 0usize..40,
        swaps in proptest::collection::vec((0usize..40, 0usize..40), 0..6),
        extras in proptest::collection::vec((0usize..60, message()), 0..20),
        cuts in proptest::collection::vec(prop_oneof![1usize..40, 1usize..20_000, 1usize..300_000], 1..12),
    ) {
        let owed: Vec<BlockRef> = all_blocks()[first.min(199)..].iter().copied().take(count).collect();
        let mut window = owing(&owed);
        let mut order = owed.clone();
        for (a, b) in swaps {
            if a < order.len() && b < order.len() {
                order.swap(a, b);
            }
        }
        let mut expected: Vec<Seen> = order.into_iter().map(Seen::Block).collect();
        for (at, message) in extras {
            expected.insert(at.min(expected.len()), Seen::Message(message));
        }
        let mut stream = BytesMut::new();
        for item in &expected {
            match item {
                Seen::Message(message) => message.encode(&mut stream),
                Seen::Block(block) => put_block(&mut stream, *block),
            }
        }
        let mut receiver = receiver();
        let (seen, result) = feed(&mut receiver, &mut window, &stream, &cuts);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(seen, expected);
        let bytes: u64 = owed.iter().map(|&block| u64::from(geometry().block_length(block))).sum();
        prop_assert_eq!(receiver.payload_bytes(), bytes);
    }

    #[test]
    fn arbitrary_bytes_end_in_an_error_or_wait_for_more(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0u8..25, any::<u8>()], 0..400),
        cuts in proptest::collection::vec(1usize..50, 1..5),
        owed in 0usize..5,
    ) {
        let mut window = owing(&all_blocks()[..owed]);
        let mut receiver = receiver();
        let mut bytes: &[u8] = &bytes;
        let mut cuts = cuts.iter().cycle();
        while !bytes.is_empty() {
            let most = *cuts.next().unwrap();
            let n = receiver.read_with(&window, |slices| {
                let mut n = 0;
                for slice in slices {
                    let taken = slice.len().min(bytes.len()).min(most - n);
                    slice[..taken].copy_from_slice(&bytes[..taken]);
                    bytes = &bytes[taken..];
                    n += taken;
                }
                n
            });
            prop_assert!(n > 0);
            let result = receiver.advance(n, &window);
            while let Some(incoming) = receiver.next() {
                if let Incoming::Block(block, _) = incoming {
                    window.received(At::ZERO, block);
                }
            }
            if result.is_err() {
                break;
            }
        }
    }
}

#[test]
fn predicted_blocks_land_in_their_own_buffers_without_a_copy() {
    let owed = &all_blocks()[..8];
    let mut receiver = receiver();
    let window = owing(owed);
    let places: Vec<*const u8> = receiver
        .read_with(&window, |slices| slices.iter().skip(1).step_by(2).map(|slice| slice.as_ptr()).collect());
    let mut stream = BytesMut::new();
    owed.iter().for_each(|&block| put_block(&mut stream, block));
    let mut bytes = &stream[..];
    let n = receiver.read_with(&window, |slices| {
        for slice in slices {
            let taken = slice.len().min(bytes.len());
            slice[..taken].copy_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
        }
        stream.len() - bytes.len()
    });
    receiver.advance(n, &window).unwrap();
    let mut blocks = 0;
    while let Some(Incoming::Block(_, buffer)) = receiver.next() {
        assert!(places.contains(&buffer.as_ptr()));
        blocks += 1;
    }
    assert!(blocks >= 6, "{blocks}");
}

#[test]
fn offers_more_while_reads_are_filled_and_less_when_they_are_not() {
    let owed = &all_blocks()[..64];
    let mut window = owing(owed);
    let mut receiver = receiver();
    let mut stream = BytesMut::new();
    owed.iter().for_each(|&block| put_block(&mut stream, block));
    let (seen, result) = feed(&mut receiver, &mut window, &stream, &[usize::MAX]);
    assert_eq!((seen.len(), result), (64, Ok(())));
    assert!(receiver.ahead_bytes > FIRST_AHEAD);
    let mut window = owing(owed);
    let (seen, _) = feed(&mut receiver, &mut window, &stream, &[3000]);
    assert_eq!(seen.len(), 64);
    assert_eq!(receiver.ahead_bytes, LEAST_AHEAD);
}

#[test]
fn keeps_no_more_buffers_than_blocks_are_owed() {
    let mut receiver = receiver();
    receiver.read_with(&owing(&all_blocks()[..3]), |_| ());
    assert_eq!((receiver.slots.len(), receiver.spare.len()), (3, 0));
    receiver.read_with(&owing(&[]), |_| ());
    assert_eq!((receiver.slots.len(), receiver.spare.len()), (0, 0));
}

#[test]
fn refuses_a_length_past_the_cap_before_any_of_it_came() {
    for cut in [1, 2, 100] {
        let error = fails_with(&(MAX_FRAME as u32 + 1).to_be_bytes(), &all_blocks()[..2], cut);
        assert_eq!(error.cause(), Cause::MessageTooLarge);
        assert_eq!(fails_with(&[0xff; 4], &[], cut).cause(), Cause::MessageTooLarge);
    }
}

#[test]
fn a_long_message_takes_memory_only_as_it_comes() {
    let mut receiver = receiver();
    let mut window = owing(&[]);
    let mut bytes = (MAX_FRAME as u32).to_be_bytes().to_vec();
    bytes.extend([20, 1, 2, 3]);
    feed(&mut receiver, &mut window, &bytes, &[5]).1.unwrap();
    receiver.read_with(&window, |_| ());
    let Begun::Body { frame, .. } = &receiver.begun else { panic!("{:?}", receiver.begun) };
    assert!(frame.capacity() <= 3 * BODY_STEP, "{}", frame.capacity());
}

#[test]
fn refuses_blocks_that_never_were_asked_for() {
    let blocks = all_blocks();
    for owed in [&blocks[..0], &blocks[..3]] {
        for cut in [1, 7, 13, 40_000] {
            let mut bytes = header(7, 0, 16384);
            bytes.extend([0; 50]);
            let error = fails_with(&bytes, &[], cut);
            assert_eq!(error, ReceiveError::Unrequested { piece: 7, begin: 0 });
            assert_eq!(error.cause(), Cause::UnrequestedBlock);
            assert_eq!(fails_with(&header(0, 1, 16384), owed, cut).cause(), Cause::UnrequestedBlock);
            assert_eq!(fails_with(&header(40, 0, 16384), owed, cut).cause(), Cause::PieceOutOfRange);
        }
    }
}

#[test]
fn refuses_owed_blocks_of_a_wrong_length() {
    let owed = &all_blocks()[..3];
    for length in [0, 1, 16383, 16385, 100_000] {
        let error = fails_with(&header(0, 0, length), owed, 13);
        assert_eq!(error, ReceiveError::WrongLength { piece: 0, begin: 0, length, expected: 16384 });
        assert_eq!(error.cause(), Cause::BadMessage);
    }
    assert_eq!(fails_with(&[0, 0, 0, 8, 7], owed, 5).cause(), Cause::BadMessage);
    assert_eq!(fails_with(&[0, 0, 0, 2, 1, 1], owed, 6).cause(), Cause::BadMessage);
}

#[test]
fn hands_over_a_block_that_was_cancelled_on_its_way() {
    let owed = &all_blocks()[..3];
    let mut window = owing(owed);
    window.revoke(At::ZERO, &owed[1..2]);
    let mut stream = BytesMut::new();
    owed.iter().for_each(|&block| put_block(&mut stream, block));
    let (seen, result) = feed(&mut receiver(), &mut window, &stream, &[10_000]);
    assert_eq!(result, Ok(()));
    assert_eq!(seen, owed.iter().copied().map(Seen::Block).collect::<Vec<_>>());
}

#[test]
fn hands_over_few_blocks_that_nobody_remembers_and_no_more_than_were_asked_for() {
    let all = all_blocks();
    let mut stream = BytesMut::new();
    all[10..13].iter().for_each(|&block| put_block(&mut stream, block));
    let (mut receiver, mut window) = (receiver(), owing(&all[..3]));
    let (seen, result) = feed(&mut receiver, &mut window, &stream, &[10_000]);
    assert_eq!(result, Ok(()));
    assert_eq!(seen, all[10..13].iter().copied().map(Seen::Block).collect::<Vec<_>>());
    stream.clear();
    put_block(&mut stream, all[13]);
    let (seen, result) = feed(&mut receiver, &mut window, &stream, &[10_000]);
    assert!(seen.is_empty());
    assert_eq!(result.unwrap_err().cause(), Cause::UnrequestedBlock);
}

#[test]
fn what_came_before_a_violation_is_still_handed_over() {
    let owed = &all_blocks()[..2];
    let mut stream = BytesMut::new();
    put_block(&mut stream, owed[0]);
    Message::Have(3).encode(&mut stream);
    stream.extend_from_slice(&header(9, 1, 16384));
    let (seen, result) = feed(&mut receiver(), &mut owing(owed), &stream, &[1 << 20]);
    assert_eq!(seen, [Seen::Block(owed[0]), Seen::Message(Message::Have(3))]);
    assert_eq!(result.unwrap_err().cause(), Cause::UnrequestedBlock);
}
