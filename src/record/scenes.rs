//! Runs that were never run: told in a few words, recorded by the writer, and shown by the screens.
//!
//! A scene is a script: what its peers, trackers and user do, and when. Filmed, it is a recording like any other,
//! kept in `tests/recordings/`. Screens that are held against their expectation, and the pictures of the README,
//! show moments of these files as the player and the ledger make them: counts, causes and judgements are folded
//! from events, never written down by hand.
//!
//! | file | what happens in it |
//! |---|---|
//! | `debian` | a download that goes well: checked, prepared, fifty peers; then hold, drop, ban, a wrong piece, a pause, a full disk |
//! | `stalled` | all that answered choke us, the others never answered |
//! | `nature` | many files, private, and slow |
//! | `complete` | the last pieces come, and then we serve others |
//! | `magnet` | a magnet: one gives the metadata slowly and goes, the others refuse, say nothing or give wrong ones |
//! | `hostile` | names of all kinds at their worst |
//!
//! `demo.ttrec` has no script: it is a real run, as `ttui demo --record` wrote it.

mod complete;
mod debian;
mod film;
mod hostile;
mod magnet;
mod nature;
mod stalled;
mod story;
mod streams;
mod swarm;

use std::io::Cursor;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::film::film;
use self::story::Story;
use super::{Player, Recording};
use crate::event::Pseudonyms;
use crate::ledger::View;

/// When all scenes begin, since 1970: two o'clock on some day of 2023.
pub(crate) const STARTED: Duration = Duration::from_millis(1_697_378_461_204);

/// A recording that a script tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Scene {
    Debian,
    Stalled,
    Nature,
    Complete,
    Magnet,
    Hostile,
}

impl Scene {
    pub(crate) const ALL: [Self; 6] =
        [Self::Debian, Self::Stalled, Self::Nature, Self::Complete, Self::Magnet, Self::Hostile];

    /// The name of its file, less the ending.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Stalled => "stalled",
            Self::Nature => "nature",
            Self::Complete => "complete",
            Self::Magnet => "magnet",
            Self::Hostile => "hostile",
        }
    }

    fn story(self) -> Story {
        match self {
            Self::Debian => debian::story(),
            Self::Stalled => stalled::story(),
            Self::Nature => nature::story(),
            Self::Complete => complete::story(),
            Self::Magnet => magnet::story(),
            Self::Hostile => hostile::story(),
        }
    }

    /// The recording as its script tells it now.
    pub(crate) fn filmed(self) -> Vec<u8> {
        film(self.story(), STARTED)
    }

    /// What the screens show at its end where every address has another name (`--privacy`): they are named before the
    /// ledger hears of them, as in a run.
    pub(crate) fn private(self) -> Arc<View> {
        let mut story = self.story();
        let mut pseudonyms = Pseudonyms::new(7, None);
        for (_, event) in &mut story.events {
            *event = pseudonyms.event(event);
        }
        let mut player = play(film(story, STARTED).leak());
        player.go_to(Duration::MAX);
        player.view()
    }

    /// The recording that is kept; while everything is renewed, the one that will be.
    fn file(self) -> &'static [u8] {
        static FILES: [OnceLock<Vec<u8>>; Scene::ALL.len()] = [const { OnceLock::new() }; Scene::ALL.len()];
        FILES[self as usize].get_or_init(|| {
            if std::env::var_os("UPDATE_SCREENS").is_some() { self.filmed() } else { kept(self.name()) }
        })
    }

    /// Plays it.
    pub(crate) fn player(self) -> Player<Cursor<&'static [u8]>> {
        play(self.file())
    }

    /// What the screens show at so many milliseconds.
    pub(crate) fn view(self, at_ms: u64) -> Arc<View> {
        let mut player = self.player();
        player.go_to(Duration::from_millis(at_ms));
        player.view()
    }
}

/// The recording of a real run of the demo.
pub(crate) fn demo() -> Player<Cursor<&'static [u8]>> {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    play(FILE.get_or_init(|| kept("demo")))
}

fn play(file: &'static [u8]) -> Player<Cursor<&'static [u8]>> {
    let recording = Recording::open(Cursor::new(file)).unwrap();
    assert_eq!(recording.damage(), None);
    Player::new(recording).unwrap()
}

/// A file of `tests/recordings/`.
fn kept(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/recordings/{name}.ttrec", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; UPDATE_SCREENS=1 renews it"))
}
