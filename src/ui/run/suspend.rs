//! The terminal in other hands: Ctrl-Z, and a process that was stopped behind its back.

use std::io;

use tokio::sync::watch;

use super::options::Options;
use super::screen::Screen;

/// Stops the process where a key asked for that; after `fg` everything is drawn again.
pub(super) fn suspend_if_asked(screen: &mut Screen, options: &Options) -> io::Result<()> {
    if std::mem::take(&mut screen.model.suspend)
        && let Some(suspend) = options.suspend
    {
        suspend()?;
        screen.begin_anew();
    }
    Ok(())
}

/// Takes the terminal again, after others had it.
pub(super) fn retake(screen: &mut Screen, options: &Options) -> io::Result<()> {
    if let Some(retake) = options.retake {
        retake()?;
    }
    screen.begin_anew();
    Ok(())
}

/// Waits until the process goes on after it was stopped.
pub(super) async fn woken(woken: &mut Option<watch::Receiver<()>>) {
    if let Some(woken) = woken
        && woken.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
