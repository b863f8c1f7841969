//! Carries out one announce: over HTTP, HTTPS or UDP, over every address family the tracker and we have.
//!
//! When to announce is decided by [`crate::swarm::announce`]; here is only the doing, bounded in time and bytes.

pub(super) mod http;
mod names;
mod secrets;
mod udp;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Response, Url};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::udp::Udp;
use crate::event::{AnnounceKind, Announced, TrackerError};
use crate::metainfo::address::{Scope, scope_of};
use crate::peer::MOST_LINES;
use crate::swarm::announce::MOST_UNDER_WAY;
use crate::text;
use crate::wire::tracker::Scheme;
use crate::wire::{AnnounceParams, TrackerReply};

/// How long the slower of two address families is waited for at least, and at most, once the other has answered.
const OTHER_FAMILY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
const MOST_TEXT_CHARS: usize = 300;
/// Connections to the server of a web seed that are kept open.
const WEB_CONNECTIONS: usize = MOST_LINES as usize;

/// What a client is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long one name may be looked up.
    pub lookup_timeout: Duration,
    /// How long an HTTP tracker may take to let us connect.
    pub connect_timeout: Duration,
    /// How long an announce over HTTP may take in all, redirects included.
    pub http_timeout: Duration,
    /// How long each copy of a UDP packet is waited on before the next is sent (BEP 15: 15 s, doubling).
    pub udp_schedule: Vec<Duration>,
    /// How long one address of a UDP tracker may be silent before the next of its name is asked as well.
    pub udp_next_after: Duration,
    /// How long a UDP connection id is good (BEP 15: a minute).
    pub connection_id_life: Duration,
    /// The most [turns](Client::turn) there are at once.
    pub most_under_way: usize,
    /// Trust certificates signed by these (PEM) and by nobody else, instead of those the system trusts.
    pub only_trust_pem: Option<Vec<u8>>,
    /// Names that are not looked up but known.
    pub known_names: HashMap<String, Vec<IpAddr>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lookup_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            http_timeout: Duration::from_secs(20),
            udp_schedule: vec![Duration::from_secs(15), Duration::from_secs(30)],
            udp_next_after: Duration::from_secs(3),
            connection_id_life: Duration::from_secs(60),
            most_under_way: MOST_UNDER_WAY,
            only_trust_pem: None,
            known_names: HashMap::new(),
        }
    }
}

/// Announces to trackers. Copies share what they know (names, connection ids, trusted certificates), and wait for their
/// turn together.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    under_way: Semaphore,
    http: [http::FamilyClient; 2],
    udp: Udp,
    /// For web seeds: their servers are found, and followed, as those of trackers are.
    web: http::FamilyClient,
    connections: udp::Connections,
}

/// Leave to announce.
#[must_use = "the turn is over when this is dropped"]
pub struct Turn<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

/// A tracker's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The peers it named, each once, unchecked: [`crate::metainfo::address::is_allowed`] judges them.
    pub peers: Vec<SocketAddr>,
    /// How far the tracker's own address reaches, by which its peers are judged.
    pub scope: Scope,
    /// What is told of the answer.
    pub announced: Announced,
    /// Seconds before which it does not want to be asked again.
    pub min_interval_s: Option<u32>,
    /// What it wants to be told in the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// The address it sees us at (BEP 24).
    pub our_address: Option<IpAddr>,
}

/// Why an announce failed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{text}")]
pub struct Failure {
    /// How.
    pub error: TrackerError,
    /// In whose words: the tracker's own, or the system's; cleaned, and without any passkey.
    pub text: String,
}

impl Failure {
    fn new(error: TrackerError, text: impl AsRef<str>) -> Self {
        Self { error, text: text::clean(text.as_ref(), MOST_TEXT_CHARS) }
    }

    fn connect(error: &io::Error) -> Self {
        let text = match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
            _ => text::without_number(&error.to_string()).to_owned(),
        };
        Self::new(TrackerError::ConnectFailed, text)
    }

    /// Whichever of two failures says more.
    fn weightier(self, other: Self) -> Self {
        if other.error.info().weight > self.error.info().weight { other } else { self }
    }
}

impl Client {
    /// A client with these settings, that asks UDP trackers over `udp`. Nothing is read or opened before the first
    /// announce.
    pub fn new(settings: Settings, udp: Udp) -> Self {
        let http = [http::FamilyClient::default(), http::FamilyClient::default()];
        let under_way = Semaphore::new(settings.most_under_way.min(Semaphore::MAX_PERMITS));
        let web = http::FamilyClient::keeping(WEB_CONNECTIONS);
        Self(Arc::new(Inner {
            settings,
            under_way,
            http,
            web,
            udp,
            connections: udp::Connections::default(),
        }))
    }

    /// Waits for the turn of one announce of those that may be under way at once; it lasts as long as what is returned.
    pub async fn turn(&self) -> Turn<'_> {
        // It is never closed, so that there is always a turn.
        Turn { _permit: self.0.under_way.acquire().await.ok() }
    }

    /// Announces to the tracker at `url` and returns what it answers, from whichever address family answers; with two
    /// answers their peers are put together.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the one that says most where both families fail.
    pub async fn announce(&self, url: &str, params: &AnnounceParams) -> Result<Answer, Failure> {
        let shown = text::url_shown(url);
        tracing::info!(tracker = %shown, event = ?params.kind, left = params.left_bytes, "announce");
        let mut outcome = self.try_announce(url, params).await;
        // Some trackers repeat what they were asked.
        match &mut outcome {
            Ok(Answer { announced: Announced { warning, .. }, .. }) => {
                *warning = warning.take().map(|words| secrets::without_secrets(url, &words));
            }
            Err(failure) => failure.text = secrets::without_secrets(url, &failure.text),
        }
        match &outcome {
            Ok(answer) => tracing::info!(
                tracker = %shown,
                peers = answer.announced.peers,
                seeders = answer.announced.seeders,
                leechers = answer.announced.leechers,
                interval_s = answer.announced.interval_s,
                "announce answered"
            ),
            Err(failure) => {
                tracing::warn!(tracker = %shown, error = failure.error.info().code, text = %failure.text, "announce failed");
            }
        }
        outcome
    }

    /// Asks a web seed for bytes of a file, and returns what it answers, the body unread.
    ///
    /// # Errors
    ///
    /// [`Failure`] where nothing of HTTP comes, or it sends us on to where we do not go.
    pub(super) async fn fetch(&self, url: &Url, range: &Range<u64>) -> Result<Response, Failure> {
        let range = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::try_from(range).ok().map(|range| (header::RANGE, range)));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let limit = self.0.settings.http_timeout;
        let answer = async {
            let port = url.port_or_known_default().unwrap_or(80);
            let addrs = self.0.lookup(url.host_str().unwrap_or_default(), port).await?;
            self.0.open(&self.0.web, url.clone(), addrs, headers).await
        };
        let late = |_| {
            let text = format!("no answer within {} s", limit.as_secs_f32());
            Failure::new(TrackerError::Timeout, text)
        };
        Ok(timeout(limit, answer).await.map_err(late)??.response)
    }

    async fn try_announce(&self, url: &str, params: &AnnounceParams) -> Result<Answer, Failure> {
        let unsupported = |text: &str| Failure::new(TrackerError::UnsupportedUrl, text);
        let mut params = params.clone();
        if params.kind == AnnounceKind::Stopped {
            params.numwant = 0;
        }
        let parsed = Url::parse(url.trim()).map_err(|error| unsupported(&format!("not a URL: {error}")))?;
        let host = parsed.host_str().unwrap_or_default().to_owned();
        if host.is_empty() {
            return Err(unsupported("the URL names no host"));
        }
        match Scheme::named(parsed.scheme()) {
            Some(Scheme::Http) => {
                let asked = crate::wire::tracker::http::announce_url(url, &params);
                let asked =
                    Url::parse(&asked).map_err(|error| unsupported(&format!("not a URL: {error}")))?;
                let port = parsed.port_or_known_default().unwrap_or(80);
                let addrs = self.0.lookup(&host, port).await?;
                self.over_families(&addrs, |family, addrs| self.0.http(family, asked.clone(), addrs)).await
            }
            Some(Scheme::Udp) => {
                let port =
                    parsed.port().ok_or_else(|| unsupported("the URL names no port, which UDP needs"))?;
                let addrs = self.0.lookup(&host, port).await?;
                let data = url_data(&parsed);
                let (data, params) = (&data, &params);
                self.over_families(&addrs, |_, addrs| self.0.over_udp(addrs, data, params)).await
            }
            None => {
                let (spoken, scheme) = (Scheme::WORDS, parsed.scheme());
                Err(unsupported(&format!("trackers are asked over {spoken}, not {scheme}://")))
            }
        }
    }

    /// Runs `ask` over IPv4 and IPv6 at once, as far as `addrs` has them.
    async fn over_families<F>(
        &self,
        addrs: &[SocketAddr],
        ask: impl Fn(usize, Vec<SocketAddr>) -> F,
    ) -> Result<Answer, Failure>
    where
        F: Future<Output = Result<(TrackerReply, SocketAddr), Failure>>,
    {
        let (v4, v6): (Vec<_>, Vec<_>) = addrs.iter().copied().partition(SocketAddr::is_ipv4);
        let (first, second) = match (v4.is_empty(), v6.is_empty()) {
            (false, true) => (ask(0, v4).await, None),
            (true, _) => (ask(1, v6).await, None),
            (false, false) => both(ask(0, v4), ask(1, v6)).await,
        };
        match (first, second) {
            (Ok(first), Some(Ok(second))) => Ok(merge(vec![first, second])),
            (Ok(one), _) | (_, Some(Ok(one))) => Ok(merge(vec![one])),
            (Err(first), Some(Err(second))) => Err(first.weightier(second)),
            (Err(first), None) => Err(first),
        }
    }
}

/// Path and query, as BEP 41 wants them told; nothing where the URL has neither.
fn url_data(url: &Url) -> String {
    let path = if url.path() == "/" { "" } else { url.path() };
    match url.query() {
        Some(query) => format!("{}?{query}", if path.is_empty() { "/" } else { path }),
        None => path.to_owned(),
    }
}

/// Waits for both; but once one is there, for the other only as long again. The first in time comes first.
async fn both<T, E>(
    one: impl Future<Output = Result<T, E>>,
    two: impl Future<Output = Result<T, E>>,
) -> (Result<T, E>, Option<Result<T, E>>) {
    let began = Instant::now();
    tokio::pin!(one, two);
    let (first, first_is_one) = tokio::select! {
        first = &mut one => (first, true),
        first = &mut two => (first, false),
    };
    let other = async { if first_is_one { two.await } else { one.await } };
    let second = match first {
        Ok(_) => timeout(began.elapsed().clamp(OTHER_FAMILY.0, OTHER_FAMILY.1), other).await.ok(),
        Err(_) => Some(other.await),
    };
    (first, second)
}

/// One answer out of those of all families.
fn merge(replies: Vec<(TrackerReply, SocketAddr)>) -> Answer {
    let mut answer = Answer {
        peers: Vec::new(),
        scope: Scope::Loopback,
        announced: Announced::default(),
        min_interval_s: None,
        tracker_id: None,
        our_address: None,
    };
    let mut seen = std::collections::HashSet::new();
    for (reply, from) in replies {
        answer.peers.extend(reply.peers.into_iter().filter(|peer| seen.insert(*peer)));
        answer.scope = answer.scope.max(scope_of(from.ip()));
        let announced = &mut answer.announced;
        announced.seeders = announced.seeders.max(reply.seeders);
        announced.leechers = announced.leechers.max(reply.leechers);
        announced.interval_s = announced.interval_s.max(reply.interval_s);
        announced.warning = announced.warning.take().or(reply.warning);
        answer.min_interval_s = answer.min_interval_s.max(reply.min_interval_s);
        answer.tracker_id = answer.tracker_id.take().or(reply.tracker_id);
        answer.our_address = answer.our_address.or(reply.our_address);
    }
    answer.announced.peers = answer.peers.len() as u32;
    answer
}

#[cfg(test)]
mod tests;
