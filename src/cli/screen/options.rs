//! How the screen is run: from the settings, and from what is around.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::signals::woken;
use crate::cli::time::since_1970;
use crate::cli::{columns, export};
use crate::config::Settings;
use crate::storage;
use crate::ui::{self, Colours, Ground, Look, Question, terminal};

/// How the screen is run by these settings, when the run began then.
pub(super) fn options_of(settings: &Settings, started: Option<Duration>) -> ui::Options {
    let screen = &settings.screen;
    let env = |name: &str| std::env::var(name).ok();
    let look = Look::detect(screen.theme.look(), &screen.palettes, screen.color.choice(), screen.ascii, env);
    let light = *screen.palettes.of(screen.theme.look().scheme(Ground::Light));
    // With few colours they are the terminal's own; and elsewhere its answer would be read as keys one by one.
    let has_grounds = cfg!(unix) && matches!(look.colours, Colours::True | Colours::Indexed);
    let asks = has_grounds && screen.theme.look().follows_the_ground();
    ui::Options {
        look: Look { units: screen.units.units(), ..look },
        background: asks.then_some(Question { ask: terminal::ask_background, light }),
        keys: Arc::new(settings.keys.clone()),
        columns: columns::to_begin_with(settings),
        log_by_day: screen.clock,
        frames_per_second: u16::from(screen.fps),
        suspend: Some(terminal::suspend),
        taken: Some(terminal::taken()),
        retake: Some(terminal::retake),
        woken: woken(),
        mouse: Some(terminal::set_mouse),
        mouse_taken: screen.mouse,
        welcome: false,
        title: screen.title.then_some(terminal::set_title),
        bell: screen.bell.then_some(terminal::ring),
        export: Some(export::write),
        copy: Some(terminal::copy),
        surroundings: Arc::default(),
        started,
        about: Arc::default(),
        abouts: HashMap::new(),
        time_of_day: Some(since_1970),
        replayed: None,
    }
}

/// Whether nobody of this home was here before. That somebody was is remembered, if it is to be, by an empty file
/// beside those of downloads; where none can be written, nobody is welcomed again and again.
pub(super) fn is_first_run(remember: bool) -> bool {
    let env = |name| std::env::var_os(name);
    let Some(folder) = storage::state_dir(env("XDG_STATE_HOME"), env(storage::HOME)) else {
        return false;
    };
    let mark = folder.join("welcomed");
    let written = || std::fs::create_dir_all(&folder).and_then(|()| File::create_new(&mark)).is_ok();
    if remember { written() } else { !mark.exists() }
}
