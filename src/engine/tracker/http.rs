//! One announce over HTTP or HTTPS and one address family: request, redirects by hand, bounded body.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Response, StatusCode, Url, header};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::names::Pins;
use super::{Failure, Inner, Settings};
use crate::event::TrackerError;
use crate::metainfo::address::{Scope, scope_of};
use crate::text;
use crate::wire::TrackerReply;
use crate::wire::tracker::http::{AnswerError, MAX_ANSWER, read_answer};

/// The most redirects followed.
const MOST_REDIRECTS: usize = 5;

/// The HTTP clients of one address family: trusting nobody for plain requests, so that no certificate is read for
/// them, and one for secured ones.
#[derive(Default)]
pub(super) struct FamilyClient {
    pins: Pins,
    plain: OnceCell<reqwest::Client>,
    secure: OnceCell<reqwest::Client>,
    /// Connections to a server that are kept open for the next request.
    keeps: usize,
}

impl FamilyClient {
    /// The same for servers of either family that are asked again and again.
    pub(super) fn keeping(keeps: usize) -> Self {
        Self { keeps, ..Self::default() }
    }

    async fn get(&self, url: &Url, settings: &Settings) -> Result<&reqwest::Client, Failure> {
        if url.scheme() == "https" {
            self.secure.get_or_try_init(|| self.build_secure(settings)).await
        } else {
            let build = async || self.build(settings, Some(Vec::new())).map_err(|error| tls_failure(&error));
            self.plain.get_or_try_init(build).await
        }
    }

    async fn build_secure(&self, settings: &Settings) -> Result<reqwest::Client, Failure> {
        let certificates = settings.only_trust_pem.as_deref().map(Certificate::from_pem_bundle).transpose();
        let certificates = certificates.map_err(|error| tls_failure(&error))?;
        let (pins, settings) = (self.pins.clone(), settings.clone());
        let this = Self { pins, ..Self::keeping(self.keeps) };
        // The system's certificates are read from disk.
        let built = tokio::task::spawn_blocking(move || this.build(&settings, certificates)).await;
        let built = built.map_err(|error| Failure::new(TrackerError::TlsFailed, error.to_string()))?;
        built.map_err(|error| tls_failure(&error))
    }

    fn build(&self, settings: &Settings, only: Option<Vec<Certificate>>) -> reqwest::Result<reqwest::Client> {
        // Refused only where one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ttui/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(self.keeps)
            .connect_timeout(settings.connect_timeout)
            .dns_resolver(self.pins.clone());
        match only {
            Some(certificates) => builder.tls_certs_only(certificates).build(),
            None => builder.build(),
        }
    }
}

impl Inner {
    /// Asks `url` at `addrs`, which are of one family.
    pub(super) async fn http(
        &self,
        family: usize,
        url: Url,
        addrs: Vec<SocketAddr>,
    ) -> Result<(TrackerReply, SocketAddr), Failure> {
        let limit = self.settings.http_timeout;
        timeout(limit, self.follow(&self.http[family], url, addrs)).await.unwrap_or_else(|_| {
            Err(Failure::new(TrackerError::Timeout, format!("no answer within {} s", limit.as_secs_f32())))
        })
    }

    async fn follow(
        &self,
        client: &FamilyClient,
        url: Url,
        addrs: Vec<SocketAddr>,
    ) -> Result<(TrackerReply, SocketAddr), Failure> {
        let Opened { url, response, from } = self.open(client, url, addrs, HeaderMap::new()).await?;
        let status = response.status();
        let body = read_body(response, &url).await;
        let reply = judge(status, body)?;
        from.map(|from| (reply, from)).ok_or_else(|| {
            Failure::new(TrackerError::ConnectFailed, "the connection was gone before its address was known")
        })
    }

    /// Asks `url` at `addrs`, and goes where it is sent on to, not for ever and to no narrower scope.
    pub(super) async fn open(
        &self,
        client: &FamilyClient,
        mut url: Url,
        mut addrs: Vec<SocketAddr>,
        headers: HeaderMap,
    ) -> Result<Opened, Failure> {
        let mut widest = Scope::Loopback;
        for _ in 0..=MOST_REDIRECTS {
            let host = url.host_str().unwrap_or_default().to_owned();
            let pinned = client.pins.pin(&host, addrs);
            if pinned.iter().any(|addr| scope_of(addr.ip()) < widest) {
                return Err(narrower(&url));
            }
            let request = client.get(&url, &self.settings).await?.get(url.clone()).headers(headers.clone());
            tracing::debug!(url = %text::url_shown(url.as_str()), addresses = ?pinned, "http request");
            let response = request.send().await.map_err(|error| classify(&error, &url))?;
            let from = response.remote_addr().or_else(|| pinned.first().copied());
            widest = widest.max(from.map_or(Scope::Public, |from| scope_of(from.ip())));
            let Some(target) = redirect_target(&url, &response)? else {
                return Ok(Opened { url, response, from });
            };
            let port = target.port_or_known_default().unwrap_or(80);
            let found = self.lookup(target.host_str().unwrap_or_default(), port).await?;
            addrs = permitted(widest, found).ok_or_else(|| narrower(&target))?;
            tracing::debug!(from = %text::url_shown(url.as_str()), to = %text::url_shown(target.as_str()), "redirect");
            url = target;
        }
        let text = format!("it sent us on more than {MOST_REDIRECTS} times");
        Err(Failure::new(TrackerError::RedirectRefused, text))
    }
}

/// What answers in the end.
pub(super) struct Opened {
    url: Url,
    pub(super) response: Response,
    from: Option<SocketAddr>,
}

/// Those of `addrs` that a tracker of scope `widest` may send us to; `None` when it is none of them.
fn permitted(widest: Scope, mut addrs: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
    addrs.retain(|addr| scope_of(addr.ip()) >= widest);
    (!addrs.is_empty()).then_some(addrs)
}

fn narrower(target: &Url) -> Failure {
    let target = text::url_shown(target.as_str());
    let text = format!("it sent us to {target}, an address of a private network or of this machine");
    Failure::new(TrackerError::RedirectRefused, text)
}

/// Where the response sends us, if it does.
fn redirect_target(from: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION) else { return Ok(None) };
    judge_redirect(from, location.as_bytes()).map(Some)
}

fn judge_redirect(from: &Url, location: &[u8]) -> Result<Url, Failure> {
    let refused = |text: String| Failure::new(TrackerError::RedirectRefused, text);
    let location =
        std::str::from_utf8(location).map_err(|_| refused("it sent us to a broken URL".to_owned()))?;
    let target =
        from.join(location).map_err(|error| refused(format!("it sent us to a broken URL: {error}")))?;
    match (from.scheme(), target.scheme()) {
        ("https", "http") => {
            Err(refused("it sent us from https to http, where anybody can listen".to_owned()))
        }
        (_, "http" | "https") if target.host_str().is_some() => Ok(target),
        (_, scheme) => Err(refused(format!("it sent us to a {scheme}:// URL"))),
    }
}

/// Reads at most [`MAX_ANSWER`] bytes.
async fn read_body(mut response: Response, url: &Url) -> Result<Vec<u8>, Failure> {
    let too_large = || {
        Failure::new(TrackerError::BadAnswer, format!("its answer is larger than {} MiB", MAX_ANSWER >> 20))
    };
    if response.content_length().is_some_and(|length| length > MAX_ANSWER as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error, url))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn judge(status: StatusCode, body: Result<Vec<u8>, Failure>) -> Result<TrackerReply, Failure> {
    let answer = body.map(|body| read_answer(&body));
    if !status.is_success() {
        // Some trackers refuse with an error status and their words in the body.
        if let Ok(Err(AnswerError::Refused(words))) = answer {
            return Err(Failure::new(TrackerError::Refused, words));
        }
        return Err(Failure::new(TrackerError::HttpStatus, format!("it answered {status}")));
    }
    answer?.map_err(|error| {
        let kind = match error {
            AnswerError::NotATracker(_) => TrackerError::NotATracker,
            AnswerError::Bad(_) => TrackerError::BadAnswer,
            AnswerError::Refused(_) => TrackerError::Refused,
        };
        Failure::new(kind, error.to_string())
    })
}

/// What went wrong between us and the server. The texts of the layers above the last say nothing more, and some
/// repeat the URL.
pub(in crate::engine) fn classify(error: &reqwest::Error, url: &Url) -> Failure {
    let mut root: &(dyn Error + 'static) = error;
    let mut os_error = None;
    loop {
        if let Some(error) = root.downcast_ref::<io::Error>()
            && (error.raw_os_error().is_some() || error.kind() == io::ErrorKind::ConnectionRefused)
        {
            os_error = Some(error);
        }
        // An `io::Error` hides what it wraps from `source`, and shows it otherwise.
        let wrapped = root.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| root.source()) {
            Some(source) => root = source,
            None => break,
        }
    }
    if let Some(error) = os_error {
        return Failure::connect(error);
    }
    if error.is_timeout() {
        return Failure::new(TrackerError::Timeout, "the connection was not taken in time");
    }
    let text = if root.downcast_ref::<reqwest::Error>().is_some() {
        "no answer".to_owned()
    } else {
        root.to_string()
    };
    if let Some(rustls::Error::InvalidCertificate(fault)) = root.downcast_ref() {
        let fault = certificate_fault(fault).map_or(text, str::to_owned);
        return Failure::new(TrackerError::TlsFailed, format!("the secured connection failed: {fault}"));
    }
    if error.is_connect() && url.scheme() == "https" {
        return Failure::new(TrackerError::TlsFailed, format!("the secured connection failed: {text}"));
    }
    if text.contains("invalid HTTP") {
        return Failure::new(TrackerError::NotATracker, "what answers there does not speak HTTP");
    }
    Failure::new(TrackerError::ConnectFailed, text)
}

/// What is wrong with a certificate, for people.
fn certificate_fault(fault: &rustls::CertificateError) -> Option<&'static str> {
    use rustls::CertificateError as Fault;
    Some(match fault {
        Fault::Expired | Fault::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong"
        }
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or this machine's clock is wrong"
        }
        Fault::UnknownIssuer => "its certificate is signed by nobody whom this machine trusts",
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        Fault::Revoked => "its certificate is revoked",
        _ => return None,
    })
}

fn tls_failure(error: &reqwest::Error) -> Failure {
    let mut root: &(dyn Error + 'static) = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let text =
        format!("no secured connection can be made: {root} (SSL_CERT_FILE can name a file of certificates)");
    Failure::new(TrackerError::TlsFailed, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|addr| addr.parse().unwrap()).collect()
    }

    #[test]
    fn a_public_tracker_sends_us_to_public_addresses_only() {
        let mixed = addrs(&["127.0.0.1:80", "10.0.0.1:80", "198.51.100.1:80", "[::1]:80"]);
        assert_eq!(permitted(Scope::Public, mixed.clone()), Some(addrs(&["198.51.100.1:80"])));
        assert_eq!(
            permitted(Scope::Private, mixed.clone()),
            Some(addrs(&["10.0.0.1:80", "198.51.100.1:80"]))
        );
        assert_eq!(permitted(Scope::Loopback, mixed.clone()), Some(mixed));
        assert_eq!(permitted(Scope::Public, addrs(&["127.0.0.1:80", "[::ffff:10.0.0.1]:80"])), None);
    }

    #[test]
    fn follows_http_and_https_and_never_down_from_https() {
        let judge = |from: &str, to: &str| judge_redirect(&Url::parse(from).unwrap(), to.as_bytes());
        assert_eq!(judge("http://a/x?y", "/z").unwrap().as_str(), "http://a/z");
        assert_eq!(judge("http://a/", "https://b/z").unwrap().as_str(), "https://b/z");
        for (from, to) in [
            ("https://a/", "http://a/"),
            ("http://a/", "ftp://a/"),
            ("http://a/", "file:///etc/passwd"),
            ("http://a/", "udp://a:1"),
            ("http://a/", "http://"),
        ] {
            assert_eq!(judge(from, to).unwrap_err().error, TrackerError::RedirectRefused, "{from} to {to}");
        }
    }

    #[test]
    fn a_name_keeps_its_meaning_while_it_is_used() {
        let pins = Pins::default();
        let first = pins.pin("t", addrs(&["198.51.100.1:80"]));
        let second = pins.pin("t", addrs(&["127.0.0.1:80"]));
        assert_eq!(first, second);
        drop((first, second));
        assert_eq!(pins.pin("t", addrs(&["127.0.0.1:80"]))[..], addrs(&["127.0.0.1:80"]));
    }
}
