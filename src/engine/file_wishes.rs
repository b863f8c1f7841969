//! What was said of a torrent's files before it was known which there are.

use crate::metainfo::{Choice, NamedFiles, NoSuchFile, Torrent};

/// Which files are wanted, as far as anybody said so.
#[derive(Clone, Debug, Default)]
pub(super) struct FileWishes {
    /// What the user named: that counts, whatever an earlier run was told.
    pub(super) named: NamedFiles,
    /// What the magnet link names: that counts where no earlier run was told anything.
    pub(super) linked: NamedFiles,
    /// In order, also where an earlier run was not.
    pub(super) sequential: bool,
}

impl FileWishes {
    /// Which files are wanted, after an earlier run that remembered a choice, or none.
    pub(super) fn choice(&self, torrent: &Torrent, remembered: Option<&Choice>) -> Choice {
        let named = self.named.choice(torrent).ok().flatten();
        let linked = || if remembered.is_none() { self.linked.choice(torrent).ok().flatten() } else { None };
        let mut choice = named
            .or_else(linked)
            .or_else(|| remembered.cloned())
            .unwrap_or_else(|| Choice::everything(torrent.files.len()));
        choice.sequential = self.sequential || remembered.is_some_and(|remembered| remembered.sequential);
        choice
    }

    /// What of it the torrent does not have, after an earlier run that remembered a choice, or not.
    pub(super) fn unmatched(&self, torrent: &Torrent, remembered: bool) -> Option<NoSuchFile> {
        let linked = || if remembered { None } else { self.linked.choice(torrent).err() };
        self.named.choice(torrent).err().or_else(linked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::FilePriority::{self, High, Normal, Skip};
    use crate::metainfo::NewTorrent;

    fn named(names: &str) -> NamedFiles {
        NamedFiles::from(vec![names.parse().unwrap()])
    }

    #[test]
    fn what_the_user_names_goes_before_an_earlier_run_and_that_before_the_link() {
        let files: [(&str, &[u8]); 3] = [("a", &[1; 10]), ("b", &[2; 10]), ("c", &[3; 10])];
        let torrent = Torrent::from_bytes(&NewTorrent::of_files("it", 16, &files).to_bytes()).unwrap();
        let earlier = Choice::new(vec![High, Skip, Normal], true);
        let wishes = |named, linked| FileWishes { named, linked, sequential: false };
        let chosen = |wishes: &FileWishes, earlier: Option<&Choice>| -> (Vec<FilePriority>, bool) {
            let choice = wishes.choice(&torrent, earlier);
            (choice.files().to_vec(), choice.sequential)
        };
        let none = NamedFiles::default;
        assert_eq!(chosen(&wishes(none(), none()), None), (vec![Normal; 3], false));
        assert_eq!(chosen(&wishes(none(), named("1")), None), (vec![Skip, Normal, Skip], false));
        assert_eq!(chosen(&wishes(none(), named("1")), Some(&earlier)), (vec![High, Skip, Normal], true));
        assert_eq!(chosen(&wishes(named("c"), named("1")), Some(&earlier)), (vec![Skip, Skip, Normal], true));
        let (lost, lost_link) = (wishes(named("9"), none()), wishes(none(), named("9")));
        assert_eq!(chosen(&lost, Some(&earlier)), (vec![High, Skip, Normal], true));
        assert!(lost.unmatched(&torrent, true).is_some() && lost_link.unmatched(&torrent, false).is_some());
        assert!(lost_link.unmatched(&torrent, true).is_none());
    }
}
