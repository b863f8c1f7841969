//! The torrents that a run on the screen begins with.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cli::chosen::Chosen;
use crate::cli::{Failure, Status, complain};
use crate::engine::{Session, TorrentHandle, TorrentOptions, Wanted};
use crate::metainfo::InfoHash;
use crate::ui;

/// What was begun, and what became of the rest.
pub(super) struct Begun {
    pub(super) torrents: Vec<TorrentHandle>,
    /// What is known of each beside its views.
    pub(super) abouts: HashMap<InfoHash, Arc<ui::About>>,
    /// 0, or the highest of those that could not be begun: each was told.
    pub(super) status: Status,
}

impl Begun {
    /// Adds them to the session; of `most_connections` is told beside their views. The failure of one that is `alone` is
    /// returned, others are told.
    pub(super) fn of(
        chosen: Vec<Result<Chosen, Failure>>,
        session: &Session,
        options: &TorrentOptions,
        most_connections: usize,
        alone: bool,
    ) -> Result<Self, Failure> {
        let mut begun = Self { torrents: Vec::new(), abouts: HashMap::new(), status: Status::Done };
        for chosen in chosen {
            let added = chosen.and_then(|chosen| {
                let (wanted, options) = chosen.options(options);
                begun.abouts.insert(wanted.info_hash(), Arc::new(about(&wanted, most_connections)));
                Ok(session.add(wanted, options)?)
            });
            match added {
                Ok(torrent) => begun.torrents.push(torrent),
                Err(failure) if alone => return Err(failure),
                Err(failure) => {
                    complain(&failure);
                    begun.status = begun.status.max(Status::Told(failure.status()));
                }
            }
        }
        Ok(begun)
    }
}

/// What the screen is told of a torrent beside its views.
fn about(wanted: &Wanted, most_connections: usize) -> ui::About {
    let magnet = wanted.magnet();
    let Wanted::Torrent(torrent) = wanted else {
        return ui::About { most_connections, magnet, ..ui::About::new(None, None) };
    };
    ui::About {
        created_s: torrent.creation_date,
        hybrid: torrent.info_hash_v2.is_some(),
        most_connections,
        magnet,
        ..ui::About::new(torrent.comment.as_deref(), torrent.created_by.as_deref())
    }
}
