//! How peers are found besides by trackers.

use clap::Args;

use crate::config::Settings;
use crate::engine::DhtOptions;
use crate::event::Finder;
use crate::metainfo::PeerName;

/// The ways to find peers that are not used, for downloads and checks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Args)]
pub struct FinderArgs {
    /// Find no peers through the DHT, and take no part in it
    #[arg(long)]
    pub no_dht: bool,
    /// Ask this node first where no known one answers, and none of the settings (may be given again)
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_dht")]
    pub dht_node: Vec<PeerName>,
    /// Take no peers that other peers name, and name none to them
    #[arg(long)]
    pub no_pex: bool,
}

impl FinderArgs {
    /// Puts what the command line says in the place of what the settings say.
    pub fn overrule(&self, settings: &mut Settings) {
        for (off, finder) in [(self.no_dht, Finder::Dht), (self.no_pex, Finder::Pex)] {
            if off {
                settings.finders.remove(&finder);
            }
        }
        if !self.dht_node.is_empty() {
            settings.finders.insert(Finder::Dht);
            settings.dht_nodes.clone_from(&self.dht_node);
        }
    }
}

/// How a run takes part in the DHT that is to be of use to others, or too short for that.
pub(in crate::cli) fn dht(settings: &Settings, read_only: bool) -> Option<DhtOptions> {
    let takes_part = settings.finders.contains(&Finder::Dht);
    takes_part.then(|| DhtOptions { nodes: settings.dht_nodes.clone(), read_only })
}
