//! The program killed (SIGKILL) at random moments of a download that goes on where it was: nothing that lies whole on
//! disk is fetched again, and nothing is claimed that is not right.
//!
//! `tests/crash [N] [SEED]` runs it for as long as wanted; here it is short.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot do its work has failed; this one prints what it found, and has a clock"
)]

mod aim;
mod choices;
mod life;
mod relay;
mod several;
#[path = "../common/support.rs"]
mod support;
mod tally;

use std::env;
use std::time::Instant;

use life::{Life, torrents};
use tally::Tally;

/// Kills where nobody says how many.
const FEW: u32 = 10;

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

/// How many kills there are, and from what their moments follow.
fn kills_and_seed() -> (u32, u64) {
    let kills = number("TTUI_KILLS").map_or(FEW, |kills| u32::try_from(kills).unwrap());
    (kills, number("TTUI_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_nothing_is_lost_and_nothing_wrong_is_claimed() {
    let (kills, seed) = kills_and_seed();
    println!("{kills} kills with TTUI_SEED={seed}");
    let began = Instant::now();
    let torrents = torrents();
    let mut tally = Tally::new(torrents.iter().map(|torrent| torrent.what));
    let mut random = fastrand::Rng::with_seed(seed);
    for torrent in (0..torrents.len()).cycle() {
        if tally.kills() >= kills {
            break;
        }
        // Each torrent has its share, even where there are few kills.
        let share = (kills - tally.kills()).min(life::MOST_KILLS).min(kills.div_ceil(torrents.len() as u32));
        let life = Life::begin(&torrents[torrent], random.fork()).await;
        life.live(share, tally.of(torrent)).await;
        if kills > 4 * FEW {
            println!("{:>5.0} s: {} kills", began.elapsed().as_secs_f64(), tally.kills());
        }
    }
    println!("{tally}{:.0} s, TTUI_SEED={seed}", began.elapsed().as_secs_f64());
    assert_eq!(tally.breaches(), Vec::<String>::new());
    // Enough of them to have met everything that a download does; a file system that syncs at once has no time for a kill.
    if kills >= 200 {
        assert_eq!(tally.phases_missed(), Vec::<&str>::new(), "phases that no kill fell into");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_torrents_killed_at_any_moment_are_all_kept_and_go_on() {
    let (kills, seed) = kills_and_seed();
    println!("{kills} kills of ten torrents with TTUI_SEED={seed}");
    let breaches = several::live(kills, &mut fastrand::Rng::with_seed(seed)).await;
    assert_eq!(breaches, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_other_files_are_wanted_each_time_nothing_is_lost_and_nothing_made_in_vain() {
    let (kills, seed) = kills_and_seed();
    println!("{kills} kills with TTUI_SEED={seed}");
    let breaches = choices::live(kills, &mut fastrand::Rng::with_seed(seed)).await;
    assert_eq!(breaches, Vec::<String>::new());
}
