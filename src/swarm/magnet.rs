//! A magnet's way to its metadata: the machine (`metadata`) hears what peers say of them, and what it wants is done.

use super::metadata::{Fetch, Metadata, Parts};
use super::{Action, ConnKey, Order, Swarm};
use crate::event::{At, Cause, Event, MetadataStep, PeerInfo, PeerKey, Phase};
use crate::peer::MetadataNews;
use crate::wire::METADATA_NAME;

impl Swarm {
    /// The peer introduces itself.
    pub(super) fn offers_metadata(&mut self, now: At, conn: ConnKey, peer: PeerKey, info: &PeerInfo) {
        let takes = info.extensions.iter().any(|name| name == METADATA_NAME);
        let bytes = info.metadata_bytes.filter(|_| takes);
        self.fetch(now, |metadata| metadata.introduced(now, conn, peer, bytes));
    }

    /// The peer answers what it was asked of the metadata.
    pub(super) fn answers_metadata(&mut self, now: At, conn: ConnKey, news: MetadataNews) {
        if let (Some(live), MetadataNews::Part { .. }) = (self.live.get_mut(conn), &news) {
            live.used = now;
        }
        self.fetch(now, |metadata| metadata.news(now, conn, news));
    }

    /// Asks for the metadata in the phase of them, and only then.
    pub(super) fn set_fetching(&mut self, now: At) {
        let active = self.phase == Phase::Metadata && !self.leaving;
        self.fetch(now, |metadata| metadata.set_active(now, active));
    }

    /// Does what is due by the clock.
    pub(super) fn fetch_due(&mut self, now: At) {
        self.fetch(now, |metadata| metadata.on_time(now));
    }

    /// Why the peer is of no use while the metadata are missing, if so.
    pub(super) fn withholds_metadata(&self, conn: ConnKey) -> Option<Cause> {
        self.metadata.as_ref()?.withholds(conn)
    }

    /// Tells the machine something, and does what it wants then.
    pub(super) fn fetch(&mut self, now: At, tell: impl FnOnce(&mut Metadata)) {
        let Some(metadata) = &mut self.metadata else { return };
        tell(metadata);
        let wanted: Vec<Fetch> = std::iter::from_fn(|| metadata.poll()).collect();
        for fetch in wanted {
            match fetch {
                Fetch::Ask(conn, part) => self.out.order(conn, Order::AskMetadata { part }),
                Fetch::Told(peer, step) => self.out.emit(now, Event::Metadata { peer, step }),
                Fetch::Wrong(peer, conn, reason) => {
                    self.out.emit(now, Event::Metadata { peer, step: MetadataStep::Wrong { reason } });
                    conn.into_iter().for_each(|conn| self.close(conn, Cause::MetadataWrong));
                }
                Fetch::Parts(Parts { got, of, bytes }) => {
                    self.out.emit(now, Event::MetadataParts { got, of, bytes });
                }
                Fetch::Known(info) => self.out.act(Action::Metadata(info)),
            }
        }
    }
}
