//! Trackers on loopback, over HTTP, HTTPS and UDP, that remember what they were told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::percent::percent_decoded;
use super::soon;

/// One announce, as a tracker understood it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Asked {
    /// `started`, `completed`, `stopped`, or nothing.
    pub(crate) event: String,
    pub(crate) info_hash: Vec<u8>,
    pub(crate) peer_id: Vec<u8>,
    pub(crate) port: u16,
    pub(crate) uploaded: u64,
    pub(crate) downloaded: u64,
    pub(crate) left: u64,
    pub(crate) key: String,
    pub(crate) numwant: i64,
    /// What the URL asked for: all of it over HTTP, what BEP 41 brings over UDP.
    pub(crate) url: String,
    /// Over HTTP: every parameter, decoded.
    pub(crate) params: BTreeMap<String, Vec<u8>>,
}

/// How a tracker answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// As trackers do today: `peers` and `peers6` as strings.
    Compact(Vec<SocketAddr>),
    /// As trackers did once: a list of dictionaries.
    Dictionaries(Vec<SocketAddr>),
    /// An HTTP status and these bytes.
    Body(&'static str, Vec<u8>),
    /// It takes the request and never answers.
    Silence,
    /// Over HTTP: it answers after so long, and names nobody. Over UDP: never.
    Late(Duration),
}

impl Reply {
    pub(crate) fn nobody() -> Self {
        Self::Compact(Vec::new())
    }

    pub(crate) fn refusal(words: &str) -> Self {
        Self::Body("200 OK", format!("d14:failure reason{}:{words}e", words.len()).into_bytes())
    }
}

/// A tracker; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(crate) addr: SocketAddr,
    scheme: &'static str,
    asked: watch::Receiver<Vec<Asked>>,
    reply: Arc<Mutex<Reply>>,
    _task: JoinSet<()>,
}

#[derive(Clone)]
struct Desk {
    asked: watch::Sender<Vec<Asked>>,
    reply: Arc<Mutex<Reply>>,
}

/// A certificate for names, and what a client has to trust to believe it.
pub(crate) struct Certificate {
    acceptor: TlsAcceptor,
    pub(crate) pem: String,
}

impl Certificate {
    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self::made(rcgen::CertificateParams::new(owned(names)).unwrap())
    }

    /// One whose time is over.
    pub(crate) fn expired(names: &[&str]) -> Self {
        let mut params = rcgen::CertificateParams::new(owned(names)).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        Self::made(params)
    }

    fn made(params: rcgen::CertificateParams) -> Self {
        let key_pair = rcgen::KeyPair::generate().unwrap();
        let cert = params.self_signed(&key_pair).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_pair.serialize_der()));
        let provider = rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: cert.pem() }
    }
}

impl Tracker {
    pub(crate) async fn http(reply: Reply) -> Self {
        Self::http_at(Ipv4Addr::LOCALHOST, reply).await
    }

    pub(crate) async fn http_at(ip: Ipv4Addr, reply: Reply) -> Self {
        Self::over_tcp("http", ip, None, reply).await
    }

    pub(crate) async fn https(certificate: &Certificate, reply: Reply) -> Self {
        Self::over_tcp("https", Ipv4Addr::LOCALHOST, Some(certificate.acceptor.clone()), reply).await
    }

    async fn over_tcp(scheme: &'static str, ip: Ipv4Addr, tls: Option<TlsAcceptor>, reply: Reply) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self::open(scheme, addr, reply, |desk| async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (desk, tls) = (desk.clone(), tls.clone());
                served.spawn(async move {
                    match tls {
                        None => converse(stream, &desk).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => converse(stream, &desk).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        })
    }

    pub(crate) async fn udp(reply: Reply) -> Self {
        Self::udp_at(Ipv4Addr::LOCALHOST.into(), reply).await.unwrap()
    }

    /// `None` where the machine has no IPv6.
    pub(crate) async fn udp_over_ipv6(reply: Reply) -> Option<Self> {
        Self::udp_at(Ipv6Addr::LOCALHOST.into(), reply).await
    }

    async fn udp_at(ip: std::net::IpAddr, reply: Reply) -> Option<Self> {
        let socket = UdpSocket::bind((ip, 0)).await.ok()?;
        let addr = socket.local_addr().unwrap();
        Some(Self::open("udp", addr, reply, |desk| datagrams(socket, desk)))
    }

    fn open<F>(scheme: &'static str, addr: SocketAddr, reply: Reply, serve: impl FnOnce(Desk) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (asked_to, asked) = watch::channel(Vec::new());
        let reply = Arc::new(Mutex::new(reply));
        let mut task = JoinSet::new();
        task.spawn(serve(Desk { asked: asked_to, reply: Arc::clone(&reply) }));
        Self { addr, scheme, asked, reply, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        self.url_with("/announce")
    }

    pub(crate) fn url_with(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.addr)
    }

    /// How it answers from now on.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// Every announce so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// The events so far, in order; nothing for an announce without one.
    pub(crate) fn events(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|asked| asked.event.clone()).collect()
    }

    /// Waits for an announce with this event.
    pub(crate) async fn until(&self, event: &str) -> Asked {
        let mut asked = self.asked.clone();
        let find = async {
            let told = asked.wait_for(|asked| asked.iter().any(|asked| asked.event == event)).await.unwrap();
            told.iter().find(|asked| asked.event == event).unwrap().clone()
        };
        soon(&format!("the tracker hears `{event}`"), find).await
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, desk: &Desk) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let url = head.split(' ').nth(1)?.to_owned();
    let reply = desk.reply.lock().unwrap().clone();
    desk.asked.send_modify(|asked| asked.push(of_url(url)));
    let (status, body) = match reply {
        Reply::Compact(peers) => ("200 OK", answer(&compact(&peers))),
        Reply::Dictionaries(peers) => ("200 OK", answer(&dictionaries(&peers))),
        Reply::Body(status, body) => (status, body),
        Reply::Silence => std::future::pending().await,
        Reply::Late(after) => {
            tokio::time::sleep(after).await;
            ("200 OK", answer(&compact(&[])))
        }
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
    stream.shutdown().await.ok()
}

fn of_url(url: String) -> Asked {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let params: BTreeMap<String, Vec<u8>> =
        pairs.map(|(name, value)| (name.to_owned(), percent_decoded(value))).collect();
    let bytes = |name: &str| params.get(name).cloned().unwrap_or_default();
    let text = |name: &str| String::from_utf8(bytes(name)).unwrap();
    let number = |name: &str| text(name).parse().unwrap_or(u64::MAX);
    Asked {
        event: text("event"),
        info_hash: bytes("info_hash"),
        peer_id: bytes("peer_id"),
        port: text("port").parse().unwrap_or_default(),
        uploaded: number("uploaded"),
        downloaded: number("downloaded"),
        left: number("left"),
        key: text("key"),
        numwant: text("numwant").parse().unwrap_or(-1),
        url,
        params,
    }
}

fn answer(peers: &[u8]) -> Vec<u8> {
    [b"d8:completei5e10:incompletei7e8:intervali900e", peers, b"e"].concat()
}

fn of_family(peers: &[SocketAddr], is_v4: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for peer in peers {
        match peer {
            SocketAddr::V4(peer) if is_v4 => out.extend(peer.ip().octets()),
            SocketAddr::V6(peer) if !is_v4 => out.extend(peer.ip().octets()),
            _ => continue,
        }
        out.extend(peer.port().to_be_bytes());
    }
    out
}

fn compact(peers: &[SocketAddr]) -> Vec<u8> {
    let (v4, v6) = (of_family(peers, true), of_family(peers, false));
    let mut out = format!("5:peers{}:", v4.len()).into_bytes();
    out.extend(v4);
    if !v6.is_empty() {
        out.extend(format!("6:peers6{}:", v6.len()).bytes());
        out.extend(v6);
    }
    out
}

fn dictionaries(peers: &[SocketAddr]) -> Vec<u8> {
    let mut out = b"5:peersl".to_vec();
    for peer in peers {
        let ip = peer.ip().to_string();
        out.extend(
            format!("d2:ip{}:{ip}7:peer id20:-XX0001-0123456789ab4:porti{}ee", ip.len(), peer.port()).bytes(),
        );
    }
    out.push(b'e');
    out
}

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;
const MAGIC: u64 = 0x417_2710_1980;

async fn datagrams(socket: UdpSocket, desk: Desk) {
    let mut given: Vec<u64> = Vec::new();
    let mut packet = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let packet = &packet[..length];
        if length < 16 {
            continue;
        }
        let (id, action) = (u64_at(packet, 0), u32_at(packet, 8));
        let transaction = &packet[12..16];
        let reply = match action {
            CONNECT if id == MAGIC => {
                let id = 0x1000_0001 * (given.len() as u64 + 1);
                given.push(id);
                [&CONNECT.to_be_bytes()[..], transaction, &id.to_be_bytes()].concat()
            }
            ANNOUNCE if length >= 98 && given.contains(&id) => {
                desk.asked.send_modify(|asked| asked.push(of_packet(packet)));
                match desk.reply.lock().unwrap().clone() {
                    Reply::Compact(peers) | Reply::Dictionaries(peers) => {
                        let mut out = [&ANNOUNCE.to_be_bytes()[..], transaction].concat();
                        [900u32, 7, 5].iter().for_each(|number| out.extend(number.to_be_bytes()));
                        out.extend(of_family(&peers, from.is_ipv4()));
                        out
                    }
                    Reply::Body(_, body) => body,
                    Reply::Silence | Reply::Late(_) => continue,
                }
            }
            _ => [&ERROR.to_be_bytes()[..], transaction, b"unknown connection id"].concat(),
        };
        let _ = socket.send_to(&reply, from).await;
    }
}

fn u32_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
}

fn u64_at(packet: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(packet[at..at + 8].try_into().unwrap())
}

fn of_packet(packet: &[u8]) -> Asked {
    let events = ["", "completed", "started", "stopped"];
    Asked {
        event: events[u32_at(packet, 80) as usize].to_owned(),
        info_hash: packet[16..36].to_vec(),
        peer_id: packet[36..56].to_vec(),
        downloaded: u64_at(packet, 56),
        left: u64_at(packet, 64),
        uploaded: u64_at(packet, 72),
        key: format!("{:08X}", u32_at(packet, 88)),
        numwant: i64::from(u32_at(packet, 92) as i32),
        port: u16::from_be_bytes(packet[96..98].try_into().unwrap()),
        url: url_data(&packet[98..]),
        params: BTreeMap::new(),
    }
}

/// The URL in the options behind an announce (BEP 41).
fn url_data(mut options: &[u8]) -> String {
    let mut url = Vec::new();
    while let [kind, rest @ ..] = options {
        options = match (kind, rest) {
            (1, rest) => rest,
            (2, [length, rest @ ..]) => {
                let (text, rest) = rest.split_at(usize::from(*length));
                url.extend(text);
                rest
            }
            _ => break,
        };
    }
    String::from_utf8(url).unwrap()
}
