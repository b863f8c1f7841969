//! Trackers on loopback that answer over UDP in every way there is.

use std::io::ErrorKind;

use tokio::net::UdpSocket;

use super::*;

/// One packet received by a tracker, taken apart.
#[derive(Debug)]
struct Asked {
    from: SocketAddr,
    /// The connection id, or the protocol's number.
    id: u64,
    action: u32,
    transaction: [u8; 4],
    packet: Vec<u8>,
}

impl Asked {
    fn answer(&self, action: u32, body: &[u8]) -> Vec<u8> {
        [&action.to_be_bytes()[..], &self.transaction, body].concat()
    }

    fn connected(&self, id: u64) -> Vec<u8> {
        self.answer(0, &id.to_be_bytes())
    }

    fn one_peer(&self) -> Vec<u8> {
        let numbers = [900u32, 2, 3].map(u32::to_be_bytes).concat();
        self.answer(1, &[&numbers[..], &[127, 0, 0, 1, 0x1a, 0xe1]].concat())
    }
}

struct Tracker {
    socket: UdpSocket,
}

impl Tracker {
    async fn new() -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap() }
    }

    /// At another address of this machine, and the same port.
    async fn beside(other: &SocketAddr, last: u8) -> Self {
        Self { socket: UdpSocket::bind(SocketAddr::from(([127, 0, 0, last], other.port()))).await.unwrap() }
    }

    fn url(&self) -> String {
        format!("udp://{}/announce?pass=1", self.socket.local_addr().unwrap())
    }

    async fn asked(&self) -> Asked {
        let mut buffer = [0; 2048];
        let (length, from) =
            timeout(LONG, self.socket.recv_from(&mut buffer)).await.expect("a packet").unwrap();
        let packet = buffer[..length].to_vec();
        let number = |at: usize| packet[at..at + 4].try_into().unwrap();
        Asked {
            from,
            id: u64::from_be_bytes(packet[..8].try_into().unwrap()),
            action: u32::from_be_bytes(number(8)),
            transaction: number(12),
            packet,
        }
    }

    async fn tell(&self, to: &Asked, packet: &[u8]) {
        self.socket.send_to(packet, to.from).await.unwrap();
    }

    /// Gives a connection id, and returns the announce that follows.
    async fn connect(&self, id: u64) -> Asked {
        let asked = self.asked().await;
        assert_eq!((asked.action, asked.id), (0, 0x0417_2710_1980));
        self.tell(&asked, &asked.connected(id)).await;
        let asked = self.asked().await;
        assert_eq!((asked.action, asked.id), (1, id));
        asked
    }

    async fn nothing_asked(&self) {
        let mut buffer = [0; 2048];
        assert_eq!(self.socket.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

/// Retransmits after this long: time enough for an answer, and soon over where there is none.
const SOON: Duration = Duration::from_millis(150);

fn impatient() -> Settings {
    Settings { udp_schedule: vec![SOON, SOON], ..Settings::default() }
}

fn start(settings: Settings, tracker: &Tracker) -> tokio::task::JoinHandle<Result<Answer, Failure>> {
    let url = tracker.url();
    tokio::spawn(async move { announce_with(settings, &url).await })
}

#[tokio::test]
async fn connects_then_announces_with_path_and_query() {
    let tracker = Tracker::new().await;
    let announce = start(Settings::default(), &tracker);
    let asked = tracker.connect(77).await;
    assert_eq!(asked.packet[16..36], params().info_hash.0);
    assert_eq!(asked.packet[98..], *b"\x02\x10/announce?pass=1\x00");
    tracker.tell(&asked, &asked.one_peer()).await;
    let answer = announce.await.unwrap().unwrap();
    assert_eq!(answer.peers, ["127.0.0.1:6881".parse().unwrap()]);
    assert_eq!((answer.announced.leechers, answer.announced.seeders), (Some(2), Some(3)));
    assert_eq!((answer.announced.interval_s, answer.scope), (900, Scope::Loopback));
}

#[tokio::test]
async fn ignores_packets_that_answer_something_else_or_come_from_elsewhere() {
    let tracker = Tracker::new().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let announce = start(Settings::default(), &tracker);
    let asked = tracker.asked().await;
    stranger.send_to(&asked.connected(666), asked.from).await.unwrap();
    let mut other = asked.connected(666);
    other[7] ^= 1;
    tracker.tell(&asked, &other).await;
    tracker.tell(&asked, &[0; 3]).await;
    tracker.tell(&asked, &asked.connected(77)).await;
    let asked = tracker.asked().await;
    assert_eq!(asked.id, 77);
    let mut refusal = asked.answer(3, b"no");
    refusal[4] ^= 0xff;
    tracker.tell(&asked, &refusal).await;
    tracker.tell(&asked, &asked.one_peer()).await;
    assert_eq!(announce.await.unwrap().unwrap().announced.peers, 1);
}

#[tokio::test]
async fn says_what_is_wrong_with_an_answer() {
    type Broken = fn(&Asked) -> Vec<u8>;
    let cases: [(Broken, TrackerError, &str); 3] = [
        (|asked| asked.answer(1, &[0; 11]), TrackerError::BadAnswer, "an answer of 19 bytes"),
        (|asked| asked.answer(2, &[0; 40]), TrackerError::BadAnswer, "an answer with action 2"),
        (|asked| asked.answer(3, b"go \x1baway"), TrackerError::Refused, "go ·away"),
    ];
    for (broken, error, words) in cases {
        let tracker = Tracker::new().await;
        let announce = start(Settings::default(), &tracker);
        let asked = tracker.connect(77).await;
        tracker.tell(&asked, &broken(&asked)).await;
        let failed = error_of(announce.await.unwrap());
        assert_eq!(failed.0, error);
        assert!(failed.1.starts_with(words), "{}", failed.1);
    }
}

#[tokio::test]
async fn sends_again_what_was_lost_under_the_same_transaction() {
    let tracker = Tracker::new().await;
    let announce = start(Settings { udp_schedule: vec![SOON, LONG], ..Settings::default() }, &tracker);
    let (first, second) = (tracker.asked().await, tracker.asked().await);
    assert_eq!(first.packet, second.packet);
    tracker.tell(&second, &second.connected(77)).await;
    let (first, second) = (tracker.asked().await, tracker.asked().await);
    assert_eq!((first.action, &first.packet), (1, &second.packet));
    // An answer to the first copy is as good.
    tracker.tell(&first, &first.one_peer()).await;
    assert_eq!(announce.await.unwrap().unwrap().announced.peers, 1);
    tracker.nothing_asked().await;
}

#[tokio::test]
async fn gives_up_after_its_schedule() {
    let tracker = Tracker::new().await;
    let announce = start(impatient(), &tracker);
    let failed = error_of(announce.await.unwrap());
    assert_eq!(failed, (TrackerError::Timeout, "no answer over UDP".to_owned()));
    let copies = [tracker.asked().await, tracker.asked().await];
    assert_eq!(copies[0].packet, copies[1].packet);
    tracker.nothing_asked().await;

    let announce = start(impatient(), &tracker);
    let asked = tracker.asked().await;
    tracker.tell(&asked, &[9; 30]).await;
    let failed = error_of(announce.await.unwrap());
    assert_eq!(failed.0, TrackerError::BadAnswer, "something answers there: {}", failed.1);
}

#[tokio::test]
async fn keeps_a_connection_id_for_a_minute_and_no_longer() {
    let tracker = Tracker::new().await;
    let client = client(Settings::default());
    let announce = |client: &Client| {
        let (client, url) = (client.clone(), tracker.url());
        tokio::spawn(async move { client.announce(&url, &params()).await })
    };
    let running = announce(&client);
    let asked = tracker.connect(77).await;
    tracker.tell(&asked, &asked.one_peer()).await;
    running.await.unwrap().unwrap();

    let running = announce(&client);
    let asked = tracker.asked().await;
    assert_eq!((asked.action, asked.id), (1, 77), "no second connect");
    tracker.tell(&asked, &asked.one_peer()).await;
    running.await.unwrap().unwrap();

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    let running = announce(&client);
    let asked = tracker.connect(78).await;
    tracker.tell(&asked, &asked.one_peer()).await;
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn asks_for_a_new_id_where_an_old_one_is_refused_or_ignored() {
    for ignored in [false, true] {
        let tracker = Tracker::new().await;
        let client = client(impatient());
        let url = tracker.url();
        let announce = || {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { client.announce(&url, &params()).await })
        };
        let running = announce();
        let asked = tracker.connect(77).await;
        tracker.tell(&asked, &asked.one_peer()).await;
        running.await.unwrap().unwrap();

        let running = announce();
        let asked = tracker.asked().await;
        assert_eq!(asked.id, 77);
        if !ignored {
            tracker.tell(&asked, &asked.answer(3, b"connection id mismatch")).await;
        }
        let asked = tracker.connect(78).await;
        tracker.tell(&asked, &asked.one_peer()).await;
        assert_eq!(running.await.unwrap().unwrap().announced.peers, 1);
    }
}

#[tokio::test]
async fn an_id_of_no_life_still_comes_to_an_end() {
    let tracker = Tracker::new().await;
    let announce = start(Settings { connection_id_life: Duration::ZERO, ..impatient() }, &tracker);
    let mut connects = 0;
    while !announce.is_finished() {
        let mut buffer = [0; 2048];
        if let Ok(Ok((_, from))) = timeout(SOON, tracker.socket.recv_from(&mut buffer)).await {
            connects += 1;
            let answer = [&0u32.to_be_bytes()[..], &buffer[12..16], &7u64.to_be_bytes()].concat();
            tracker.socket.send_to(&answer, from).await.unwrap();
        }
        assert!(connects < 10, "it connects for ever");
    }
    assert_eq!(error_of(announce.await.unwrap()).0, TrackerError::Timeout);
}

#[tokio::test]
#[cfg_attr(any(not(target_os = "linux"), feature = "portable"), ignore = "Linux alone says who refuses")]
async fn hears_that_nothing_listens() {
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = error_of(announce(&format!("udp://{closed}")).await);
    assert_eq!(failed, (TrackerError::ConnectFailed, "connection refused: nothing listens there".to_owned()));
}

#[tokio::test]
async fn takes_ipv6_peers_over_ipv6() {
    let tracker = Tracker { socket: UdpSocket::bind("[::1]:0").await.unwrap() };
    let announce = start(Settings::default(), &tracker);
    let asked = tracker.connect(77).await;
    let numbers = [900u32, 0, 0].map(u32::to_be_bytes).concat();
    let peer = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80];
    tracker.tell(&asked, &asked.answer(1, &[&numbers[..], &peer].concat())).await;
    let answer = announce.await.unwrap().unwrap();
    assert_eq!(answer.peers, ["[::1]:80".parse().unwrap()]);
    assert_eq!(answer.scope, Scope::Loopback);
}

/// Settings by which one name has these addresses on this machine.
fn known(last_bytes: &[u8]) -> Settings {
    let addrs = last_bytes.iter().map(|last| IpAddr::from([127, 0, 0, *last])).collect();
    let known_names = HashMap::from([("tracker.example".to_owned(), addrs)]);
    Settings { known_names, udp_next_after: SOON, ..Settings::default() }
}

#[tokio::test]
async fn tries_every_address_of_the_name() {
    // Nothing listens at the first, the second is silent, the third answers.
    let third = Tracker::new().await;
    let addr = third.socket.local_addr().unwrap();
    let second = Tracker::beside(&addr, 2).await;
    let settings = known(&[3, 2, 1]);
    let url = format!("udp://tracker.example:{}/announce", addr.port());
    let announce = tokio::spawn(async move { announce_with(settings, &url).await });
    second.asked().await;
    let asked = third.connect(77).await;
    third.tell(&asked, &asked.one_peer()).await;
    assert_eq!(announce.await.unwrap().unwrap().announced.peers, 1);
}

#[tokio::test]
async fn an_address_that_is_slow_may_still_answer_after_the_next_was_asked() {
    let first = Tracker::new().await;
    let addr = first.socket.local_addr().unwrap();
    let second = Tracker::beside(&addr, 2).await;
    let settings = known(&[1, 2]);
    let url = format!("udp://tracker.example:{}/announce", addr.port());
    let announce = tokio::spawn(async move { announce_with(settings, &url).await });
    let asked = first.asked().await;
    let refused = second.connect(78).await;
    second.tell(&refused, &refused.answer(3, b"no")).await;
    first.tell(&asked, &asked.connected(77)).await;
    let asked = first.asked().await;
    assert_eq!((asked.action, asked.id), (1, 77));
    first.tell(&asked, &asked.one_peer()).await;
    assert_eq!(announce.await.unwrap().unwrap().announced.peers, 1);
}

#[tokio::test]
#[cfg_attr(any(not(target_os = "linux"), feature = "portable"), ignore = "Linux alone says who refuses")]
async fn of_failures_at_all_addresses_the_one_that_says_most_is_told() {
    let tracker = Tracker::new().await;
    let addr = tracker.socket.local_addr().unwrap();
    let settings = known(&[1, 2, 3]);
    let url = format!("udp://tracker.example:{}/announce", addr.port());
    let announce = tokio::spawn(async move { announce_with(settings, &url).await });
    let asked = tracker.connect(77).await;
    tracker.tell(&asked, &asked.answer(3, b"not today")).await;
    assert_eq!(error_of(announce.await.unwrap()), (TrackerError::Refused, "not today".to_owned()));
}

#[tokio::test]
async fn no_more_announces_are_under_way_than_is_set_and_one_that_ends_makes_room() {
    let tracker = Tracker::new().await;
    let client = client(Settings { most_under_way: 3, ..Settings::default() });
    let mut announces = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (client, url) = (client.clone(), tracker.url());
        announces.spawn(async move {
            let _turn = client.turn().await;
            client.announce(&url, &params()).await
        });
    }
    let mut asked = vec![tracker.asked().await, tracker.asked().await, tracker.asked().await];
    assert_eq!(client.0.under_way.available_permits(), 0);
    tracker.nothing_asked().await;
    // One that is refused is over, and its turn is the next one's.
    let over = asked.remove(0);
    tracker.tell(&over, &over.answer(3, b"no")).await;
    assert!(announces.join_next().await.unwrap().unwrap().is_err());
    asked.push(tracker.asked().await);
    assert_eq!(client.0.under_way.available_permits(), 0);
    tracker.nothing_asked().await;
    // So is one that is given up.
    announces.abort_all();
    while announces.join_next().await.is_some() {}
    assert_eq!(client.0.under_way.available_permits(), 3);
}
