//! One download from its first run to its last, killed in all of them but that.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::Signal;
use tokio::task::block_in_place;
use ttui::storage::{self, Options, Record, Start};

use super::aim::{Aim, Phase, Traces, is_syncing};
use super::relay::{RealSeed, claims};
use super::support::{Lab, Payload, Program, Recipe, Script, Seed, program};
use super::tally::OfTorrent;

/// Kills of one download at most; then it may complete.
pub(crate) const MOST_KILLS: u32 = 12;
/// What the seeds send together, so that a download takes about this long, seconds.
const SECONDS: f64 = 0.6;

/// Something to download.
pub(crate) struct Subject {
    pub(crate) what: &'static str,
    payload: Arc<Payload>,
}

/// One file and many, of odd lengths and none, padded and not, in pieces of 16 KiB to 4 MiB.
pub(crate) fn torrents() -> Vec<Subject> {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    let mut random = fastrand::Rng::with_seed(11);
    let names: Vec<(String, usize)> = (0..150)
        .map(|n| (format!("d{}/f{n}", n % 7), if n % 9 == 0 { 0 } else { random.usize(1..60_000) }))
        .collect();
    let many: Vec<(&str, usize)> = names.iter().map(|(name, length)| (name.as_str(), *length)).collect();
    let few = [("a", 13 * MIB + 7), ("b/c", 9 * MIB + 1), ("b/d", 11)];
    let recipes = [
        ("one file, 16 KiB pieces", Recipe::file("it", 4 * MIB + 123, 16 * KIB)),
        ("150 files of odd lengths, 32 KiB", Recipe::files("it", &many, 32 * KIB)),
        ("one file, 256 KiB pieces", Recipe::file("it", 16 * MIB + 1, 256 * KIB)),
        ("three files, 4 MiB pieces", Recipe::files("it", &few, 4 * MIB)),
        (
            "padded files, 1 MiB pieces",
            Recipe::files("it", &[("a", 5 * MIB + 3)], MIB)
                .padded_file("b", 4 * MIB - 1)
                .padded_file("c", 3 * MIB + 77_777),
        ),
    ];
    recipes.into_iter().map(|(what, recipe)| Subject { what, payload: recipe.make() }).collect()
}

pub(crate) struct Life {
    payload: Arc<Payload>,
    lab: Lab,
    scripted: Seed,
    real: Option<RealSeed>,
    random: fastrand::Rng,
}

impl Life {
    pub(crate) async fn begin(subject: &Subject, mut random: fastrand::Rng) -> Self {
        let payload = Arc::clone(&subject.payload);
        let bps = (payload.bytes.len() as f64 / SECONDS) as u64;
        // Most have a real seed beside the scripted one.
        let real = random.u8(..4) > 0;
        let share = if real { bps / 2 } else { bps };
        let scripted = Seed::start(&payload, Script { bps: share, ..Script::default() }).await;
        let real = if real { Some(RealSeed::start(&payload, share).await) } else { None };
        Self { payload, lab: Lab::new(), scripted, real, random }
    }

    /// Is killed so many times at most, then completes.
    pub(crate) async fn live(mut self, kills: u32, tally: &mut OfTorrent) {
        let mut left = kills;
        let mut is_first = true;
        loop {
            let aim = (left > 0).then(|| self.aim(is_first));
            is_first = false;
            match self.run(aim, tally).await {
                End::Killed => left -= 1,
                End::Incomplete => {}
                End::Complete => break,
                End::Breach => return,
            }
        }
        self.payload.assert_at(&self.lab.out());
        tally.downloads += 1;
    }

    fn aim(&mut self, is_first: bool) -> Aim {
        let here = self.payload.right_at(&self.lab.out());
        let missing = (0..self.payload.pieces()).filter(|piece| !here.contains(piece));
        let blocks = missing.map(|piece| u64::from(self.payload.piece_length(piece).div_ceil(16_384))).sum();
        Aim::random(&mut self.random, is_first, blocks)
    }

    /// Runs the program until it is killed or ends, and holds what it did and left against the payload.
    async fn run(&mut self, aim: Option<Aim>, tally: &mut OfTorrent) -> End {
        let whole = self.payload.right_at(&self.lab.out());
        let named = self.unfinished();
        let was_empty = !has_files(&self.lab);
        let traces = Traces::of(&self.lab);
        self.scripted.until("the seed is left alone", |seen| seen.open == 0).await;
        let before = self.scripted.seen();
        if let Some(real) = &self.real {
            real.begin_anew().await;
        }

        let run = self.start(aim.as_ref());
        let mut syncing = false;
        if let Some(aim) = &aim {
            block_in_place(|| {
                let sent = || {
                    let asked_of_real = self.real.as_ref().map_or(0, RealSeed::blocks_asked);
                    self.scripted.blocks_sent() - before.sent.len() as u64 + asked_of_real
                };
                aim.wait(&run, &self.lab, &traces, sent);
                syncing = is_syncing(run.pid());
                run.signal(Signal::KILL);
            });
        }
        let ended = run.ended().await;
        tally.runs += 1;

        // What it asked for and claimed, as those heard it that it spoke to.
        self.scripted.until("the seed has heard the end", |seen| seen.open == 0).await;
        let seen = self.scripted.seen();
        let requests = &seen.requests[before.requests.len()..];
        let mut asked_blocks: BTreeSet<(u32, u32)> =
            requests.iter().map(|spec| (spec.index, spec.begin)).collect();
        let said = &seen.messages[before.messages.len()..];
        let mut claimed: BTreeSet<u32> =
            said.iter().flat_map(|message| claims(message, self.payload.pieces())).collect();
        let mut connected = seen.connections > before.connections;
        if let Some(real) = &self.real {
            let told = real.told();
            asked_blocks.extend(told.asked);
            claimed.extend(told.claimed);
            connected |= told.connections > 0;
        }
        let asked: BTreeSet<u32> = asked_blocks.iter().map(|(piece, _)| *piece).collect();
        let now = self.payload.right_at(&self.lab.out());
        let not_there = self.payload.wrong_at(&self.lab.out(), &self.unfinished());
        let remembered = self.remembered(tally);
        tally.asked += asked.len() as u64;
        tally.claims += claimed.len() as u64;
        tally.remembered += remembered.len() as u64;
        tally.kept += whole.len() as u64;
        tally.blocks += named.len() as u64;
        let aimed = format!("{aim:?}");
        let mut held = |what: &str, pieces: Vec<&u32>| {
            if !pieces.is_empty() {
                tally.breach(format!("{aimed}: {what}: {pieces:?}"));
            }
        };
        held("claimed, and not right on disk", claimed.difference(&now).collect());
        held("in the resume file, and not right on disk", remembered.difference(&now).collect());
        held("whole on disk, and asked for again", whole.intersection(&asked).collect());
        held("whole on disk, and no more", whole.difference(&now).collect());
        let of_blocks = |blocks: BTreeSet<(u32, u32)>| blocks.into_iter().map(|(piece, _)| piece).collect();
        let twice: BTreeSet<u32> = of_blocks(named.intersection(&asked_blocks).copied().collect());
        held("with blocks named as written, and asked for again", twice.iter().collect());
        let not_there: BTreeSet<u32> = of_blocks(not_there);
        held("with blocks named as written that are not right on disk", not_there.iter().collect());

        let code = ended.code();
        if code == 128 + Signal::KILL.as_raw() {
            let phase = if Traces::of(&self.lab).is_newer_than(&traces) {
                Phase::Saving
            } else if syncing {
                Phase::Syncing
            } else if now.len() == self.payload.pieces() as usize {
                Phase::Completing
            } else if was_empty && has_files(&self.lab) && !has_record(&self.lab) {
                Phase::Preparing
            } else if connected {
                Phase::Downloading
            } else if !whole.is_empty() {
                Phase::Checking
            } else {
                Phase::Starting
            };
            tally.killed(phase);
            return End::Killed;
        }
        // Some are asked to end, and may do so before they can be killed.
        let asked_to_end = matches!(aim, Some(Aim::Sync(_) | Aim::Save(..)));
        match code {
            0 if now.len() == self.payload.pieces() as usize => End::Complete,
            1 if asked_to_end => End::Incomplete,
            // Asked before it took signals, it is gone at once, with nothing begun.
            code if asked_to_end && code == 128 + Signal::TERM.as_raw() && !connected => End::Incomplete,
            _ => {
                tally.breach(format!("{aimed}: it ended by itself: {ended:?}"));
                End::Breach
            }
        }
    }

    fn start(&self, aim: Option<&Aim>) -> Program {
        let scripted = self.scripted.addr.to_string();
        let mut more = vec!["--encryption", "off", "--peer", &scripted];
        let real = self.real.as_ref().map(|real| real.addr.to_string());
        if let Some(real) = &real {
            more.extend(["--peer", real]);
        }
        if aim.is_some_and(Aim::wants_sync) {
            more.push("--sync");
        }
        program::download(&self.lab, &self.payload, &more)
    }

    /// The blocks of unfinished pieces that are taken for written: piece, first byte.
    fn unfinished(&self) -> BTreeSet<(u32, u32)> {
        let started = storage::start(Start {
            torrent: Arc::new(self.payload.torrent.clone()),
            output_dir: &self.lab.out(),
            state_dir: &self.lab.state(),
            options: Options::default(),
            choice: &|_| None,
            threads: 1,
            progress: &|_, _| {},
            cancel: &AtomicBool::new(false),
        });
        let unfinished = started.unwrap().unfinished;
        unfinished.blocks().map(|(piece, block)| (piece.number(), block.number * 16_384)).collect()
    }

    /// The pieces that the resume file says are here. After a kill it is whole, or not there yet.
    fn remembered(&self, tally: &mut OfTorrent) -> BTreeSet<u32> {
        let entries = fs::read_dir(self.lab.state()).into_iter().flatten().flatten();
        let mut files = entries.map(|entry| entry.path());
        let Some(file) = files.find(|path| path.extension().is_some_and(|ext| ext == "resume")) else {
            return BTreeSet::new();
        };
        match Record::from_bytes(&fs::read(&file).unwrap()) {
            Ok(record) => record.synced.numbers().chain(record.unsynced.numbers()).collect(),
            Err(error) => {
                tally.breach(format!("{}: {error}", file.display()));
                BTreeSet::new()
            }
        }
    }
}

/// How a run ended.
enum End {
    Killed,
    /// Asked to, and faster than the kill.
    Incomplete,
    Complete,
    Breach,
}

/// Whether any file was made.
fn has_files(lab: &Lab) -> bool {
    fs::read_dir(lab.out()).unwrap().next().is_some()
}

/// Whether it is remembered that writing began.
fn has_record(lab: &Lab) -> bool {
    let mut entries = fs::read_dir(lab.state()).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|ext| ext == "resume"))
}
