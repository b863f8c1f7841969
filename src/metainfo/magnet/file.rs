//! The torrent file that a magnet link becomes once its metadata is here.

use super::Magnet;
use crate::metainfo::{Fault, Torrent, TorrentError};

impl Magnet {
    /// A torrent file of `info`, the bytes whose hash the link names, and of the trackers and web seeds of the link.
    #[must_use]
    pub fn torrent_file(&self, info: &[u8]) -> Vec<u8> {
        let mut file = vec![b'd'];
        let string = |file: &mut Vec<u8>, text: &str| {
            file.extend(format!("{}:", text.len()).as_bytes());
            file.extend(text.as_bytes());
        };
        let list = |file: &mut Vec<u8>, urls: &[String]| {
            file.push(b'l');
            urls.iter().for_each(|url| string(file, url));
            file.push(b'e');
        };
        if let Some(first) = self.trackers.iter().flatten().next() {
            string(&mut file, "announce");
            string(&mut file, first);
            string(&mut file, "announce-list");
            file.push(b'l');
            self.trackers.iter().for_each(|tier| list(&mut file, tier));
            file.push(b'e');
        }
        string(&mut file, "info");
        file.extend(info);
        if !self.web_seeds.is_empty() {
            string(&mut file, "url-list");
            list(&mut file, &self.web_seeds);
        }
        file.push(b'e');
        file
    }

    /// The torrent of `info`, and its file.
    ///
    /// # Errors
    ///
    /// Its hash is the one that the link names, and yet it cannot be downloaded: its maker made it so.
    pub fn torrent(&self, info: &[u8]) -> Result<(Torrent, Vec<u8>), TorrentError> {
        let file = self.torrent_file(info);
        let torrent = Torrent::from_bytes(&file)?;
        if torrent.info_hash != self.info_hash {
            // Its bytes end the dictionary before their own end.
            let (field, expected) = ("info".to_owned(), "one dictionary".to_owned());
            let fault = Fault::Field { field, offset: None, expected, found: Some("more".to_owned()) };
            return Err(TorrentError { file: None, fault });
        }
        Ok((torrent, file))
    }
}
