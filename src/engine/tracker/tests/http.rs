//! Trackers on loopback that answer over HTTP in every way there is.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// Names the file by which the test of the system's certificates recognises its own second process.
const CHILD_URL: &str = "TTUI_TEST_HTTPS_URL";

/// A server that answers every request with what a function makes of its head.
struct Server {
    addr: SocketAddr,
    heads: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Respond = dyn Fn(&str) -> Vec<u8> + Send + Sync;

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, respond: &Respond) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let _ = stream.write_all(&respond(&head)).await;
    let _ = stream.shutdown().await;
    Some(head)
}

async fn serve_at(
    ip: IpAddr,
    port: u16,
    tls: Option<TlsAcceptor>,
    respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind((ip, port)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, heads) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let head = match &tls {
                None => converse(stream, &respond).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, &respond).await,
                    Err(_) => None,
                },
            };
            let _ = head.map(|head| told.send(head));
        }
    });
    Server { addr, heads, task }
}

async fn serve(respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    serve_at(Ipv4Addr::LOCALHOST.into(), 0, None, respond).await
}

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    with_status("200 OK", body)
}

fn with_status(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn moved(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

/// What a tracker says that answers `body` with 200.
async fn told(body: &[u8]) -> Result<Answer, Failure> {
    let body = body.to_vec();
    let server = serve(move |_| ok(&body)).await;
    announce(&format!("http://{}/announce", server.addr)).await
}

const ONE_PEER: &[u8] = b"d8:intervali900e5:peers6:\x7f\0\0\x01\x1a\xe1e";

fn the_peer() -> Vec<SocketAddr> {
    vec!["127.0.0.1:6881".parse().unwrap()]
}

#[tokio::test]
async fn asks_with_every_parameter_and_no_compression() {
    let mut server = serve(|_| ok(ONE_PEER)).await;
    let answer = announce(&format!("http://{}/a%20b?pass=1#x", server.addr)).await.unwrap();
    assert_eq!(answer.peers, the_peer());
    assert_eq!(answer.scope, Scope::Loopback);
    assert_eq!((answer.announced.peers, answer.announced.interval_s), (1, 900));
    let head = server.heads.recv().await.unwrap();
    assert_eq!(
        head.lines().next().unwrap(),
        "GET /a%20b?pass=1&info_hash=%00%FF%20hash-of-a-torrent&peer_id=-Tu0100-abcdefghijkl&port=6881\
         &uploaded=1&downloaded=2&left=3&key=0000BEEF&numwant=200&compact=1&no_peer_id=1&event=started HTTP/1.1"
    );
    let head = head.to_ascii_lowercase();
    assert!(!head.contains("accept-encoding") && !head.contains("referer"), "{head}");
    assert!(head.contains("\r\nuser-agent: ttui/"), "{head}");
}

#[tokio::test]
async fn asks_for_nobody_when_it_leaves() {
    let mut server = serve(|_| ok(ONE_PEER)).await;
    let params = AnnounceParams { kind: AnnounceKind::Stopped, ..params() };
    let client = client(Settings::default());
    client.announce(&format!("http://{}/", server.addr), &params).await.unwrap();
    let head = server.heads.recv().await.unwrap();
    assert!(head.contains("&numwant=0&") && head.contains("&event=stopped"), "{head}");
}

#[tokio::test]
async fn takes_dictionary_and_ipv6_peers() {
    let answer = told(
        b"d8:completei7e10:incompletei8e8:intervali900e12:min intervali60e\
        5:peersld2:ip9:127.0.0.14:porti6881eee6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50\
        10:tracker id3:abce",
    );
    let answer = answer.await.unwrap();
    let expected: Vec<SocketAddr> = ["127.0.0.1:6881", "[::1]:80"].map(|addr| addr.parse().unwrap()).into();
    assert_eq!(answer.peers, expected);
    assert_eq!((answer.announced.seeders, answer.announced.leechers), (Some(7), Some(8)));
    assert_eq!(answer.min_interval_s, Some(60));
    assert_eq!(answer.tracker_id.as_deref(), Some(&b"abc"[..]));
}

#[tokio::test]
async fn repeats_what_the_tracker_says_without_control_characters() {
    let refused = error_of(told(b"d14:failure reason16:unknown \x1b[1mhashe").await);
    assert_eq!(refused, (TrackerError::Refused, "unknown ·[1mhash".to_owned()));
    let warned = told(b"d8:intervali900e5:peers0:15:warning message4:so\x07soe").await;
    assert!(warned.is_err(), "one byte too many is broken");
    let warned = told(b"d8:intervali900e5:peers0:15:warning message5:so\x07soe").await.unwrap();
    assert_eq!(warned.announced.warning.as_deref(), Some("so·so"));
}

#[tokio::test]
async fn tells_a_web_page_a_status_and_nonsense_apart() {
    let (error, text) = error_of(told(b"<html><title>Parked</title></html>").await);
    assert_eq!(error, TrackerError::NotATracker);
    assert!(text.contains("Parked"), "{text}");
    assert_eq!(error_of(told(b"d8:intervali900e5:peers99:xe").await).0, TrackerError::BadAnswer);
    assert_eq!(error_of(told(b"").await).0, TrackerError::NotATracker);

    let server = serve(|_| with_status("404 Not Found", "<html>")).await;
    let failed = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(failed, (TrackerError::HttpStatus, "it answered 404 Not Found".to_owned()));

    let server = serve(|_| with_status("400 Bad Request", "d14:failure reason4:nopee")).await;
    let failed = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(failed, (TrackerError::Refused, "nope".to_owned()));

    let server = serve(|_| b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()).await;
    let failed = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(failed.0, TrackerError::NotATracker, "{}", failed.1);
}

#[tokio::test]
async fn refuses_answers_over_two_mebibytes_announced_or_not() {
    let server = serve(|_| ok(vec![b'd'; 3 << 20])).await;
    let (error, text) = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(error, TrackerError::BadAnswer);
    assert!(text.contains("2 MiB"), "{text}");

    let server = serve(|_| {
        let mut endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        (0..48).for_each(|_| {
            endless.extend(b"10000\r\n");
            endless.extend(vec![b'd'; 0x10000]);
            endless.extend(b"\r\n");
        });
        endless
    })
    .await;
    let (error, text) = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(error, TrackerError::BadAnswer);
    assert!(text.contains("2 MiB"), "{text}");
}

#[tokio::test]
async fn follows_five_redirects_and_no_sixth() {
    let hops = |limit: usize| async move {
        let asked = Mutex::new(0);
        let server = serve(move |_| {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            if *asked > limit { ok(ONE_PEER) } else { moved(&format!("/hop{}?pass=1", *asked)) }
        })
        .await;
        announce(&format!("http://{}/", server.addr)).await
    };
    assert_eq!(hops(5).await.unwrap().peers, the_peer());
    let (error, text) = error_of(hops(6).await);
    assert_eq!(error, TrackerError::RedirectRefused);
    assert!(!text.contains("pass"), "{text}");
    assert_eq!(error_of(hops(usize::MAX).await).0, TrackerError::RedirectRefused, "a loop ends");
}

#[tokio::test]
async fn goes_where_another_tracker_sends_it() {
    let target = serve(|_| ok(ONE_PEER)).await;
    let to = format!("http://{}/announce", target.addr);
    let server = serve(move |_| moved(&to)).await;
    assert_eq!(announce(&format!("http://{}/", server.addr)).await.unwrap().peers, the_peer());
    for to in ["ftp://127.0.0.1/", "file:///etc/passwd", "udp://127.0.0.1:1/", "gopher://x/"] {
        let server = serve(move |_| moved(to)).await;
        let failed = error_of(announce(&format!("http://{}/", server.addr)).await);
        assert_eq!(failed.0, TrackerError::RedirectRefused, "{to}");
    }
}

#[tokio::test]
async fn says_that_nothing_listens_or_nothing_answers() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = error_of(announce(&format!("http://{closed}/")).await);
    assert_eq!(failed, (TrackerError::ConnectFailed, "connection refused: nothing listens there".to_owned()));

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { http_timeout: Duration::from_millis(200), ..Settings::default() };
    let failed =
        error_of(announce_with(settings, &format!("http://{}/", silent.local_addr().unwrap())).await);
    assert_eq!(failed, (TrackerError::Timeout, "no answer within 0.2 s".to_owned()));

    let server = serve(|_| Vec::new()).await;
    let failed = error_of(announce(&format!("http://{}/", server.addr)).await);
    assert_eq!(failed.0, TrackerError::ConnectFailed, "{}", failed.1);
}

/// A tracker of two addresses, of which each names a peer of its own.
async fn two_families() -> (Server, Server, Settings) {
    let four = serve(|_| ok(ONE_PEER)).await;
    let six = serve_at(Ipv6Addr::LOCALHOST.into(), four.addr.port(), None, |_| {
        ok(b"d8:intervali900e6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50e")
    })
    .await;
    let known = [("t.example".to_owned(), vec![four.addr.ip(), six.addr.ip()])];
    let settings = Settings { known_names: known.into(), ..Settings::default() };
    (four, six, settings)
}

#[tokio::test]
async fn announces_over_both_families_with_one_key() {
    let (mut four, mut six, settings) = two_families().await;
    let answer = announce_with(settings, &format!("http://t.example:{}/", four.addr.port())).await.unwrap();
    assert_eq!(answer.announced.peers, 2);
    assert!(answer.peers.iter().any(SocketAddr::is_ipv4) && answer.peers.iter().any(SocketAddr::is_ipv6));
    for head in [four.heads.recv().await.unwrap(), six.heads.recv().await.unwrap()] {
        assert!(head.contains("&key=0000BEEF&") && head.contains("t.example"), "{head}");
    }
}

#[tokio::test]
async fn one_family_that_fails_does_not_matter() {
    let (four, six, settings) = two_families().await;
    let url = format!("http://t.example:{}/", four.addr.port());
    six.task.abort();
    drop(six);
    let client = client(settings);
    let deadline = Instant::now() + LONG;
    loop {
        let answer = client.announce(&url, &params()).await.unwrap();
        if answer.peers == the_peer() {
            break;
        }
        assert!(Instant::now() < deadline, "the aborted server goes on answering");
    }
}

/// A certificate for `t.example` and 127.0.0.1 that signs itself: as PEM, and a server's half of it.
fn certificate() -> (String, TlsAcceptor) {
    let names = ["t.example".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = rustls::crypto::ring::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn serve_secured(
    respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (Server, Settings, String) {
    let (pem, tls) = certificate();
    let server = serve_at(Ipv4Addr::LOCALHOST.into(), 0, Some(tls), respond).await;
    let known = [("t.example".to_owned(), vec![server.addr.ip()])];
    let trusting = Settings {
        only_trust_pem: Some(pem.clone().into_bytes()),
        known_names: known.into(),
        ..Settings::default()
    };
    (server, trusting, pem)
}

#[tokio::test]
async fn announces_over_https_to_whom_it_can_trust() {
    let (server, trusting, _) = serve_secured(|_| ok(ONE_PEER)).await;
    let url = format!("https://t.example:{}/announce", server.addr.port());
    assert_eq!(announce_with(trusting.clone(), &url).await.unwrap().peers, the_peer());

    let (other, ..) = certificate();
    let distrusting = Settings { only_trust_pem: Some(other.into_bytes()), ..trusting.clone() };
    let (error, text) = error_of(announce_with(distrusting, &url).await);
    assert_eq!(error, TrackerError::TlsFailed);
    assert!(text.contains("certificate"), "{text}");

    let known = [("other.example".to_owned(), vec![server.addr.ip()])];
    let misnamed = Settings { known_names: known.into(), ..trusting };
    let (error, text) = error_of(announce_with(misnamed, &url.replace("t.example", "other.example")).await);
    assert_eq!(error, TrackerError::TlsFailed, "{text}");
}

#[tokio::test]
async fn fails_where_https_is_not_spoken() {
    let server = serve(|_| ok(ONE_PEER)).await;
    let (_, trusting, _) = serve_secured(|_| Vec::new()).await;
    let wrong = format!("https://t.example:{}/", server.addr.port());
    let plain = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(plain).await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let failed = error_of(
        announce_with(trusting.clone(), &wrong.replace(&server.addr.port().to_string(), &port.to_string()))
            .await,
    );
    assert_eq!(failed.0, TrackerError::TlsFailed, "{}", failed.1);
    answering.abort();
}

#[tokio::test]
async fn never_goes_from_https_to_http() {
    let plain = serve(|_| ok(ONE_PEER)).await;
    let to = format!("http://{}/", plain.addr);
    let (server, trusting, _) = serve_secured(move |_| moved(&to)).await;
    let (error, text) = error_of(
        announce_with(trusting.clone(), &format!("https://t.example:{}/", server.addr.port())).await,
    );
    assert_eq!(error, TrackerError::RedirectRefused);
    assert!(text.contains("https to http"), "{text}");

    // The other way round is welcome.
    let (secured, trusting, _) = serve_secured(|_| ok(ONE_PEER)).await;
    let to = format!("https://t.example:{}/", secured.addr.port());
    let plain = serve(move |_| moved(&to)).await;
    let answer = announce_with(trusting, &format!("http://{}/", plain.addr)).await.unwrap();
    assert_eq!(answer.peers, the_peer());
}

/// Run as a test of its own it has nothing to do; the next one runs it in a process with certificates of its own.
#[tokio::test]
async fn announces_over_https_as_a_second_process() {
    if let Ok(url) = std::env::var(CHILD_URL) {
        assert_eq!(announce(&url).await.unwrap().peers, the_peer());
    }
}

#[tokio::test]
async fn trusts_the_certificates_that_the_system_trusts() {
    let (mut server, _, pem) = serve_secured(|_| ok(ONE_PEER)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, pem).unwrap();
    let url = format!("https://127.0.0.1:{}/announce", server.addr.port());
    let run = |file: std::path::PathBuf| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "engine::tracker::tests::http::announces_over_https_as_a_second_process"]);
        child.env(CHILD_URL, &url).env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
        tokio::task::spawn_blocking(move || child.output().unwrap())
    };
    let output = run(file).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let head = server.heads.recv().await.unwrap();
    assert!(head.starts_with("GET /announce?info_hash="), "{head}");

    let (other, ..) = certificate();
    let wrong = folder.path().join("others.pem");
    std::fs::write(&wrong, other).unwrap();
    let output = run(wrong).await.unwrap();
    assert!(!output.status.success(), "a certificate of a stranger was taken");
}
