//! Every cause of dialling, handshakes, the protocol and service, provoked over real sockets.
//!
//! [`TABLE`] says how each is provoked and who names it. No cause of these groups may be missing from it, and no row
//! of it from the test that provokes it.

use std::collections::BTreeSet;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use ttui::engine::{CheckOptions, Options, check};
use ttui::event::Cause;
use ttui::metainfo::InfoHash;
use ttui::swarm::EncryptionPolicy;
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Message};

use crate::peers::{
    PIECE, answers, black_hole, handshake, listen_only, message, over_utp_only, payload, peer_of,
    program_check, serve, talks,
};
use crate::support::namespace::{self, Place};
use crate::support::program::{Output, command};
use crate::support::{
    Gives, Heard, Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker, Wire, nobody_at, soon, until,
};

/// Who names a cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// `check --json`, of all these peers at once.
    Check,
    /// The same, of addresses in a namespace's routes.
    Routes,
    /// `check --json --encryption require`.
    Encrypted,
    /// `check --json` on a machine that lacks something.
    Machine,
    /// `check`, of who calls it.
    Called,
    /// `check --json`, of itself.
    Itself,
    /// A download, or a seed.
    Download,
    /// `check --json` of a magnet.
    Magnet,
}

/// Brings loopback up and lays routes to where nobody is: no route, one forbidden, one on which packets vanish.
const ROUTES: &str = "ip link set lo up && ip route add unreachable 10.1.0.0/16 && ip route add prohibit 10.2.0.0/16 \
                      && ip addr add 10.8.0.1/32 dev lo && ip route add 10.9.0.0/16 dev lo src 10.8.0.1";

use By::{Called, Check, Download, Encrypted, Itself, Machine, Magnet, Routes};

const TABLE: &[(Cause, By, &str)] = &[
    (Cause::InvalidAddress, Routes, "multicast"),
    (Cause::InvalidAddress, Routes, "multicast over IPv6"),
    (Cause::InvalidAddress, Routes, "broadcast"),
    (Cause::InvalidAddress, Routes, "link-local without its interface"),
    // Dialling.
    (Cause::ConnectTimeout, Check, "takes no connection"),
    (Cause::ConnectTimeout, Routes, "packets vanish on the way"),
    (Cause::ConnectionRefused, Check, "nobody listens on the port"),
    (Cause::HostUnreachable, Routes, "a router says it is unreachable"),
    (Cause::NetworkUnreachable, Routes, "no route over IPv4"),
    (Cause::NetworkUnreachable, Routes, "no route over IPv6"),
    (Cause::PermissionDenied, Routes, "a rule forbids it"),
    (Cause::NoLocalPorts, Machine, "no port is left to dial from"),
    (Cause::TooManyOpenFiles, Machine, "no file is left to open"),
    (Cause::TransportBlocked, Check, "nobody listens over TCP, and somebody over uTP"),
    // Handshakes.
    (Cause::ClosedBeforeHandshake, Check, "closes on our handshake"),
    (Cause::ResetBeforeHandshake, Check, "resets on our handshake"),
    (Cause::HandshakeTimeout, Check, "opens and is silent"),
    (Cause::HandshakeTruncated, Check, "stalls half way"),
    (Cause::HandshakeTruncated, Check, "closes a byte before its end"),
    (Cause::HandshakeTruncated, Check, "sends one byte, and that right"),
    (Cause::HandshakeTruncated, Check, "drips too slowly"),
    (Cause::NotBittorrent, Check, "HTTP"),
    (Cause::NotBittorrent, Check, "TLS"),
    (Cause::NotBittorrent, Check, "SSH"),
    (Cause::NotBittorrent, Check, "SMTP"),
    (Cause::NotBittorrent, Check, "FTP"),
    (Cause::NotBittorrent, Check, "random bytes"),
    (Cause::NotBittorrent, Check, "zeros"),
    (Cause::NotBittorrent, Check, "escape sequences"),
    (Cause::NotBittorrent, Check, "a wrong last letter"),
    (Cause::InfoHashMismatch, Check, "answers for another torrent"),
    (Cause::InfoHashMismatch, Check, "answers for another torrent in 48 bytes"),
    (Cause::UnknownInfoHash, Called, "calls for another torrent"),
    (Cause::SelfConnection, Itself, "our own address"),
    (Cause::DuplicatePeerId, Check, "two of one peer id"),
    (Cause::EncryptionRequired, Check, "hangs up on all but encryption"),
    (Cause::EncryptionFailed, Encrypted, "answers with a key of zeros"),
    (Cause::EncryptionFailed, Encrypted, "answers with noise"),
    (Cause::EncryptionMismatch, Encrypted, "speaks plainly at once"),
    (Cause::EncryptionMismatch, Called, "calls plainly where encryption is required"),
    // The protocol.
    (Cause::MessageTooLarge, Check, "a message of 2 GiB"),
    (Cause::BadMessage, Check, "a message of a wrong length"),
    (Cause::BadBitfield, Check, "spare bits"),
    (Cause::BadBitfield, Check, "a bitfield too long"),
    (Cause::PieceOutOfRange, Check, "has a piece there is not"),
    (Cause::PieceOutOfRange, Check, "sends data of a piece there is not"),
    (Cause::UnrequestedBlock, Check, "sends data nobody asked for"),
    (Cause::BadExtensionMessage, Check, "a broken extension handshake"),
    (Cause::RequestFlood, Check, "a flood of requests"),
    // Service.
    (Cause::NeverUnchoked, Check, "never unchokes"),
    (Cause::Snubbed, Check, "unchokes and sends nothing"),
    (Cause::NotInteresting, Check, "has nothing"),
    (Cause::NotInteresting, Check, "drips its handshake a byte at a time, and has nothing"),
    (Cause::BothSeeds, Download, "has everything, as we do"),
    (Cause::IdleTimeout, Download, "says nothing for too long"),
    (Cause::HashFailures, Check, "sends wrong data"),
    // Ended by the other side.
    (Cause::ClosedAfterHandshake, Check, "shakes hands and hangs up"),
    (Cause::ClosedByPeer, Check, "leaves later"),
    (Cause::ResetByPeer, Check, "resets later"),
    // Metadata.
    (Cause::MetadataRefused, Magnet, "refuses the metadata"),
    (Cause::MetadataWrong, Magnet, "gives metadata of another hash"),
    (Cause::MetadataWrong, Magnet, "claims more metadata than anybody takes"),
    (Cause::MetadataSilent, Magnet, "is asked for the metadata and says nothing"),
];

/// Peers, each with the row of the table that it shows.
struct Swarm {
    by: By,
    peers: Vec<(&'static str, SocketAddr)>,
}

impl Swarm {
    fn new(by: By) -> Self {
        Self { by, peers: Vec::new() }
    }

    fn add(&mut self, how: &'static str, addr: SocketAddr) {
        self.peers.push((how, addr));
    }

    fn at(&self, how: &str) -> SocketAddr {
        self.peers.iter().find(|(name, _)| *name == how).unwrap().1
    }

    /// `--peer` for each.
    fn arguments(&self) -> Vec<String> {
        self.peers.iter().flat_map(|(_, addr)| ["--peer".to_owned(), addr.to_string()]).collect()
    }

    /// Everybody has the cause of its row, and no row is without somebody.
    fn assert_named(&self, report: &Value) {
        let shown: Vec<&str> = self.peers.iter().map(|(how, _)| *how).collect();
        assert_shown(self.by, &shown);
        for (how, addr) in &self.peers {
            let (peer, cause) = (peer_of(report, *addr), expected(self.by, how));
            match cause {
                Cause::DuplicatePeerId => {}
                Cause::EncryptionRequired | Cause::TransportBlocked => {
                    assert_eq!(peer["attempts"][0]["resolved"], cause.info().code, "{how}: {peer:#}");
                }
                _ => assert_eq!(peer["cause"], cause.info().code, "{how}: {peer:#}"),
            }
        }
    }
}

/// The cause that the table names for it.
pub(crate) fn expected(by: By, how: &str) -> Cause {
    let row = TABLE.iter().find(|row| row.1 == by && row.2 == how);
    row.unwrap_or_else(|| panic!("{by:?}: {how} is in the table")).0
}

/// What a test provokes is all that the table says it does.
pub(crate) fn assert_shown(by: By, shown: &[&str]) {
    let rows: BTreeSet<&str> = TABLE.iter().filter(|row| row.1 == by).map(|row| row.2).collect();
    assert_eq!(shown.iter().copied().collect::<BTreeSet<_>>(), rows, "{by:?}");
}

#[test]
fn no_cause_is_missing() {
    let place = |cause| Cause::ALL.iter().position(|other| *other == cause).unwrap();
    // They stand in the order of a connection's life.
    let groups = &Cause::ALL[place(Cause::ConnectTimeout)..=place(Cause::HashFailures)];
    assert!(groups.len() >= 31, "dialling, handshakes, protocol and service");
    let metadata = &Cause::ALL[place(Cause::MetadataRefused)..=place(Cause::MetadataSilent)];
    assert_eq!(metadata.len(), 3, "refused, wrong and silent");
    // A check tries each way to its end: no dial of it races another.
    let all = groups.iter().chain(metadata).chain([&Cause::TransportBlocked]);
    let all = all.filter(|cause| **cause != Cause::LostRace);
    let missing: Vec<&Cause> = all.filter(|cause| TABLE.iter().all(|row| row.0 != **cause)).collect();
    assert!(missing.is_empty(), "nobody provokes {missing:?}");
}

fn extended(payload: &[u8]) -> Vec<u8> {
    message(&Message::Extended { id: 0, payload: payload.to_vec().into() })
}

/// A block of zeros of this piece.
fn block(index: u32) -> Vec<u8> {
    let mut block = (9 + 16_384u32).to_be_bytes().to_vec();
    block.push(7);
    block.extend(index.to_be_bytes());
    block.extend(0u32.to_be_bytes());
    block.resize(block.len() + 16_384, 0);
    block
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(5);
    std::iter::repeat_with(|| random.u8(..)).take(bytes).collect()
}

/// Until the other side has had enough.
async fn read_on(stream: &mut TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// One that sends its handshake a byte at a time, and then nothing.
async fn drips(bytes: [u8; HANDSHAKE_BYTES], every: Duration) -> SocketAddr {
    serve(move |mut stream| async move {
        for byte in bytes {
            let _ = stream.write_all(&[byte]).await;
            sleep(every).await;
        }
        read_on(&mut stream).await;
    })
    .await
}

async fn add_strangers(swarm: &mut Swarm, ours: InfoHash) {
    swarm.add("nobody listens on the port", nobody_at().await);
    swarm.add("closes on our handshake", answers(b"").await);
    let resets = serve(|mut stream| async move {
        let _ = stream.read_exact(&mut [0; HANDSHAKE_BYTES]).await;
        stream.set_zero_linger().unwrap();
    });
    swarm.add("resets on our handshake", resets.await);
    swarm.add("opens and is silent", serve(|mut stream| async move { read_on(&mut stream).await }).await);
    let stalls = serve(move |mut stream| async move {
        let _ = stream.write_all(&handshake(ours, b's')[..30]).await;
        read_on(&mut stream).await;
    });
    swarm.add("stalls half way", stalls.await);
    swarm.add("closes a byte before its end", answers(&handshake(ours, b't')[..67]).await);
    swarm.add("sends one byte, and that right", answers(b"\x13").await);
    swarm.add("drips too slowly", drips(handshake(ours, b'd'), Duration::from_millis(300)).await);
    let other = handshake(InfoHash([9; 20]), b'o');
    swarm.add("answers for another torrent", answers(&other).await);
    swarm.add("answers for another torrent in 48 bytes", answers(&other[..48]).await);
    for (how, bytes) in [
        ("HTTP", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("TLS", b"\x15\x03\x01\0\x02\x02\x32"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        ("SMTP", b"220 mx.example.org ESMTP Postfix\r\n"),
        ("FTP", b"220 (vsFTPd 3.0.5)\r\n"),
        ("random bytes", &noise(96)),
        ("zeros", &[0; 68]),
        ("escape sequences", b"\x1b]0;owned\x07\x1b[2J"),
        ("a wrong last letter", b"\x13BitTorrent protocoL"),
    ] {
        swarm.add(how, answers(bytes).await);
    }
}

async fn add_talkers(swarm: &mut Swarm, payload: &Payload) {
    let all = message(&Message::Bitfield(vec![0xf0].into()));
    let unchoke = message(&Message::Unchoke);
    let request = message(&Message::Request(BlockSpec { index: 0, begin: 0, length: 16_384 }));
    let first: &[(&'static str, Vec<u8>)] = &[
        ("a message of 2 GiB", vec![0x7f, 0xff, 0xff, 0xff, 20]),
        ("a message of a wrong length", vec![0, 0, 0, 2, 4, 0]),
        ("spare bits", message(&Message::Bitfield(vec![0xff].into()))),
        ("a bitfield too long", message(&Message::Bitfield(vec![0xf0, 0].into()))),
        ("has a piece there is not", [&all[..], &message(&Message::Have(9))].concat()),
        ("sends data of a piece there is not", [&all[..], &block(77)].concat()),
        ("sends data nobody asked for", [&all[..], &block(1)].concat()),
        ("a broken extension handshake", extended(b"not bencode")),
        ("a flood of requests", request.repeat(3000)),
        ("never unchokes", all.clone()),
        ("unchokes and sends nothing", [&all[..], &unchoke].concat()),
        ("has nothing", unchoke.clone()),
    ];
    for ((how, first), name) in first.iter().zip(b'A'..) {
        swarm.add(how, talks(payload, name, first, listen_only).await);
    }
    for _ in 0..2 {
        swarm.add("two of one peer id", talks(payload, b'z', &all, listen_only).await);
    }
    let dripped = drips(handshake(payload.info_hash(), b'y'), Duration::from_millis(3)).await;
    swarm.add("drips its handshake a byte at a time, and has nothing", dripped);
    swarm.add("shakes hands and hangs up", talks(payload, b'h', b"", Wire::leave).await);
    let leaves = talks(payload, b'l', &all, |wire| async move {
        // Behind what it said first, so that something was said.
        sleep(Duration::from_millis(300)).await;
        wire.leave().await;
    });
    swarm.add("leaves later", leaves.await);
    let resets = talks(payload, b'r', &all, |wire| async move {
        sleep(Duration::from_millis(300)).await;
        wire.reset();
    });
    swarm.add("resets later", resets.await);
}

/// Addresses of the routes that [`namespace`] lays.
const ROUTED: &[(&str, &str)] = &[
    ("a router says it is unreachable", "10.1.0.1:5"),
    ("a rule forbids it", "10.2.0.1:5"),
    ("no route over IPv4", "10.3.0.1:5"),
    ("no route over IPv6", "[2001:db8::1]:5"),
    ("packets vanish on the way", "10.9.0.1:5"),
    ("multicast", "224.0.0.1:5"),
    ("multicast over IPv6", "[ff02::1]:5"),
    ("broadcast", "255.255.255.255:5"),
    ("link-local without its interface", "[fe80::1]:5"),
];

#[tokio::test(flavor = "multi_thread")]
async fn check_names_each_of_a_swarm_in_a_namespace() {
    let place = namespace::enter("causes::check_names_each_of_a_swarm_in_a_namespace", ROUTES);
    if place == Place::Done {
        return;
    }
    let payload = payload();
    let mut swarm = Swarm::new(Check);
    let (hole, _kept) = black_hole().await;
    swarm.add("takes no connection", hole);
    add_strangers(&mut swarm, payload.info_hash()).await;
    add_talkers(&mut swarm, &payload).await;
    let liar = Seed::start(&payload, Script { lies_about: (0..4).collect(), ..Script::default() }).await;
    swarm.add("sends wrong data", liar.addr);
    let encrypted = Some(EncryptionPolicy::Prefer);
    let encrypted = Seed::start(&payload, Script { encrypted, ..Script::default() }).await;
    swarm.add("hangs up on all but encryption", encrypted.addr);
    let from = Lab::new();
    payload.lay_out(&from.out());
    let mut ours = from.start(&payload, &[]);
    soon("the seed has looked at its files", ours.completed()).await.unwrap();
    let port = until(&ours, "the seed listens", |view| view.port).await;
    let over_utp = over_utp_only(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    swarm.add("nobody listens over TCP, and somebody over uTP", over_utp);
    let honest = Seed::honest(&payload).await;
    let mut routed = Swarm::new(Routes);
    ROUTED.iter().for_each(|(how, addr)| routed.add(how, addr.parse().unwrap()));

    let lab = Lab::new();
    let mut arguments = [swarm.arguments(), vec!["--peer".to_owned(), honest.addr.to_string()]].concat();
    if place == Place::Inside {
        arguments.extend(routed.arguments());
    }
    let mut command = command(&lab);
    command.args(["check", "--json", "--for", "60s"]).arg(lab.torrent(&payload)).args(arguments);
    let output = Program::spawn(&mut command).ended().await;
    assert_eq!((output.code(), output.stderr.as_slice()), (0, &[][..]));
    let report = &output.json()[0];
    swarm.assert_named(report);
    if place == Place::Inside {
        routed.assert_named(report);
        assert_routed(report, &routed);
    }
    assert_groups_and_stages(report, &swarm);
    assert_details(report, &swarm);

    let good = peer_of(report, honest.addr);
    assert_eq!(
        (&good["cause"], &good["stage"], &good["live"]),
        (&Value::Null, &json!("transferring"), &json!(true))
    );
    assert!(good["attempts"][0]["bytes_in"].as_u64().unwrap() > PIECE as u64, "{good:#}");
    // What it saw of us: no HAVE, nobody unchoked, one piece asked for.
    let seen = honest.seen();
    assert!(seen.messages.contains(&Message::Interested));
    assert!(!seen.messages.iter().any(|message| {
        matches!(message, Message::Have(_) | Message::Unchoke | Message::Bitfield(_) | Message::HaveAll)
    }));
    assert_eq!((honest.pieces_asked().len(), seen.requests.len()), (1, 2));
}

fn assert_routed(report: &Value, routed: &Swarm) {
    for (how, addr) in &routed.peers {
        let (peer, cause) = (peer_of(report, *addr), expected(Routes, how));
        let told = !matches!(cause, Cause::InvalidAddress | Cause::ConnectTimeout);
        assert_eq!(peer["attempts"][0]["error"].is_string(), told, "{how}: {peer:#}");
        let over = if cause == Cause::InvalidAddress { &[][..] } else { &["tcp", "utp"] };
        let tries = peer["attempts"].as_array().unwrap().iter();
        let tried: Vec<&Value> = tries.map(|tried| &tried["transport"]).collect();
        assert_eq!(tried, over, "{how}: where no peer can be nobody dials");
    }
}

fn assert_groups_and_stages(report: &Value, swarm: &Swarm) {
    for (how, addr) in &swarm.peers {
        let (peer, cause) = (peer_of(report, *addr), expected(Check, how));
        let tried = &peer["attempts"][0];
        let group = match cause {
            Cause::NeverUnchoked
            | Cause::Snubbed
            | Cause::NotInteresting
            | Cause::EncryptionRequired
            | Cause::TransportBlocked => "live",
            Cause::ClosedAfterHandshake | Cause::ClosedByPeer | Cause::ResetByPeer => "left",
            // Either of the two.
            Cause::DuplicatePeerId => continue,
            _ => "failed",
        };
        assert_eq!(
            (&peer["group"], &peer["live"]),
            (&json!(group), &json!(group == "live")),
            "{how}: {peer:#}"
        );
        let shook = cause > Cause::EncryptionMismatch && cause != Cause::TransportBlocked;
        match cause {
            Cause::ConnectTimeout | Cause::ConnectionRefused => {
                assert_eq!(peer["stage"], "dialling", "{how}")
            }
            Cause::EncryptionRequired | Cause::TransportBlocked => {}
            _ if shook => {
                assert!(
                    ["handshaken", "unchoked", "transferring"].contains(&peer["stage"].as_str().unwrap())
                );
                assert_ne!(tried["handshake_ms"], Value::Null, "{how}");
                assert_eq!(peer["peer_id"].as_str().unwrap().len(), 20, "{how}");
            }
            _ => assert_eq!(
                (&peer["stage"], &tried["cause"]),
                (&json!("handshake_sent"), &peer["cause"]),
                "{how}"
            ),
        }
        let unopened = [Cause::ConnectTimeout, Cause::ConnectionRefused, Cause::TransportBlocked];
        let opened = !unopened.contains(&cause);
        assert_eq!(tried["connect_ms"].is_u64(), opened, "{how}");
        if shook {
            assert!(tried["bytes_in"].as_u64().unwrap() >= 68, "{how}: {peer:#}");
            assert!(tried["bytes_out"].as_u64().unwrap() >= 68, "{how}: {peer:#}");
        }
    }
}

fn assert_details(report: &Value, swarm: &Swarm) {
    let at = |how| peer_of(report, swarm.at(how));
    for (how, like) in [
        ("HTTP", "http"),
        ("TLS", "tls"),
        ("SSH", "ssh"),
        ("SMTP", "smtp"),
        ("FTP", "ftp"),
        ("random bytes", "encrypted"),
        ("zeros", "zeros"),
        ("escape sequences", "unknown"),
        ("a wrong last letter", "unknown"),
    ] {
        assert_eq!(at(how)["looks_like"], like, "{how}");
    }
    let refused = &at("nobody listens on the port")["attempts"][0]["error"];
    assert!(refused.as_str().unwrap().contains("refused"), "{refused}");
    let web = at("HTTP")["detail"].as_str().unwrap();
    assert!(web.contains(r#""HTTP/1.1 400 Bad Request\r\n\r\n""#), "{web}");
    let slow = at("drips too slowly")["detail"].as_str().unwrap();
    assert!(slow.ends_with("of 68 bytes, then nothing more came"), "{slow}");
    let dripped = at("drips its handshake a byte at a time, and has nothing");
    assert_eq!(dripped["client"], "Transmission 4.0.6");
    let twins = swarm.peers.iter().filter(|(how, _)| *how == "two of one peer id");
    let causes: BTreeSet<&str> =
        twins.map(|(_, addr)| peer_of(report, *addr)["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["duplicate_peer_id", "never_unchoked"].into());
    let encrypted = at("hangs up on all but encryption");
    assert_eq!((&encrypted["cause"], &encrypted["stage"]), (&Value::Null, &json!("transferring")));
    let tries = &encrypted["attempts"];
    assert_eq!(
        (&tries[0]["encryption"], &tries[0]["cause"]),
        (&json!("plain"), &json!("closed_before_handshake"))
    );
    assert_eq!((&tries[1]["encryption"], &tries[1]["payload"]), (&json!("mse"), &json!("plain")));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_each_way_encryption_fails() {
    let payload = payload();
    let ours = payload.info_hash();
    let mut swarm = Swarm::new(Encrypted);
    let says = |bytes: Vec<u8>| {
        serve(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                let _ = stream.write_all(&bytes).await;
                read_on(&mut stream).await;
            }
        })
    };
    swarm.add("answers with a key of zeros", says(vec![0; 96]).await);
    swarm.add("answers with noise", says(noise(96 + 2000)).await);
    swarm.add("speaks plainly at once", says(handshake(ours, b'p').to_vec()).await);
    let lab = Lab::new();
    let peers = swarm.arguments();
    let mut more = vec!["--json", "--encryption", "require", "--transport", "tcp"];
    more.extend(peers.iter().map(String::as_str));
    let output = program_check(&lab, &payload, &more).await;
    assert_eq!((output.code(), output.stderr.len()), (1, 0));
    let report = &output.json()[0];
    swarm.assert_named(report);
    for (how, addr) in &swarm.peers {
        let tries = peer_of(report, *addr)["attempts"].as_array().unwrap();
        assert_eq!((tries.len(), &tries[0]["encryption"]), (1, &json!("mse")), "{how}");
    }
    for (how, detail) in [("answers with a key of zeros", "bad_key"), ("answers with noise", "no_sync")] {
        assert_eq!(peer_of(report, swarm.at(how))["detail"], detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_who_withholds_the_metadata_of_a_magnet() {
    let payload = payload();
    let info = payload.torrent.public_info().unwrap().here().unwrap();
    let mut swarm = Swarm::new(Magnet);
    let mut kept = Vec::new();
    for (how, gives) in [
        ("refuses the metadata", Gives::Refuses),
        ("gives metadata of another hash", Gives::Wrong),
        ("is asked for the metadata and says nothing", Gives::Nothing),
    ] {
        let script = Script { metadata: Some((info.clone(), gives)), ..Script::default() };
        let seed = Seed::start(&payload, script).await;
        swarm.add(how, seed.addr);
        kept.push(seed);
    }
    let claims = extended(b"d1:md11:ut_metadatai3ee13:metadata_sizei4294967295ee");
    let claims = talks(&payload, b'c', &claims, listen_only).await;
    swarm.add("claims more metadata than anybody takes", claims);
    let lab = Lab::new();
    let link = format!("magnet:?xt=urn:btih:{}", payload.info_hash());
    let mut command = command(&lab);
    command.args(["check", "--json", "--for", "60s", &link]).args(swarm.arguments());
    let output = Program::spawn(&mut command).ended().await;
    assert_eq!((output.code(), output.stderr.as_slice()), (0, &[][..]));
    let report = &output.json()[0];
    swarm.assert_named(report);
    let detail = |how| peer_of(report, swarm.at(how))["detail"].as_str().unwrap();
    let wrong = detail("gives metadata of another hash");
    assert_eq!(wrong, "the hash of what it gave is not that of the magnet");
    let claimed = detail("claims more metadata than anybody takes");
    assert_eq!(claimed, "it claims 4294967295 bytes, and more than 64 MiB are not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_what_this_machine_lacks() {
    if !namespace::possible() {
        return;
    }
    let (payload, lab) = (payload(), Lab::new());
    let torrent = lab.torrent(&payload);
    let cause = |output: &Output| {
        let report = output.json().pop()?;
        Some(report["peers"][0]["cause"].as_str().unwrap().to_owned())
    };
    let run = async |setup: &str| {
        let mut command = namespace::command_after(&lab, &format!("ip link set lo up && {setup}"));
        command.args(["check", "--json", "--peer", "127.0.0.1:9"]).arg(&torrent);
        Program::spawn(&mut command).ended().await
    };
    // The one port there is, it listens on.
    let output = run("echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range").await;
    let how = "no port is left to dial from";
    assert_eq!(cause(&output).as_deref(), Some(expected(Machine, how).info().code), "{output:?}");

    // The connection is the last thing it opens: with one file less than it needs there is all but that.
    let how = "no file is left to open";
    let mut causes = BTreeSet::new();
    for files in 6..64 {
        causes.extend(cause(&run(&format!("ulimit -n {files}")).await));
        if causes.contains(Cause::ConnectionRefused.info().code) {
            break;
        }
    }
    let all = [expected(Machine, how), Cause::ConnectionRefused].map(|cause| cause.info().code.to_owned());
    assert_eq!(causes, all.into());
    assert_shown(Machine, &["no port is left to dial from", how]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_who_calls_in_vain() {
    let calls = [
        ("calls for another torrent", EncryptionPolicy::PreferPlain, InfoHash([9; 20])),
        ("calls plainly where encryption is required", EncryptionPolicy::Require, payload().info_hash()),
    ];
    for (how, encryption, wanted) in calls {
        let tracker = Tracker::http(Reply::nobody()).await;
        let silent = Tracker::http(Reply::Silence).await;
        let payload =
            Recipe::file("it", 4 * PIECE, PIECE).tier(&[&tracker.url()]).tier(&[&silent.url()]).make();
        let time = Duration::from_secs(2);
        let options = CheckOptions { loopback: true, time, encryption, ..CheckOptions::default() };
        let running = tokio::spawn(check(payload.torrent.clone(), options, pending()));
        let port = tracker.until("started").await.port;
        let mut caller = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        caller.write_all(&handshake(wanted, b'o')).await.unwrap();
        let view = soon("the check ends", running).await.unwrap().unwrap();
        let causes: Vec<Cause> = view.failed_calls.iter().map(|call| call.cause).collect();
        assert_eq!(causes, [expected(Called, how)], "{how}");
    }
    assert_shown(Called, &calls.map(|(how, ..)| how));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_names_what_check_cannot_wait_for() {
    let payload = payload();
    let mut shown = Vec::new();
    let lab = Lab::new();
    let silent = talks(&payload, b's', &message(&Message::Bitfield(vec![0xf0].into())), listen_only).await;
    let options = Options { idle_after: Duration::from_secs(2), ..lab.options(&[silent]) };
    let download = lab.start_with(&payload, options);
    let how = "says nothing for too long";
    until(&download, how, |view| (view.peers.first()?.cause? == expected(Download, how)).then_some(())).await;
    shown.push(how);
    download.stop().await.unwrap();

    let lab = Lab::new();
    payload.lay_out(&lab.out());
    let seed = lab.start_with(&payload, lab.options(&[]));
    let port = until(&seed, "the seed listens", |view| view.port).await;
    let mut other = Wire::dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), payload.info_hash()).await;
    other.say(&[Message::Bitfield(vec![0xf0].into())]).await;
    let how = "has everything, as we do";
    until(&seed, how, |view| (view.peers.first()?.cause? == expected(Download, how)).then_some(())).await;
    shown.push(how);
    other.hear_until("it closes", |heard| (*heard == Heard::End).then_some(())).await;
    seed.stop().await.unwrap();
    assert_shown(Download, &shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_say_reaches_no_terminal_as_it_is() {
    let payload = payload();
    let escapes = answers(b"\x1b]0;owned\x07\x1b[2J").await;
    let all = message(&Message::Bitfield(vec![0xf0].into()));
    let hostile = extended(b"d1:md7:ut_\x1b[2Ji3e6:ut_pexi1ee1:v13:\x1b]0;owned\x07\xe2\x80\xaee");
    let named = talks(&payload, b'n', &[&all[..], &hostile].concat(), listen_only).await;
    let lab = Lab::new();
    let peers = [escapes, named].map(|addr| addr.to_string());
    let run = async |form: &[&str]| {
        let more = [form, &["--for", "5s", "--peer", &peers[0], "--peer", &peers[1]]].concat();
        program_check(&lab, &payload, &more).await
    };
    let (text, json, csv, markdown) =
        tokio::join!(run(&[]), run(&["--json"]), run(&["--csv"]), run(&["--markdown"]));
    assert_eq!(peer_of(&json.json()[0], named)["extensions"], json!(["ut_·[2J", "ut_pex"]));
    for output in [text, json, csv, markdown] {
        let lines = output.stdout.iter().map(|line| line.trim_end_matches('\r'));
        for line in lines {
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        }
    }
}
