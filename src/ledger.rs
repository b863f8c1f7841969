//! Folds events into what is known, and publishes it as a [`View`].
//!
//! The ledger sees events and nothing else, so a live run and a replayed one cannot differ.

mod callers;
mod client;
mod conn;
mod finder;
mod fold;
mod folded;
mod log;
mod lookup;
mod metadata;
mod peer;
mod peers;
mod pieces;
mod publish;
mod removable;
mod row;
mod series;
mod session;
mod snapshot;
mod tally;
mod torrents;
mod tracker;
mod verdict;
mod view;
mod web_seed;
mod words;

pub use client::client_name;
pub use fold::Ledger;
pub use lookup::{LookupNode, LookupRecord};
pub use metadata::{MetadataAnswer, MetadataMoment, MetadataProgress, MetadataTalk};
pub use peer::{Flags, Group, PeerRecord, Stage};
pub use pieces::{
    Availability, FailedTry, Failures, History, PieceMap, PieceState, SenderGroup, Senders, UnderWay,
};
pub use removable::{Found, Removable};
pub use series::{RECENT_SECONDS, Recent, Series};
pub use session::{Bootstrap, BootstrapAnswer, SessionRecord, WayIn};
pub use snapshot::Snapshot;
pub use torrents::{Answer, Before, Queued, Standing, TorrentRow, Torrents, Totals};
pub use tracker::{PastAnnounce, TrackerRecord, TrackerStatus};
pub use verdict::{Look, LookOn, Remedy, Verdict, VerdictCode};
pub use view::{
    FailedCalls, FileFacts, FinderRecord, Funnel, Groups, IncomingCounts, LogLine, Loss, Metadata, Serving,
    TorrentFacts, View,
};
pub use web_seed::WebSeedRecord;

#[cfg(test)]
pub(crate) use verdict::agrees_with_counts;

#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
pub(crate) mod tests;
