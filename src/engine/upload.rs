//! Serves the requests of one peer: what is read from disk next, and when the limit lets it.
//!
//! Requests for bytes that follow one another are read in one go. What one peer holds in memory is bounded, and the
//! shared limit is asked before the disk is, so nothing is read that cannot be sent. A block may leave in parts, as the
//! limit lets them pass: where blocks take long, those who wait for theirs wait less.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::clock::Clock;
use super::disk::MOST_READ_BYTES;
use super::limit::Limit;
use crate::metainfo::PieceIndex;
use crate::peer::output::Output;
use crate::peer::upload::Upload;
use crate::swarm::LEAST_PART;

/// Bytes read from disk in one go.
const RUN_BYTES: u32 = MOST_READ_BYTES;
/// Bytes of what is in memory anyway taken in one go. They leave, with their headers, in one segment of 64 KiB: what is
/// a little longer leaves in a long one and a short one, and wakes the other end twice.
const MEMORY_RUN_BYTES: u32 = 48 * 1024;
/// Bytes in memory for one peer, read or being read.
const MOST_IN_FLIGHT: usize = 1024 * 1024;
/// The same under a limit: what is taken from it leaves at once, or others could have sent it.
const LIMITED_IN_FLIGHT: usize = 64 * 1024;

/// Data of verified pieces.
pub trait BlockSource: Send + Sync + 'static {
    /// The same as [`Self::read`], at once and without any wait: `None` where that cannot be.
    fn read_at_once(&self, _piece: PieceIndex, _begin: u32, _length: u32) -> Option<Bytes> {
        None
    }

    /// Reads `length` bytes of the piece from `begin` on. They lie inside the piece.
    fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture;
}

/// What [`BlockSource::read`] returns: the bytes, or why they cannot be read.
pub type ReadFuture = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// Something uploads wait for; to be awaited, and its result handed to [`finish`].
pub type Job = Pin<Box<dyn Future<Output = JobDone> + Send>>;

/// A job's result.
#[derive(Debug)]
pub enum JobDone {
    /// The limit lets so many bytes pass.
    Turn(u64),
    /// The disk answered.
    Read(io::Result<Bytes>),
}

/// Gives the limit back what was not sent: there is nothing to send, or it never will be.
pub fn give_back(upload: &mut Upload, limit: &Limit) {
    if upload.paid_bytes() > 0 {
        limit.give_back(upload.take_paid());
    }
}

/// Begins the next read, if there is something to read, room for it, and no job of this peer under way. What is held
/// back of the block before comes first.
pub fn start(
    upload: &mut Upload,
    output: &mut Output,
    source: &dyn BlockSource,
    limit: &Arc<Limit>,
    clock: Clock,
) -> Option<Job> {
    while output.held_back() > 0 {
        if let Some(wait) = pay(upload, output, 1, limit, clock) {
            return Some(wait);
        }
        upload.release(output);
    }
    let Some((piece, first)) = upload.next() else {
        give_back(upload, limit);
        return None;
    };
    let (is_limited, waiting) = (limit.is_limited(), output.block_bytes());
    let room = if is_limited { LIMITED_IN_FLIGHT } else { MOST_IN_FLIGHT };
    if waiting > 0 && waiting + first.length as usize > room {
        return None;
    }
    let mut most = MEMORY_RUN_BYTES;
    if is_limited {
        if let Some(wait) = pay(upload, output, upload.due_bytes(LEAST_PART), limit, clock) {
            return Some(wait);
        }
        most = most.min(u32::try_from(upload.paid_bytes()).unwrap_or(most));
    }
    let mut length = upload.run_length(most);
    let at_once = source.read_at_once(piece, first.begin, length);
    if at_once.is_none() && !is_limited {
        length = upload.run_length(RUN_BYTES);
    }
    upload.begin(length, is_limited);
    let read = match at_once {
        Some(bytes) => Box::pin(std::future::ready(Ok(bytes))),
        None => source.read(piece, first.begin, length),
    };
    Some(Box::pin(async move { JobDone::Read(read.await) }))
}

/// Takes from the limit until `least` bytes are paid for; returns a wait where that takes one. What is taken beyond them
/// pays for what follows.
fn pay(upload: &mut Upload, output: &Output, least: u64, limit: &Arc<Limit>, clock: Clock) -> Option<Job> {
    while upload.paid_bytes() < least {
        match limit.take(clock, upload.unpaid_bytes(output)) {
            Ok(bytes) => upload.pay(bytes),
            Err(place) => return Some(Box::pin(async move { JobDone::Turn(place.turn().await) })),
        }
    }
    None
}

/// A job is done: what it read goes to `output`.
///
/// # Errors
///
/// What the disk said.
pub fn finish(upload: &mut Upload, done: JobDone, output: &mut Output) -> io::Result<()> {
    match done {
        JobDone::Turn(bytes) => upload.pay(bytes),
        JobDone::Read(read) => {
            if !upload.read(&read?, output) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::At;
    use crate::metainfo::Geometry;
    use crate::peer::upload::{Flood, MOST_QUEUED, MOST_REFUSED};
    use crate::wire::BlockSpec;

    /// Bytes that tell where they come from; notes what was read.
    #[derive(Default)]
    struct Disk {
        reads: Mutex<Vec<(u32, u32, u32)>>,
        /// Whether all of it is in memory.
        warm: bool,
    }

    impl Disk {
        fn bytes(&self, piece: PieceIndex, begin: u32, length: u32) -> Bytes {
            self.reads.lock().unwrap().push((piece.number(), begin, length));
            (begin..begin + length).map(|at| (at / 1000) as u8).collect()
        }
    }

    impl BlockSource for Disk {
        fn read_at_once(&self, piece: PieceIndex, begin: u32, length: u32) -> Option<Bytes> {
            self.warm.then(|| self.bytes(piece, begin, length))
        }

        fn read(&self, piece: PieceIndex, begin: u32, length: u32) -> ReadFuture {
            let bytes = self.bytes(piece, begin, length);
            Box::pin(async move { Ok(bytes) })
        }
    }

    fn spec(index: u32, number: u32) -> BlockSpec {
        BlockSpec { index, begin: number * 16384, length: 16384 }
    }

    fn queued(specs: &[BlockSpec]) -> Upload {
        let geometry = Geometry::new(1 << 30, 1 << 20).unwrap();
        let mut upload = Upload::default();
        for &spec in specs {
            upload.request(geometry.piece(spec.index).unwrap(), spec).unwrap();
        }
        upload
    }

    async fn step(
        upload: &mut Upload,
        output: &mut Output,
        disk: &Disk,
        limit: &Arc<Limit>,
        clock: Clock,
    ) -> bool {
        let Some(job) = start(upload, output, disk, limit, clock) else { return false };
        let done = job.await;
        finish(upload, done, output).unwrap();
        true
    }

    #[tokio::test]
    async fn reads_what_follows_one_another_in_one_go() {
        let specs: Vec<BlockSpec> = (0..20).map(|n| spec(3, n)).chain([spec(4, 0), spec(4, 2)]).collect();
        let cold = [(0, 16), (16, 4)];
        let warm = [(0, 3), (3, 3), (6, 3), (9, 3), (12, 3), (15, 3), (18, 2)];
        for (is_warm, runs) in [(false, &cold[..]), (true, &warm[..])] {
            let disk = Disk { warm: is_warm, ..Disk::default() };
            let (mut upload, mut output) = (queued(&specs), Output::default());
            let (limit, clock) = (Arc::new(Limit::new(None)), Clock::start());
            while step(&mut upload, &mut output, &disk, &limit, clock).await {}
            let others = [(4, 0, 16384), (4, 32768, 16384)];
            let expected = runs.iter().map(|(from, count)| (3, from * 16384, count * 16384)).chain(others);
            assert_eq!(*disk.reads.lock().unwrap(), expected.collect::<Vec<_>>());
            assert_eq!(output.block_bytes(), specs.len() * 16384);
            assert_eq!(upload.waiting(), 0);
        }
    }

    #[tokio::test]
    async fn holds_no_more_than_a_mebibyte_in_memory() {
        let specs: Vec<BlockSpec> = (0..5).flat_map(|piece| (0..64).map(move |n| spec(piece, n))).collect();
        let (mut upload, mut output, disk) = (queued(&specs), Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(None)), Clock::start());
        while step(&mut upload, &mut output, &disk, &limit, clock).await {}
        assert!(output.block_bytes() <= MOST_IN_FLIGHT + RUN_BYTES as usize, "{}", output.block_bytes());
        assert!(upload.waiting() > 200);
        output.drop_blocks();
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_held_within_a_tenth() {
        let clock = Clock::start();
        let limit = Arc::new(Limit::new(Some(200_000)));
        let disk = Disk::default();
        let mut output = Output::default();
        let mut sent = 0;
        let mut piece = 0;
        let mut upload = queued(&[]);
        while clock.now() < At::from_secs(10) {
            if upload.waiting() == 0 {
                upload = queued(&(0..16).map(|n| spec(piece, n)).collect::<Vec<_>>());
                piece += 1;
            }
            assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
            sent += output.block_bytes();
            output = Output::default();
        }
        assert!((1_800_000..=2_200_000).contains(&sent), "{sent}");
    }

    /// Writes all that may leave, and returns how much it is.
    fn write(output: &mut Output) -> usize {
        let bytes = output.write_with(|slices| slices.iter().map(|slice| slice.len()).sum());
        output.advance(bytes);
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn under_a_small_limit_a_block_leaves_in_parts_unless_we_ask_the_peer_for_blocks() {
        for whole in [false, true] {
            let (limit, clock) = (Arc::new(Limit::new(Some(8_000))), Clock::start());
            let (mut output, disk) = (Output::default(), Disk::default());
            let mut upload = queued(&[spec(0, 0), spec(0, 1)]);
            upload.set_whole(whole);
            let mut writes = Vec::new();
            while step(&mut upload, &mut output, &disk, &limit, clock).await {
                writes.extend(Some((clock.now(), write(&mut output))).filter(|(_, bytes)| *bytes > 0));
            }
            writes.push((clock.now(), write(&mut output)));
            let sum: usize = writes.iter().map(|(_, bytes)| bytes).sum();
            assert_eq!((sum, output.held_back()), (2 * (13 + 16384), 0));
            let gap = writes.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
            let expected = if whole { At::from_millis(2048) } else { At::from_millis(250) };
            assert!(gap.abs_diff(expected) < At::from_millis(300), "{whole}: {writes:?}");
            assert!(clock.now() <= At::from_millis(4300), "{whole}: {writes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_choke_in_the_middle_of_a_block_lets_the_rest_of_it_leave_at_the_limit() {
        let (limit, clock) = (Arc::new(Limit::new(Some(8_000))), Clock::start());
        let (mut output, disk) = (Output::default(), Disk::default());
        let mut upload = queued(&[spec(0, 0), spec(0, 1)]);
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        let mut sent = write(&mut output);
        assert!(!upload.cancel(spec(0, 0), &mut output), "it was begun");
        assert_eq!(upload.forget(&mut output), [spec(0, 1)]);
        output.push(&crate::wire::Message::Choke);
        while step(&mut upload, &mut output, &disk, &limit, clock).await {
            sent += write(&mut output);
        }
        assert_eq!(sent + write(&mut output), 13 + 16384 + 5);
        assert!((At::from_millis(700)..At::from_millis(2300)).contains(&clock.now()), "{:?}", clock.now());
        // One that was not begun is taken back, with what was paid of it.
        let mut upload = queued(&[spec(0, 2)]);
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        assert!(output.held_back() > 0 && upload.cancel(spec(0, 2), &mut output));
        // A turn of the limit is a ninth of a block: at most a quarter of a second's worth.
        assert_eq!((output.held_back(), upload.paid_bytes()), (0, 16384_u64.div_ceil(9)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lifted_limit_is_noticed_at_once() {
        let (mut upload, mut output, disk) = (queued(&[spec(0, 0)]), Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(Some(1))), Clock::start());
        limit.take(clock, 1_000_000).unwrap();
        let job = start(&mut upload, &mut output, &disk, &limit, clock).unwrap();
        limit.set(clock.now(), None);
        finish(&mut upload, job.await, &mut output).unwrap();
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        assert_eq!(output.block_bytes(), 16384);
        assert!(clock.now() <= At::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_from_the_limit_and_not_sent_is_given_back() {
        let (mut output, disk) = (Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(Some(65536))), Clock::start());
        let other = |limit: &Arc<Limit>| limit.take(clock, 16384).map_err(drop);
        for ends in [0, 1, 2] {
            limit.set(clock.now(), Some(65536));
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            let mut upload = queued(&[spec(0, 0), spec(0, 1)]);
            assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
            assert_eq!((output.block_bytes(), other(&limit)), (16384, Err(())), "it is used up");
            match ends {
                0 => _ = upload.forget(&mut output),
                1 => assert!([spec(0, 0), spec(0, 1)].iter().all(|spec| upload.cancel(*spec, &mut output))),
                // Bytes that are too few for its next block.
                _ => {
                    output = Output::default();
                    upload.set_held(true);
                    finish(&mut upload, JobDone::Turn(16384), &mut output).unwrap();
                }
            }
            assert!(start(&mut upload, &mut output, &disk, &limit, clock).is_none());
            assert_eq!(other(&limit), Ok(16384));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn under_a_limit_nothing_is_taken_that_cannot_leave() {
        let specs: Vec<BlockSpec> = (0..64).map(|n| spec(0, n)).collect();
        let (mut upload, mut output, disk) = (queued(&specs), Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(Some(1 << 20))), Clock::start());
        while step(&mut upload, &mut output, &disk, &limit, clock).await {}
        assert!((48 * 1024..=96 * 1024).contains(&output.block_bytes()), "{}", output.block_bytes());
    }

    #[tokio::test]
    async fn what_is_cancelled_is_not_sent() {
        let specs: Vec<BlockSpec> = (0..4).map(|n| spec(0, n)).chain([spec(9, 9)]).collect();
        let (mut upload, mut output, disk) = (queued(&specs), Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(None)), Clock::start());
        assert!(upload.cancel(spec(9, 9), &mut output));
        let job = start(&mut upload, &mut output, &disk, &limit, clock).unwrap();
        assert!(upload.cancel(spec(0, 1), &mut output));
        finish(&mut upload, job.await, &mut output).unwrap();
        assert!(upload.cancel(spec(0, 3), &mut output));
        assert!(!upload.cancel(spec(0, 3), &mut output));
        let left: Vec<u32> = output.drop_blocks().0.iter().map(|header| header.begin / 16384).collect();
        assert_eq!(left, [0, 2]);
    }

    #[tokio::test]
    async fn a_choke_forgets_requests_wherever_they_are() {
        let specs: Vec<BlockSpec> = (0..20).map(|n| spec(0, n)).collect();
        let (mut upload, mut output, disk) = (queued(&specs[..16]), Output::default(), Disk::default());
        let (limit, clock) = (Arc::new(Limit::new(None)), Clock::start());
        assert!(step(&mut upload, &mut output, &disk, &limit, clock).await);
        let geometry = Geometry::new(1 << 30, 1 << 20).unwrap();
        for &spec in &specs[16..] {
            upload.request(geometry.piece(0).unwrap(), spec).unwrap();
        }
        output.advance(5);
        let job = start(&mut upload, &mut output, &disk, &limit, clock).unwrap();
        assert_eq!(upload.forget(&mut output), specs[1..]);
        finish(&mut upload, job.await, &mut output).unwrap();
        assert_eq!(output.block_bytes(), 16384);
    }

    #[test]
    fn more_than_twice_what_we_offer_is_a_flood() {
        let mut upload = queued(&vec![spec(0, 0); MOST_QUEUED]);
        let piece = Geometry::new(1 << 30, 1 << 20).unwrap().piece(0).unwrap();
        assert_eq!(upload.request(piece, spec(0, 0)), Err(Flood));
        assert!((0..MOST_REFUSED).all(|_| upload.refuse().is_ok()));
        assert_eq!(upload.refuse(), Err(Flood));
        upload.tick();
        assert_eq!(upload.refuse(), Ok(()));
    }

    #[tokio::test]
    async fn a_short_or_failed_read_is_an_error() {
        struct Broken(Option<Bytes>);
        impl BlockSource for Broken {
            fn read(&self, _: PieceIndex, _: u32, _: u32) -> ReadFuture {
                let answer = self.0.clone().ok_or_else(|| io::ErrorKind::Other.into());
                Box::pin(async move { answer })
            }
        }
        for source in [Broken(None), Broken(Some(Bytes::from_static(b"short")))] {
            let (mut upload, mut output) = (queued(&[spec(0, 0)]), Output::default());
            let job = start(&mut upload, &mut output, &source, &Arc::new(Limit::new(None)), Clock::start())
                .unwrap();
            assert!(finish(&mut upload, job.await, &mut output).is_err());
        }
    }
}
