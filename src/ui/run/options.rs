//! How the screen is run: what it looks like, and what its caller can do for it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ledger::View;
use crate::metainfo::InfoHash;
use crate::ui::about::{About, Surroundings};
use crate::ui::columns::Choice;
use crate::ui::export::Export;
use crate::ui::keymap::Keymap;
use crate::ui::replay::Replayed;
use crate::ui::theme::{Look, Palette};

/// Writes what is seen to a file: where it is now, or why it is not.
pub type Write = fn(&Export, &View) -> Result<String, String>;

/// How the terminal is asked which background it has.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Asks it.
    pub ask: fn() -> io::Result<()>,
    /// The colours for a light one; the look has those for a dark one.
    pub light: Palette,
}

/// How the screen is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Colours, glyphs and units.
    pub look: Look,
    /// Asks the terminal which background it has; `None`: the look stays as it is.
    pub background: Option<Question>,
    /// Which keys do what.
    pub keys: Arc<Keymap>,
    /// The columns to begin with.
    pub columns: Choice,
    /// The log begins with times of day, where they are known.
    pub log_by_day: bool,
    /// Frames a second at most.
    pub frames_per_second: u16,
    /// Stops the process and, when it goes on, makes the terminal ready again; `None`: Ctrl-Z does nothing.
    pub suspend: Option<fn() -> io::Result<()>>,
    /// Whether the terminal has taken what was drawn so far; as long as not, nothing more is drawn. `None`: what is
    /// drawn is taken at once.
    pub taken: Option<watch::Receiver<bool>>,
    /// Takes the terminal again after others had it, when `woken` says so.
    pub retake: Option<fn() -> io::Result<()>>,
    /// Changes when the process goes on after it was stopped.
    pub woken: Option<watch::Receiver<()>>,
    /// Takes the mouse, or leaves it to the terminal; `None`: it is never taken.
    pub mouse: Option<fn(bool) -> io::Result<()>>,
    /// Whether the mouse is taken at first.
    pub mouse_taken: bool,
    /// Somebody is here for the first time.
    pub welcome: bool,
    /// Shows a text as the title of the terminal's window; `None`: its title is left alone.
    pub title: Option<fn(&str) -> io::Result<()>>,
    /// Rings the bell, when the download becomes complete; `None`: it stays silent.
    pub bell: Option<fn() -> io::Result<()>>,
    /// Writes what is seen to a file: where it is, or why it is not; `None`: nothing can be written.
    pub export: Option<Write>,
    /// Copies a text to the clipboard; `None`: it is only shown.
    pub copy: Option<fn(&str) -> io::Result<()>>,
    /// What is around the run, whichever torrents it has.
    pub surroundings: Arc<Surroundings>,
    /// When the run began, since 1970 (UTC); `None`: times are shown since the start.
    pub started: Option<Duration>,
    /// What is known beside views of torrents that `abouts` does not name.
    pub about: Arc<About>,
    /// What is known of torrents beside their views.
    pub abouts: HashMap<InfoHash, Arc<About>>,
    /// The time of day, since 1970 (UTC), where it goes on with the run; `None`: what is shown was long ago.
    pub time_of_day: Option<fn() -> Option<Duration>>,
    /// The recording whose views are shown; `None`: the run is live.
    pub replayed: Option<Replayed>,
}

impl Options {
    /// What is known of a torrent beside its views.
    pub(super) fn about(&self, id: InfoHash) -> Arc<About> {
        Arc::clone(self.abouts.get(&id).unwrap_or(&self.about))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            look: Look::default(),
            background: None,
            keys: Arc::default(),
            columns: Choice::default(),
            log_by_day: false,
            frames_per_second: 30,
            suspend: None,
            taken: None,
            retake: None,
            woken: None,
            mouse: None,
            mouse_taken: false,
            welcome: false,
            title: None,
            bell: None,
            export: None,
            copy: None,
            surroundings: Arc::default(),
            started: None,
            about: Arc::default(),
            abouts: HashMap::new(),
            time_of_day: None,
            replayed: None,
        }
    }
}
