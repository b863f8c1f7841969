//! How many files, connections among them, this process may open.

/// Raises the limit as far as it may be raised, and returns it. `None`: there is no telling.
#[cfg(unix)]
pub fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    // Refused, the old limit holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

/// Raises the limit as far as it may be raised, and returns it. `None`: there is no telling.
#[cfg(not(unix))]
pub fn raise_open_files() -> Option<u64> {
    None
}
