//! One gateway: its socket, its device, and what becomes known of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{sleep, sleep_until};

use super::reached_at;
use super::upnp::Device;
use crate::engine::session::Resources;
use crate::event::Event;
use crate::mapping::{Action, Input, Mapper, Settings};
use crate::text;
use crate::wire::pcp;

/// No packet of the protocols is longer.
const MOST_BYTES: usize = 1101;
/// After the socket could not be read.
const BACK_OFF: Duration = Duration::from_millis(200);
/// Characters of the system's words that are kept.
const MOST_SAID: usize = 120;

/// What asks a gateway.
pub(super) struct Gateway {
    mapper: Mapper,
    settings: Settings,
    resources: Arc<Resources>,
    /// Whether its port is the one that others are told.
    announces: bool,
    device: Device,
}

impl Gateway {
    /// Asks as `settings` says. Of several gateways one has the port that others are told: it `announces`.
    pub(super) fn new(settings: Settings, resources: Arc<Resources>, announces: bool) -> Self {
        let device = Device::new(settings.client, settings.port);
        Self { mapper: Mapper::new(settings), settings, resources, announces, device }
    }

    /// Runs until what is mapped is given back, once the session ends.
    pub(super) async fn run(mut self) {
        let mut ends = self.resources.mapping.ends.subscribe();
        let mut releases = false;
        let socket = connect(self.settings).await;
        let mut packet = [0; MOST_BYTES];
        self.tell(Input::Tick);
        loop {
            self.act(socket.as_ref()).await;
            if self.mapper.is_released() {
                return;
            }
            let due = self.mapper.deadline().map(|at| self.resources.clock.instant(at));
            let wake = due.unwrap_or_else(tokio::time::Instant::now);
            tokio::select! {
                biased;
                () = async { drop(ends.wait_for(|ends| *ends).await) }, if !releases => {
                    releases = true;
                    self.tell(Input::Release);
                }
                answer = self.device.answered() => self.tell(Input::Upnp(answer)),
                () = sleep_until(wake), if due.is_some() => self.tell(Input::Tick),
                read = receive(socket.as_ref().ok(), &mut packet) => match read {
                    Ok(length) => {
                        // The socket is connected: nobody else is heard.
                        let from = SocketAddr::from((self.settings.gateway, pcp::PORT));
                        self.tell(Input::Datagram { from, bytes: &packet[..length] });
                    }
                    Err(error) => self.failed(&error).await,
                },
            }
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.mapper.handle(self.resources.clock.now(), input);
    }

    async fn failed(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return self.tell(Input::Closed);
        }
        self.tell(Input::Unreachable(text::clean(&error.to_string(), MOST_SAID)));
        sleep(BACK_OFF).await;
    }

    /// Carries out what is to be done.
    async fn act(&mut self, socket: Result<&UdpSocket, &io::Error>) {
        while let Some(action) = self.mapper.poll() {
            match action {
                Action::Send(packet) => {
                    let sent = match socket {
                        Ok(socket) => socket.send(&packet).await.map(drop),
                        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                    };
                    if let Err(error) = sent {
                        self.failed(&error).await;
                    }
                }
                Action::Upnp(order) => self.device.ask(order),
                Action::OutsidePort(port) if self.announces => reached_at(&self.resources, port),
                Action::OutsidePort(_) => {}
                Action::Told(at, fact) => {
                    // Without our outside address: not everybody may know it who is given the log.
                    tracing::info!(step = ?fact.step, by = ?fact.protocol, code = fact.code, "port mapping");
                    self.resources.facts.tell(at, Event::Mapping(fact));
                }
            }
        }
    }
}

async fn connect(settings: Settings) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((settings.client, 0)).await?;
    socket.connect((settings.gateway, pcp::PORT)).await?;
    Ok(socket)
}

async fn receive(socket: Option<&UdpSocket>, packet: &mut [u8]) -> io::Result<usize> {
    match socket {
        Some(socket) => socket.recv(packet).await,
        None => std::future::pending().await,
    }
}
