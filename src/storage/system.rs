//! What each system does in its own way with files. The rest of [`crate::storage`] is the same everywhere.
//!
//! | module | where | what |
//! |---|---|---|
//! | `unix`, `windows` | each on its own | what files are, how they are opened, synced and locked, what errors mean |
//! | `handles` | Unix | folders opened from folders (`openat`), so that no path is resolved twice |
//! | `paths` | Windows | folders by their paths, held open so that nobody can put another in their place |
//! | `linux` | Linux | room reserved, holes, the page cache, many folders in one call |
//! | `elsewhere` | not Linux | the same without |
//!
//! The feature `portable` takes `paths` and `elsewhere` on Unix too, so that they are tested.

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod elsewhere;
#[cfg(all(unix, not(feature = "portable")))]
mod handles;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(any(not(unix), feature = "portable"))]
mod paths;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
pub(super) use self::elsewhere::{
    allocate, boot_id, forget_cached, give_back, next_data, read_cached, will_read,
};
#[cfg(all(unix, not(feature = "portable")))]
pub(super) use self::handles::{Folder, look_at, read_at, write_at};
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(super) use self::linux::{
    allocate, boot_id, forget_cached, give_back, next_data, read_cached, will_read,
};
#[cfg(any(not(unix), feature = "portable"))]
pub(super) use self::paths::{Folder, look_at, read_at, write_at};
#[cfg(unix)]
use self::unix as own;
#[cfg(windows)]
use self::windows as own;

pub(super) use self::own::{
    TO_SYNC, folder_builder, free, knows_no_locks, open_to_read, plain, refusal, sync_content, sync_folder,
};

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Existing, to read.
    Read,
    /// Existing, to read and write.
    #[cfg_attr(unix, expect(dead_code, reason = "only Windows cares"))]
    Change,
    /// To read and write; created where it does not exist.
    Write,
    /// The same, where nothing is expected: a file that exists is not opened.
    New,
}

/// Room on a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Free {
    pub(super) bytes: u64,
    /// Files that can still be created; `None` where the file system knows no bound.
    pub(super) files: Option<u64>,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat {
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes of disk it takes; less than its length where it has holes.
    pub allocated_bytes: u64,
    /// When it was last changed: seconds since 1970 and nanoseconds.
    pub modified: (i64, u32),
    /// Which file it is: the device and the number there. Another file at the same path has another one.
    pub identity: (u64, u64),
}

/// What stands at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has none in folders"))]
    Pipe,
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has none in folders"))]
    Socket,
    Device,
}

impl Kind {
    /// With its article.
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a symbolic link",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

/// What is known of what stands at a path, or is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) stat: FileStat,
    /// Whether some path still leads to it, as far as the file system counts them.
    pub(super) is_named: bool,
}
