//! Files that are chosen, before and while the torrent runs.

use super::one::{One, addr};
use super::*;
use crate::event::Event;
use crate::metainfo::FilePriority::{self, High, Low, Normal, Skip};
use crate::metainfo::PieceChoice;

const PIECE: u32 = 64 * 1024;
const PIECES: u32 = 100;
const BLOCKS_A_PIECE: usize = 4;

/// A torrent of a hundred pieces, of which some files are skipped from the start, and a seed that sends so much.
fn meets_a_seed(bps: u64) -> One {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    one.add(1, one.seed(bps));
    one
}

impl One {
    fn choose(&mut self, files: std::ops::Range<u32>, priority: FilePriority) {
        self.wish(Command::Choose { from: files.start, to: files.end, priority });
    }

    /// What the choice of files means for pieces now.
    fn pieces(&self) -> PieceChoice {
        let choice = &self.swarm().content.as_ref().unwrap().choice;
        choice.of_pieces(&self.client().files, self.geometry)
    }

    /// How many pieces are wanted so, and how many of those are here.
    fn here(&self, priority: FilePriority) -> (u32, u32) {
        let (pieces, have) = (self.pieces(), self.swarm().have().unwrap());
        let alike: Vec<PieceIndex> =
            self.geometry.pieces().filter(|piece| pieces.of(*piece) == priority).collect();
        (alike.len() as u32, alike.iter().filter(|piece| have.has(**piece)).count() as u32)
    }

    /// The pieces that were verified, in their order.
    fn verified(&self) -> Vec<u32> {
        let verified = self.events().filter_map(|event| match event {
            Event::PieceVerified { piece, .. } => Some(piece.number()),
            _ => None,
        });
        verified.collect()
    }

    fn kinds_heard(&self) -> Vec<AnnounceKind> {
        self.trackers[0].heard.iter().map(|(_, kind)| *kind).collect()
    }
}

#[test]
fn what_is_skipped_is_not_fetched_and_the_rest_is_all_there_is() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    let files = one.client().files.len() as u32;
    one.choose(0..files, Skip);
    assert_eq!(
        (one.swarm().phase(), one.swarm().missing_bytes()),
        (Phase::Seeding, Some(0)),
        "nothing is wanted"
    );
    one.choose(2..4, Normal);
    assert_eq!(one.swarm().phase(), Phase::Downloading);
    let (wanted, _) = one.here(Normal);
    assert!((2..40).contains(&wanted));
    assert_eq!(one.swarm().missing_bytes(), Some(u64::from(wanted * PIECE)));
    one.add(1, one.seed(4 * MIB));
    one.until_complete(secs(20));
    assert_eq!((one.here(Normal), one.here(Skip).1), ((wanted, wanted), 0));
    assert_eq!(one.client().granted, wanted as usize * BLOCKS_A_PIECE);
    one.run(secs(1));
    assert_eq!(
        (one.swarm().phase(), one.ended()),
        (Phase::Seeding, [(addr(1), Cause::BothSeeds)].as_slice())
    );
    // The seed that was let go is called back for what is wanted after all.
    one.choose(0..files, Normal);
    assert_eq!(one.swarm().phase(), Phase::Downloading);
    one.until_complete(secs(60));
    assert!(one.swarm().have().unwrap().is_full());
    assert_eq!(one.client().granted, PIECES as usize * BLOCKS_A_PIECE, "nothing is fetched twice");
}

#[test]
fn what_came_of_a_piece_that_is_skipped_is_kept_until_it_is_wanted_again() {
    // Blocks come slowly, so that pieces are begun and not done.
    let mut one = meets_a_seed(20 * KIB);
    let files = one.client().files.len() as u32;
    one.run(secs(5));
    let begun = one.swarm().picker().begun_count();
    assert!(begun > 0 && one.client().granted > 0);
    one.choose(0..files, Skip);
    let conn = one.swarm().live.conns()[0];
    assert!(one.swarm().picker().asked_of(conn).is_empty(), "what is skipped is asked for no more");
    assert!(!one.swarm().live.get(conn).unwrap().am_interested);
    one.run(secs(30));
    let (granted, useless) = (one.client().granted, one.client().useless_blocks);
    one.choose(0..files, Normal);
    one.change(1, |script| script.bps = 4 * MIB);
    one.until_complete(secs(60));
    assert_eq!(one.client().useless_blocks, useless, "nothing that is here comes again");
    // What was asked for and came before is not asked for again.
    let asked_again = granted + one.client().granted - granted - PIECES as usize * BLOCKS_A_PIECE;
    assert!(asked_again < granted, "{asked_again} blocks of {granted} were asked for again");
}

#[test]
fn high_comes_before_normal_and_low_comes_last() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    one.choose(3..4, High);
    one.choose(0..1, Low);
    let pieces = one.pieces();
    one.add(1, one.seed(MIB));
    one.until_complete(secs(60));
    let order: Vec<FilePriority> =
        one.verified().into_iter().map(|number| pieces.of(one.geometry.piece(number).unwrap())).collect();
    let firsts = [High, Normal, Low].map(|priority| order.iter().position(|it| *it == priority).unwrap());
    let lasts = [High, Normal, Low].map(|priority| order.iter().rposition(|it| *it == priority).unwrap());
    // A few pieces are under way at a time.
    assert!(lasts[0] < firsts[1] + 4 && lasts[1] < firsts[2] + 4, "{order:?}");
}

#[test]
fn in_order_files_begin_and_end_first_and_then_one_piece_follows_the_other() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    one.wish(Command::InOrder(true));
    let pieces = one.pieces();
    one.add(1, one.seed(MIB));
    one.until_complete(secs(60));
    let verified = one.verified();
    let is_early = |number: &u32| pieces.is_early(one.geometry.piece(*number).unwrap());
    let (early, rest): (Vec<u32>, Vec<u32>) = verified.iter().partition(|number| is_early(number));
    assert!(early.len() > 6 && verified[..early.len() - 3].iter().all(is_early), "{verified:?}");
    assert!(early.is_sorted() && rest.is_sorted(), "{verified:?}");
}

#[test]
fn trackers_hear_completed_when_the_last_that_is_wanted_came_and_not_for_a_choice() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    one.trackers = vec![tracker::Tracker::naming(Vec::new())];
    let (geometry, nothing) = (one.geometry, Bitfield::empty(PIECES));
    // A client that knows of the tracker.
    *one.client_mut() = client::Client::new(At::ZERO, geometry, nothing, Settings::default(), 1);
    let files = one.client().files.len() as u32;
    one.run(secs(1));
    one.choose(1..files, Skip);
    one.add(1, one.seed(100 * KIB));
    one.run(secs(5));
    one.choose(0..files, Skip);
    one.run(secs(5));
    assert_eq!(one.swarm().phase(), Phase::Seeding);
    assert_eq!(one.kinds_heard(), [AnnounceKind::Started], "nothing came last");
    one.choose(0..1, Normal);
    one.change(1, |script| script.bps = 4 * MIB);
    one.until_complete(secs(60));
    one.run(secs(5));
    assert_eq!(one.kinds_heard(), [AnnounceKind::Started, AnnounceKind::Completed]);
    one.choose(1..2, Normal);
    one.choose(2..3, Normal);
    one.until_complete(secs(60));
    one.run(secs(5));
    assert_eq!(one.kinds_heard().len(), 2, "they count it once");
}

#[test]
fn undoing_brings_back_what_was_wanted_before() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    let before = one.pieces();
    one.choose(0..1, Skip);
    one.choose(3..5, High);
    let chosen = one.pieces();
    one.wish(Command::InOrder(true));
    one.wish(Command::Undo);
    assert_eq!(one.pieces(), chosen);
    one.wish(Command::Undo);
    one.wish(Command::Undo);
    assert_eq!(one.pieces(), before);
    // Files that the torrent does not have are no news.
    one.choose(90..200, Skip);
    assert_eq!(one.pieces(), before);
    let told = one.events().filter(|event| matches!(event, Event::Chosen { .. })).count();
    assert_eq!(told, 6);
}

#[test]
fn pieces_that_are_wanted_are_found_on_the_disk_and_lost_as_well_as_others() {
    let mut one = One::new(u64::from(PIECES * PIECE), PIECE, Settings::default());
    let files = one.client().files.len() as u32;
    one.choose(1..files, Skip);
    one.wish(Command::Recheck);
    one.tell(crate::swarm::Input::Rechecked(Ok(Bitfield::full(PIECES))));
    assert_eq!((one.swarm().phase(), one.swarm().have().unwrap().count()), (Phase::Seeding, PIECES));
    one.wish(Command::Recheck);
    one.tell(crate::swarm::Input::Rechecked(Ok(Bitfield::empty(PIECES))));
    assert_eq!((one.swarm().phase(), one.swarm().have().unwrap().count()), (Phase::Downloading, 0));
    let (wanted, _) = one.here(Normal);
    assert_eq!(one.swarm().missing_bytes(), Some(u64::from(wanted * PIECE)));
}
