//! Being asked to end.

use std::future::Future;
use std::io;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::Failure;

/// A file larger than this process may write (`ulimit -f`) is an error like any other of the disk, and not the end.
#[cfg(unix)]
pub(super) fn outlive_size_limit(runtime: &Runtime) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let _within = runtime.enter();
    // Once taken, a signal stays so for as long as the process runs.
    let taken = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    taken.map(drop).map_err(|error: io::Error| Failure::Machine(format!("cannot take signals: {error}")))
}

/// There is no such limit.
#[cfg(not(unix))]
pub(super) fn outlive_size_limit(_: &Runtime) -> Result<(), Failure> {
    Ok(())
}

/// Ends when the user (or the system, on its way down) asks for it: SIGINT, SIGTERM or SIGHUP.
#[cfg(unix)]
pub(super) fn asked_to_end() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    let on = |kind| -> Result<Signal, Failure> {
        signal(kind).map_err(|error: io::Error| Failure::Machine(format!("cannot take signals: {error}")))
    };
    let (mut int, mut term, mut hup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
    })
}

/// Changes whenever the process goes on after it was stopped. To be called within a runtime.
#[cfg(unix)]
pub(super) fn woken() -> Option<watch::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut goes_on = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok()?;
    let (tell, woken) = watch::channel(());
    tokio::spawn(async move { while goes_on.recv().await.is_some() && tell.send(()).is_ok() {} });
    Some(woken)
}

/// Nobody stops a process and lets it go on.
#[cfg(not(unix))]
pub(super) fn woken() -> Option<watch::Receiver<()>> {
    None
}

/// Ends when the user (or the system, on its way down) asks for it: Ctrl-C, Ctrl-Break, a closed window, a shutdown.
#[cfg(not(unix))]
pub(super) fn asked_to_end() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    let failed = |error: io::Error| Failure::Machine(format!("cannot take signals: {error}"));
    let (mut c, mut pause, mut close, mut shutdown) = (
        ctrl_c().map_err(failed)?,
        ctrl_break().map_err(failed)?,
        ctrl_close().map_err(failed)?,
        ctrl_shutdown().map_err(failed)?,
    );
    Ok(async move {
        tokio::select! {
            _ = c.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}

/// Ready at the next Ctrl-C from this call on; never where that cannot be noticed. To be called within a runtime.
pub(super) fn interrupted() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let taken = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    #[cfg(not(unix))]
    let taken = tokio::signal::windows::ctrl_c();
    async move {
        match taken {
            Ok(mut calls) => _ = calls.recv().await,
            Err(_) => std::future::pending().await,
        }
    }
}
