//! How routers are asked to let others in.

use std::net::Ipv4Addr;

use clap::Args;

use crate::config::Settings;
use crate::engine::MappingOptions;

/// Which routers are asked, for downloads.
#[derive(Clone, PartialEq, Eq, Debug, Default, Args)]
pub struct MappingArgs {
    /// Ask no router to hand on what comes to our port (PCP, NAT-PMP, UPnP)
    #[arg(long)]
    pub no_port_mapping: bool,
    /// Ask this router [default: those of the system's default routes]
    #[arg(long, value_name = "ADDR", conflicts_with = "no_port_mapping")]
    pub gateway: Option<Ipv4Addr>,
}

impl MappingArgs {
    /// Puts what the command line says in the place of what the settings say.
    pub fn overrule(&self, settings: &mut Settings) {
        settings.port_mapping &= !self.no_port_mapping;
        if self.gateway.is_some() {
            (settings.port_mapping, settings.gateway) = (true, self.gateway);
        }
    }
}

/// How a run has its port mapped. One that only fetches metadata is over before anybody could call.
pub(super) fn mapping(settings: &Settings, metadata_only: bool) -> Option<MappingOptions> {
    let asks = settings.port_mapping && !metadata_only;
    asks.then_some(MappingOptions { gateway: settings.gateway })
}
