//! Whose files are whose: no two torrents write the same one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;

use crate::engine::EngineError;
use crate::engine::opening::from_join;
use crate::metainfo::{InfoHash, Torrent};
use crate::storage::common_file;
use crate::text;

/// The most of a name that is told, characters.
const MOST_NAME_CHARS: usize = 200;

/// The torrents under way that write files. Copies are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Claims(Arc<Mutex<Vec<Arc<Claim>>>>);

/// What was claimed, and is still to be held against what others claimed before.
#[derive(Debug)]
pub(in crate::engine) struct Claimed {
    claims: Claims,
    mine: Arc<Claim>,
    earlier: Vec<Arc<Claim>>,
}

/// The files of one torrent.
#[derive(Debug)]
struct Claim {
    output: PathBuf,
    torrent: Arc<Torrent>,
}

impl Claims {
    /// The torrent's files are its own from now on, until [`Self::release`], unless [`Claimed::holds`] says otherwise.
    pub(in crate::engine) fn claim(&self, output: &Path, torrent: &Arc<Torrent>) -> Claimed {
        let mine = Arc::new(Claim { output: output.to_owned(), torrent: Arc::clone(torrent) });
        let mut claims = self.lock();
        let earlier = claims.clone();
        claims.push(Arc::clone(&mine));
        Claimed { claims: self.clone(), mine, earlier }
    }

    /// The torrent writes no more.
    pub(in crate::engine) fn release(&self, info_hash: InfoHash) {
        self.lock().retain(|claim| claim.torrent.info_hash != info_hash);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Claim>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// Whether the files are the torrent's alone; else it has none of them.
    ///
    /// # Errors
    ///
    /// When another torrent writes one of them.
    pub(in crate::engine) async fn holds(self) -> Result<(), EngineError> {
        let Self { claims, mine, earlier } = self;
        if earlier.is_empty() {
            return Ok(());
        }
        let info_hash = mine.torrent.info_hash;
        let compared = spawn_blocking(move || earlier.iter().try_for_each(|other| mine.is_apart_from(other)));
        let compared = compared.await.map_err(|error| from_join(&error)).flatten();
        if compared.is_err() {
            claims.release(info_hash);
        }
        compared
    }
}

impl Claim {
    /// Holds its files against those of another.
    fn is_apart_from(&self, other: &Self) -> Result<(), EngineError> {
        let common = common_file((&self.torrent, &self.output), (&other.torrent, &other.output));
        let Some(path) = common else { return Ok(()) };
        let name = |torrent: &Torrent| text::clean(&torrent.name, MOST_NAME_CHARS);
        Err(EngineError::SameFile { path, name: name(&self.torrent), other: name(&other.torrent) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::NewTorrent;

    fn torrent(name: &str, files: &[&str]) -> Arc<Torrent> {
        let content: Vec<(&str, &[u8])> = files.iter().map(|path| (*path, &[7; 10][..])).collect();
        let seed = NewTorrent::of_files(name, 16_384, &content);
        Arc::new(Torrent::from_bytes(&seed.to_bytes()).unwrap())
    }

    #[tokio::test]
    async fn the_second_that_would_write_a_file_is_refused_by_a_line_that_names_both() {
        let dir = tempfile::tempdir().unwrap();
        let claims = Claims::default();
        let (first, second) = (torrent("a", &["x", "y"]), torrent("a", &["y", "z"]));
        claims.claim(dir.path(), &first).holds().await.unwrap();
        let refused = claims.claim(&dir.path().join("."), &second).holds().await.unwrap_err();
        let path = dir.path().canonicalize().unwrap().join("a/y");
        assert_eq!(refused, EngineError::SameFile { path, name: "a".to_owned(), other: "a".to_owned() });
        assert_eq!(refused.exit_status(), 2);
        // It has none of them by that; nor has the first once it is over.
        claims.claim(&dir.path().join("elsewhere"), &second).holds().await.unwrap();
        claims.release(first.info_hash);
        claims.claim(dir.path(), &torrent("a", &["x", "y", "more"])).holds().await.unwrap();
    }

    #[tokio::test]
    async fn torrents_with_files_side_by_side_or_folders_within_folders_are_apart() {
        let dir = tempfile::tempdir().unwrap();
        let claims = Claims::default();
        claims.claim(dir.path(), &torrent("a", &["b/x"])).holds().await.unwrap();
        claims.claim(dir.path(), &torrent("a", &["b/y"])).holds().await.unwrap();
        claims.claim(dir.path(), &torrent("ab", &["b/x"])).holds().await.unwrap();
        let below = claims.claim(&dir.path().join("a"), &torrent("b", &["x"])).holds().await;
        assert!(matches!(below, Err(EngineError::SameFile { .. })), "{below:?}");
        claims.claim(&dir.path().join("a"), &torrent("b", &["z"])).holds().await.unwrap();
    }
}
