//! The power is cut.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ttui::engine::{Download, Options};
use ttui::event::Phase;
use ttui::storage::{self, Record, Start};

use super::fuse::Mounted;
use super::model::Disk;
use super::support::{Lab, Payload, Recipe, Script, Seed, soon};
use super::{in_a_namespace, out};

/// Cuts of one history where nobody says how many (`TTUI_CUTS`).
const CUTS: u32 = 40;

#[test]
fn a_power_cut_at_any_operation_loses_at_most_what_was_not_synced() {
    in_a_namespace("power::a_power_cut_at_any_operation_loses_at_most_what_was_not_synced", cut_anywhere);
}

async fn cut_anywhere() {
    const KIB: usize = 1024;
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = number("TTUI_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let cuts = number("TTUI_CUTS").map_or(CUTS, |cuts| u32::try_from(cuts).unwrap());
    println!("TTUI_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let recipes = [
        Recipe::file("it", 640 * KIB + 77, 16 * KIB),
        Recipe::files(
            "it",
            &[("a", 100_003), ("b/c", 0), ("b/d", 1), ("e/f/g", 300_000), ("e/h", 77_777), ("i", 9)],
            32 * KIB,
        ),
        Recipe::files("it", &[("a", 1_700 * KIB + 1), ("b", 900 * KIB)], 1_280 * KIB),
    ];
    let (mut most, mut held, mut blocks) = (0, 0, 0);
    let mut boot = Boot::new();
    for recipe in recipes {
        let payload = recipe.make();
        let lab = Lab::new();
        let mut disk = Arc::new(Disk::new());
        // What a cut left is gone on with, and cut again.
        for round in 0..2 {
            history(&lab, &payload, &disk, round).await;
            let operations = disk.operations();
            assert!(disk.syncs("") > 10, "a history of {} syncs", disk.syncs(""));
            for cut in 0..cuts {
                let at = random.usize(..=operations);
                let what = format!("round {round}, cut {cut} of TTUI_SEED={seed}, at {at} of {operations}");
                let after = if cut % 4 == 0 {
                    disk.kill(at)
                } else {
                    boot.say_next();
                    disk.cut(at, &mut random)
                };
                let (pieces, unfinished) = hold(&lab, &payload, Arc::new(after), &what);
                boot.say_present();
                (held, blocks) = (held + pieces, blocks + unfinished);
                most += payload.pieces();
            }
            disk = Arc::new(disk.cut(operations / 2, &mut random));
            boot.next();
        }
    }
    println!("{held} pieces of {most} and {blocks} blocks of others were there after {} cuts", cuts * 6);
    assert!(held > most / 10, "hardly anything was there: {held} of {most}");
    assert!(blocks > cuts as usize, "hardly any block of an unfinished piece was there: {blocks}");
}

#[test]
fn a_power_cut_loses_no_block_that_was_named_before_the_last_sync() {
    in_a_namespace("power::a_power_cut_loses_no_block_that_was_named_before_the_last_sync", cut_unfinished);
}

/// What came six seconds ago is written, named and, as soon as here, synced.
async fn cut_unfinished() {
    const BLOCKS: u64 = 100;
    let mut random = fastrand::Rng::with_seed(7);
    let mut boot = Boot::new();
    for piece_bytes in [1 << 20, 4 << 20] {
        let payload = Recipe::file("it", 4 << 20, piece_bytes).make();
        let (lab, disk) = (Lab::new(), Arc::new(Disk::new()));
        let operations = {
            let _mounted = Mounted::over(&lab.out(), Arc::clone(&disk));
            let seed = Seed::start(&payload, Script { allowed: BLOCKS, ..Script::default() }).await;
            let options = Options {
                output: out(&lab),
                state: Some(lab.out().join("state/ttui")),
                sync_after: Duration::from_millis(20),
                ..lab.options(&[seed.addr])
            };
            let download = Download::start(payload.torrent.clone(), options).unwrap();
            let is_old = || {
                let seen = seed.seen();
                let last = seen.sent.last().filter(|_| seen.sent.len() as u64 == BLOCKS);
                last.is_some_and(|(at, _)| at.elapsed() > Duration::from_secs(6))
            };
            let old = async {
                while !is_old() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            soon("the last block is old", old).await;
            let operations = disk.operations();
            soon("the download stops", download.stop()).await.unwrap();
            operations
        };
        boot.next();
        for _ in 0..5 {
            let after = Arc::new(disk.cut(operations, &mut random));
            let (pieces, blocks) = hold(&lab, &payload, after, "cut when all was synced");
            let whole = u64::from(pieces) * piece_bytes as u64 / 16_384;
            assert_eq!(whole + blocks as u64, BLOCKS, "in pieces of {piece_bytes}");
        }
    }
}

/// The boot that the machine says it is in.
struct Boot {
    file: tempfile::NamedTempFile,
    number: u32,
}

impl Boot {
    fn new() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let over = "/proc/sys/kernel/random/boot_id";
        let mounted = Command::new("mount").arg("--bind").arg(file.path()).arg(over).status();
        assert!(mounted.unwrap().success(), "the boot id cannot be changed");
        let boot = Self { file, number: 1 };
        boot.say(1);
        boot
    }

    /// Says another than the present one.
    fn say_next(&self) {
        self.say(self.number + 1);
    }

    /// Says the present one again.
    fn say_present(&self) {
        self.say(self.number);
    }

    /// From now on it is another one.
    fn next(&mut self) {
        self.number += 2;
        self.say(self.number);
    }

    fn say(&self, number: u32) {
        fs::write(self.file.path(), format!("{number:08x}-0000-4000-8000-000000000000\n")).unwrap();
    }
}

/// Downloads in three runs: two that end half way, the first without waiting for the disk, and one that completes.
async fn history(lab: &Lab, payload: &Arc<Payload>, disk: &Arc<Disk>, round: u32) {
    let _mounted = Mounted::over(&lab.out(), Arc::clone(disk));
    let seed = Seed::start(payload, Script { allowed: 0, ..Script::default() }).await;
    for (third, sync) in [(1, false), (2, true), (3, round > 0)] {
        let options = Options {
            output: out(lab),
            state: Some(lab.out().join("state/ttui")),
            sync,
            sync_after: Duration::from_millis(20),
            ..lab.options(&[seed.addr])
        };
        let mut download = Download::start(payload.torrent.clone(), options).unwrap();
        let sent = seed.blocks_sent();
        if third == 3 {
            seed.allow(u64::MAX);
            soon("the download completes", download.completed()).await.unwrap();
        } else {
            for part in 1..=4 {
                let allowed = sent + payload.blocks() * part / 12;
                seed.allow(allowed);
                // What a cut left may be so much that it completes.
                let sent = async {
                    while seed.blocks_sent() < allowed && download.view().phase != Phase::Seeding {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                };
                soon("all of it is sent", sent).await;
                // Nothing hangs on it; it makes histories with syncs in between.
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        soon("the download stops", download.stop()).await.unwrap();
    }
}

/// Starts on what is there: everything right is found, nothing else, and every block of an unfinished piece that is
/// taken for written is. Returns how much that is, in pieces, and in blocks.
fn hold(lab: &Lab, payload: &Payload, disk: Arc<Disk>, what: &str) -> (u32, usize) {
    let _mounted = Mounted::over(&lab.out(), disk);
    let state = lab.out().join("state/ttui");
    let remembered =
        fs::read_dir(&state).into_iter().flatten().flatten().map(|entry| entry.path()).find_map(|path| {
            let is_it = path.extension().is_some_and(|ext| ext == "resume");
            is_it.then(|| Record::from_bytes(&fs::read(&path).unwrap()).ok())?
        });
    let started = storage::start(Start {
        torrent: Arc::new(payload.torrent.clone()),
        output_dir: &out(lab),
        state_dir: &state,
        options: storage::Options::default(),
        choice: &|_| None,
        threads: 2,
        progress: &|_, _| {},
        cancel: &AtomicBool::new(false),
    });
    let started = started.unwrap_or_else(|error| panic!("{what}: it does not start: {error}"));
    let right = payload.right_at(&out(lab));
    let have = started.have.numbers().collect();
    assert!(right == have, "{what}: right is {right:?}, taken for right is {have:?}");
    let synced: Vec<u32> =
        remembered.iter().flat_map(|record| record.synced.numbers().collect::<Vec<_>>()).collect();
    let lost: Vec<_> = synced.iter().filter(|piece| !right.contains(piece)).collect();
    assert_eq!(lost, Vec::<&u32>::new(), "{what}: said to be synced, and lost");
    let blocks = started.unfinished.blocks();
    let blocks = blocks.map(|(piece, block)| (piece.number(), block.number * 16_384)).collect();
    let wrong = payload.wrong_at(&out(lab), &blocks);
    assert!(wrong.is_empty(), "{what}: blocks taken for written, and not there: {wrong:?}");
    (started.have.count(), blocks.len())
}
