//! The ways to find peers that are no trackers: each looks for as long as the torrent wants peers in this way.

use super::super::dht::LookedUp;
use super::super::found::FoundSender;
use super::super::lsd::Joined;
use super::super::session::Resources;
use crate::event::Finder;
use crate::metainfo::InfoHash;

/// Those that look now.
#[derive(Debug, Default)]
pub(super) struct Finding {
    dht: Option<LookedUp>,
    lsd: Option<Joined>,
}

impl Finding {
    /// Has those look that are wanted, and the others no more.
    pub(super) fn look(
        &mut self,
        wanted: impl Fn(Finder) -> bool,
        resources: &Resources,
        (info_hash, found): (InfoHash, &FoundSender),
    ) {
        hold(&mut self.dht, wanted(Finder::Dht), || resources.dht.look_up(info_hash, found.clone()));
        hold(&mut self.lsd, wanted(Finder::Lsd), || Some(resources.lsd.join(info_hash, found.clone())));
    }

    /// Has them look again now.
    pub(super) fn again(&self) {
        self.dht.iter().for_each(LookedUp::again);
        self.lsd.iter().for_each(Joined::again);
    }
}

fn hold<T>(held: &mut Option<T>, wanted: bool, begin: impl FnOnce() -> Option<T>) {
    if !wanted {
        *held = None;
    } else if held.is_none() {
        *held = begin();
    }
}
