//! A torrent, trackers and peers that say what they should not.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use ttui::metainfo::{InfoHash, PeerId};
use ttui::wire::{Handshake, Message, Reserved};

use super::fields::{mark, quiet_words, words};
use super::pty::position;
use super::support::{Heard, Lab, Payload, Recipe, Reply, Tracker, Wire};

const PIECE: usize = 32 * 1024;

/// All of them, as long as this is kept.
pub(crate) struct Swarm {
    pub(crate) torrent: PathBuf,
    /// One that shakes hands and one that does not.
    pub(crate) peers: [SocketAddr; 2],
    _trackers: Vec<Tracker>,
    _tasks: JoinSet<()>,
}

impl Swarm {
    pub(crate) async fn set(lab: &Lab) -> Self {
        let mut tasks = JoinSet::new();
        let trackers = trackers().await;
        let mut urls: Vec<String> = trackers.iter().map(Tracker::url).collect();
        urls.push(udp_tracker(&mut tasks).await);
        urls.push(format!("http://{}/announce", quiet_words("torrent: address of a tracker")));
        let payload = payload(&urls);
        let torrent = lab.write("it.torrent", &with_words(&payload.torrent_bytes));
        let named = named(&mut tasks, payload.info_hash()).await;
        let nonsense = nonsense(&mut tasks).await;
        Self { torrent, peers: [named, nonsense], _trackers: trackers, _tasks: tasks }
    }
}

fn payload(urls: &[String]) -> Arc<Payload> {
    let path = format!("{}.bin", words("torrent: path of a file"));
    let recipe =
        Recipe::files(&words("torrent: name"), &[(path.as_str(), 3 * PIECE), ("plain", PIECE)], PIECE);
    urls.iter().fold(recipe, |recipe, url| recipe.tier(&[url])).make()
}

/// The torrent with the texts that stand outside `info`.
fn with_words(torrent: &[u8]) -> Vec<u8> {
    let info = position(torrent, b"4:infod").unwrap();
    let mut made = torrent[..info].to_vec();
    for (key, words) in [("comment", words("torrent: comment")), ("created by", words("torrent: created by"))]
    {
        made.extend(format!("{}:{key}{}:{words}", key.len(), words.len()).bytes());
    }
    made.extend(&torrent[info..torrent.len() - 1]);
    let seed = format!("http://w.example/{}", quiet_words("torrent: web seed"));
    made.extend(format!("8:url-list{}:{seed}e", seed.len()).bytes());
    made
}

async fn trackers() -> Vec<Tracker> {
    let body = |status: String, body: Vec<u8>| Reply::Body(Box::leak(status.into_boxed_str()), body);
    let ok = |text: String| body("200 OK".to_owned(), text.into_bytes());
    let string = |text: String| format!("{}:{text}", text.len());
    let warning = string(words("tracker: warning message"));
    let id = string(words("tracker: tracker id"));
    // A scheme that nobody speaks; of the rest nothing may be told, as it may hold a passkey.
    let target = format!("{}://x", mark("tracker: where it sends us"));
    let replies = [
        Reply::refusal(&words("tracker: failure reason")),
        ok(format!("d8:intervali900e5:peers0:10:tracker id{id}15:warning message{warning}e")),
        ok(format!("<html><title>{}</title>", words("tracker: title of a web page"))),
        ok(quiet_words("tracker: what is no answer")),
        body(format!("302 Found\r\nLocation: {target}\u{202e}"), Vec::new()),
        body(format!("404 {}", words("tracker: words of its status").replace(['\r', '\n'], " ")), Vec::new()),
    ];
    let mut trackers = Vec::new();
    for reply in replies {
        trackers.push(Tracker::http(reply).await);
    }
    trackers
}

/// One that refuses in words, to whoever asks.
async fn udp_tracker(tasks: &mut JoinSet<()>) -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("udp://{}/announce", socket.local_addr().unwrap());
    tasks.spawn(async move {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let transaction = packet[..length].get(12..16).unwrap_or(&[0; 4]);
            let words = words("tracker: error over UDP");
            let answer = [&3u32.to_be_bytes(), transaction, words.as_bytes()].concat();
            let _ = socket.send_to(&answer, from).await;
        }
    });
    url
}

/// A peer that names itself badly, twice, and has everything.
async fn named(tasks: &mut JoinSet<()>, info_hash: InfoHash) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut id = *b"-TR4060-q00z\x1b]0;x\x07\x9b\xe2";
    id[8..12].copy_from_slice(mark("peer: id").as_bytes());
    let reserved = Reserved([0, 0, 0, 0, 0, 0x10, 0, 0]);
    let handshake = Handshake { reserved, info_hash, peer_id: PeerId(id) };
    let (extension, client) = (words("peer: name of an extension"), words("peer: what it calls itself"));
    let payload = format!("d1:md{}:{extension}i3ee1:v{}:{client}e", extension.len(), client.len());
    let extended = Message::Extended { id: 0, payload: payload.into_bytes().into() };
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let extended = extended.clone();
            tokio::spawn(async move {
                if let Some(mut wire) = Wire::answer(stream, &handshake).await {
                    wire.say(&[extended, Message::Bitfield(vec![0xf0].into())]).await;
                    while wire.read().await != Heard::End {}
                }
            });
        }
    });
    addr
}

/// One that answers with words instead of a handshake.
async fn nonsense(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut wire = Wire::new(stream);
            tokio::spawn(async move {
                if wire.handshake().await.is_some() {
                    wire.raw(words("peer: what is no handshake").as_bytes()).await;
                }
            });
        }
    });
    addr
}
