//! Plays a recording on a thread of its own, for a screen to show.

use std::io::{Read, Seek};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::curve::Curve;
use super::player::Player;
use super::reader::Damage;
use super::scan::Mark;
use crate::event::At;
use crate::ledger::View;

/// How often a recording that plays is shown anew.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// What can be asked of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Control {
    /// Play, or stop.
    PlayStop,
    /// Play faster.
    Faster,
    /// Play slower.
    Slower,
    /// Stop at the end of the next second in which anything happened.
    StepForward,
    /// Go back to the end of the last one, and stop there.
    StepBack,
    /// Go to the next failure, and stop there.
    NextFailure,
    /// Go back to the failure before this, and stop there.
    PreviousFailure,
    /// Go to this time of the run.
    GoTo(At),
}

/// How a replay stands: what a replay bar shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Playback {
    /// Where it is, in time of the run.
    pub position: At,
    /// Where the recording begins.
    pub begin: At,
    /// Where it ends.
    pub end: At,
    /// Whether it plays.
    pub playing: bool,
    /// How fast, times the run's own speed.
    pub speed: u32,
    /// The wall clock at time 0 of the run, milliseconds since 1970.
    pub wall_ms: u64,
    /// Failures and changes of the verdict, in order.
    pub marks: Arc<[Mark]>,
    /// How fast data came over the whole of it.
    pub curve: Arc<Curve>,
    /// Where the recording stops being whole, if it does.
    pub damage: Option<Damage>,
}

/// A recording that plays. It ends when this is dropped.
#[derive(Debug)]
pub struct Replay {
    views: watch::Receiver<Arc<View>>,
    playback: watch::Receiver<Playback>,
    controls: mpsc::Sender<Control>,
}

impl Replay {
    /// Plays from the beginning. `clock` tells any time that goes on.
    pub fn start<R>(mut player: Player<R>, clock: impl Fn() -> At + Send + 'static) -> Self
    where
        R: Read + Seek + Send + 'static,
    {
        player.play(clock());
        let (views_to, views) = watch::channel(player.view());
        let (playback_to, playback) = watch::channel(standing(&player));
        let (controls, asked) = mpsc::channel();
        thread::spawn(move || {
            loop {
                let control = if player.is_playing() {
                    asked.recv_timeout(SHOW_EVERY)
                } else {
                    asked.recv().map_err(|_| RecvTimeoutError::Disconnected)
                };
                match control {
                    Ok(control) => carry_out(&mut player, clock(), control),
                    Err(RecvTimeoutError::Timeout) => player.advance(clock()),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                // Who is woken by the view finds out how the replay stands, too.
                playback_to.send_replace(standing(&player));
                views_to.send_replace(player.view());
            }
        });
        Self { views, playback, controls }
    }

    /// What is known where it is, whenever that changes.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// How it stands, whenever that changes.
    pub fn playback(&self) -> watch::Receiver<Playback> {
        self.playback.clone()
    }

    /// Asks for something.
    pub fn send(&self, control: Control) {
        // The thread lives as long as this does.
        let _ = self.controls.send(control);
    }
}

fn carry_out<R: Read + Seek>(player: &mut Player<R>, now: At, control: Control) {
    match control {
        Control::PlayStop if player.is_playing() => player.stop(now),
        Control::PlayStop => player.play(now),
        Control::Faster => player.change_speed(now, true),
        Control::Slower => player.change_speed(now, false),
        Control::StepForward => stop_at(player, now, Player::step_forward),
        Control::StepBack => stop_at(player, now, Player::step_back),
        Control::NextFailure => stop_at(player, now, |player| {
            player.next_failure();
        }),
        Control::PreviousFailure => stop_at(player, now, |player| {
            player.previous_failure();
        }),
        Control::GoTo(at) => player.jump(now, |player| player.go_to(at)),
    }
}

fn stop_at<R: Read + Seek>(player: &mut Player<R>, now: At, moves: impl FnOnce(&mut Player<R>)) {
    player.stop(now);
    moves(player);
}

/// How it stands.
pub(crate) fn standing<R: Read + Seek>(player: &Player<R>) -> Playback {
    Playback {
        position: player.position(),
        begin: player.begin(),
        end: player.end(),
        playing: player.is_playing(),
        speed: player.speed(),
        wall_ms: player.wall_ms(),
        marks: Arc::clone(player.marks()),
        curve: Arc::clone(player.curve()),
        damage: player.damage(),
    }
}
