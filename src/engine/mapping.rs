//! Has routers map our port ([`crate::mapping`]): one for each default route, or the one that the user names.

mod gateway;
mod kept;
mod route;
mod upnp;

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::gateway::Gateway;
use super::session::Resources;
use super::surroundings::Around;
use crate::event::{Event, MappingFact, MappingStep};
use crate::mapping::Settings;
use crate::metainfo::address::{Scope, scope_of};
use crate::wire::pcp;

/// Routers that are asked: of more networks a machine is rarely a part.
const MOST_GATEWAYS: usize = 4;
/// How long the end of a run waits until what is mapped is given back.
const RELEASED_WITHIN: Duration = Duration::from_millis(900);
/// A program that stood still for this time asks again from the start.
const STALE_AFTER: Duration = Duration::from_secs(60);
/// How often it is looked where routers are, beside when the machine's addresses change.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How a session has its port mapped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MappingOptions {
    /// The router that is asked; `None`: those of the system's default routes.
    pub gateway: Option<Ipv4Addr>,
}

/// How the session stands with its routers; without a driver none is asked.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Where others reach us.
    outside_port: Arc<AtomicU16>,
    ends: watch::Sender<bool>,
    runs: watch::Sender<bool>,
}

impl Mapping {
    /// Of a session that listens on `port`.
    pub(super) fn new(port: u16) -> Arc<Self> {
        let (outside_port, ends, runs) =
            (Arc::new(AtomicU16::new(port)), watch::Sender::default(), watch::Sender::default());
        Arc::new(Self { outside_port, ends, runs })
    }

    /// The port at which others reach us: the one on which we listen, unless a router gave another one.
    pub(super) fn outside_port(&self) -> u16 {
        self.outside_port.load(Ordering::Relaxed)
    }

    /// The same, to be looked at again whenever it is told.
    pub(super) fn shared_outside_port(&self) -> Arc<AtomicU16> {
        Arc::clone(&self.outside_port)
    }

    /// Gives back what is mapped, within a second. What is not given back by then ends by itself.
    pub(super) async fn release(&self) {
        self.ends.send_replace(true);
        let mut runs = self.runs.subscribe();
        let _ = timeout(RELEASED_WITHIN, runs.wait_for(|runs| !runs)).await;
    }
}

/// The task that does it.
pub(super) struct Driver {
    resources: Arc<Resources>,
    seed: u64,
    secret: u64,
    gateway: Option<Ipv4Addr>,
    around: watch::Receiver<Around>,
}

impl Driver {
    /// The one driver of a session, which keeps something for the next run in the folder. `seed` is where the random numbers
    /// come from.
    pub(super) fn new(
        resources: &Arc<Resources>,
        seed: u64,
        options: &MappingOptions,
        folder: &Path,
    ) -> Self {
        resources.mapping.runs.send_replace(true);
        let around = resources.surroundings.look();
        let secret = kept::secret(folder, seed);
        Self { resources: Arc::clone(resources), seed, secret, gateway: options.gateway, around }
    }

    /// Runs until everything is given back.
    pub(super) async fn run(mut self) {
        let mut ends = self.resources.mapping.ends.subscribe();
        while !*ends.borrow_and_update() {
            let gateways = self.gateways();
            if gateways.is_empty() {
                self.tell(MappingStep::NoGateway, None);
            }
            reached_at(&self.resources, self.resources.port);
            let mut tasks = JoinSet::new();
            for (number, settings) in gateways.iter().enumerate() {
                if self.gateway.is_none() && scope_of(settings.client.into()) == Scope::Public {
                    self.tell(MappingStep::Off, Some("this machine has a public address".to_owned()));
                    continue;
                }
                // What goes out by itself goes over the preferred one.
                let announces = number == 0;
                tasks.spawn(Gateway::new(*settings, Arc::clone(&self.resources), announces).run());
            }
            tokio::select! {
                // They hear of it, too.
                _ = ends.changed() => while tasks.join_next().await.is_some() {},
                () = self.others_than(&gateways) => {}
            }
        }
        self.resources.mapping.runs.send_replace(false);
    }

    fn tell(&self, step: MappingStep, said: Option<String>) {
        let fact = MappingFact { step, said, ..MappingFact::default() };
        self.resources.facts.tell(self.resources.clock.now(), Event::Mapping(fact));
    }

    /// The routers to ask, and our address on the way to each.
    fn gateways(&self) -> Vec<Settings> {
        let named = self.gateway.map(|gateway| vec![gateway]);
        let mut gateways = named.unwrap_or_else(route::gateways);
        gateways.truncate(MOST_GATEWAYS);
        let settings = |(number, gateway): (usize, Ipv4Addr)| {
            let client = own_address(gateway)?;
            Some(Settings {
                seed: self.seed.wrapping_add(number as u64),
                secret: self.secret,
                gateway,
                client,
                port: self.resources.port,
            })
        };
        gateways.into_iter().enumerate().filter_map(settings).collect()
    }

    /// Waits until there are other routers, the machine has another address, or the program stood still for so long that
    /// nothing may be mapped any more.
    async fn others_than(&mut self, gateways: &[Settings]) {
        let clock = self.resources.clock;
        let stood_still = clock.stood_still();
        loop {
            tokio::select! {
                changed = self.around.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
                () = sleep(LOOK_EVERY) => {}
            }
            let is_stale = clock.stood_still() >= stood_still + STALE_AFTER;
            if is_stale || self.gateways() != gateways {
                return;
            }
        }
    }
}

/// Others reach us at this port from now on.
fn reached_at(resources: &Resources, port: u16) {
    if resources.mapping.outside_port.swap(port, Ordering::Relaxed) != port {
        resources.dht.announce_port(port);
    }
}

/// Our address on the way to somewhere; nothing is sent. `None`: there is no way.
fn own_address(to: Ipv4Addr) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((to, pcp::PORT)).ok()?;
    match socket.local_addr().ok()? {
        std::net::SocketAddr::V4(own) => Some(*own.ip()),
        std::net::SocketAddr::V6(_) => None,
    }
}
