//! Finds a device by UPnP and asks it, one thing at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{
    AddPortError, GatewayIpVersion, GetExternalIpError, PortMappingProtocol, RemovePortError, RequestError,
    SearchError, SearchOptions,
};
use tokio::task::JoinSet;

use crate::event::MappedTransport;
use crate::mapping::{Answer, Order};
use crate::text;

/// Devices may take three seconds to answer a search.
const ANSWERED_WITHIN: Duration = Duration::from_millis(3500);
/// Searches are lost easily on a wireless network.
const SEARCHES: u32 = 2;
/// What routers list our mappings as.
const DESCRIPTION: &str = "ttui";
/// Characters of a device's words that are kept.
const MOST_SAID: usize = 120;

type Found = igd_next::aio::Gateway<Tokio>;

/// A device, and what is asked of it just now.
pub(super) struct Device {
    client: SocketAddr,
    found: Option<Found>,
    asked: JoinSet<(Option<Found>, Answer)>,
}

impl Device {
    /// One that may have what comes to it sent to this address.
    pub(super) fn new(client: Ipv4Addr, port: u16) -> Self {
        Self { client: (client, port).into(), found: None, asked: JoinSet::new() }
    }

    /// Asks; the answer comes by [`answered`](Self::answered).
    pub(super) fn ask(&mut self, order: Order) {
        let (client, found) = (self.client, self.found.take());
        self.asked.spawn(async move {
            match (order, found) {
                (Order::Search, _) => search(client).await,
                (_, None) => (None, Answer::Silent),
                (order, Some(found)) => {
                    let answer = carry_out(order, client, &found).await;
                    (Some(found), answer)
                }
            }
        });
    }

    /// Waits for what comes of the last thing that was asked.
    pub(super) async fn answered(&mut self) -> Answer {
        loop {
            match self.asked.join_next().await {
                Some(Ok((found, answer))) => {
                    self.found = found;
                    return answer;
                }
                Some(Err(error)) => return Answer::Failed(error.to_string()),
                None => std::future::pending().await,
            }
        }
    }
}

async fn search(client: SocketAddr) -> (Option<Found>, Answer) {
    for _ in 0..SEARCHES {
        let mut options = SearchOptions::default();
        // The search goes out over the interface of this address.
        options.bind_addr = SocketAddr::new(client.ip(), 0);
        options.gateway_ip_version = GatewayIpVersion::V4;
        options.timeout = Some(ANSWERED_WITHIN);
        match search_gateway(options).await {
            Ok(found) => {
                let device = found.addr.ip();
                return (Some(found), Answer::Found(device));
            }
            Err(SearchError::NoResponseWithinTimeout) => {}
            Err(error) => return (None, failed(&error)),
        }
    }
    (None, Answer::Silent)
}

async fn carry_out(order: Order, client: SocketAddr, device: &Found) -> Answer {
    match order {
        // Searched already.
        Order::Search => Answer::Found(device.addr.ip()),
        Order::Outside => match device.get_external_ip().await {
            Ok(outside) => Answer::Outside(outside),
            Err(GetExternalIpError::ActionNotAuthorized) => not_authorized(),
            Err(GetExternalIpError::RequestError(error)) => refused(error),
        },
        Order::Map { transport, outside_port, lease_s } => {
            let added = device.add_port(protocol(transport), outside_port, client, lease_s, DESCRIPTION);
            added.await.map_or_else(add_error, |()| Answer::Done)
        }
        Order::Unmap { transport, outside_port } => {
            match device.remove_port(protocol(transport), outside_port).await {
                // That is what was wanted.
                Ok(()) | Err(RemovePortError::NoSuchPortMapping) => Answer::Done,
                Err(RemovePortError::ActionNotAuthorized) => not_authorized(),
                Err(RemovePortError::RequestError(error)) => refused(error),
            }
        }
    }
}

fn protocol(transport: MappedTransport) -> PortMappingProtocol {
    match transport {
        MappedTransport::Tcp => PortMappingProtocol::TCP,
        MappedTransport::Udp => PortMappingProtocol::UDP,
    }
}

/// The errors that the specification names, by their numbers there: the device's own words for them are not handed on.
fn add_error(error: AddPortError) -> Answer {
    let named = |code, name: &str| Answer::Refused(code, name.to_owned());
    match error {
        AddPortError::ActionNotAuthorized => not_authorized(),
        AddPortError::PortInUse => named(718, "ConflictInMappingEntry"),
        AddPortError::SamePortValuesRequired => named(724, "SamePortValuesRequired"),
        AddPortError::OnlyPermanentLeasesSupported => named(725, "OnlyPermanentLeasesSupported"),
        AddPortError::DescriptionTooLong => named(605, "String Argument Too Long"),
        AddPortError::RequestError(error) => refused(error),
        other => failed(&other),
    }
}

fn not_authorized() -> Answer {
    Answer::Refused(606, "Action not authorized".to_owned())
}

fn refused(error: RequestError) -> Answer {
    match error {
        RequestError::ErrorCode(code, said) => Answer::Refused(code, text::clean(&said, MOST_SAID)),
        // The whole of it would be its words.
        RequestError::InvalidResponse(_) => {
            Answer::Failed("its answer has not what it was asked for".to_owned())
        }
        other => failed(&other),
    }
}

fn failed(error: &dyn std::error::Error) -> Answer {
    Answer::Failed(text::clean(&error.to_string(), MOST_SAID))
}
