//! Local discovery (BEP 14), on an interface of the test's own.

use std::collections::BTreeSet;

use ttui::event::Finder;

use super::support::namespace;
use super::*;

/// A network of one machine, with multicast.
const NETWORK: &str = "ip link set lo up && ip link add lan type veth peer name far && ip link set far up && ip link set lan up && \
    ip addr add 10.8.0.1/24 dev lan && ip addr add fd08::1/64 dev lan nodad && \
    ip route add 239.0.0.0/8 dev lan";

fn options(lab: &Lab) -> Options {
    let finders = BTreeSet::from([Finder::Lsd]);
    Options { loopback: false, finders, ..lab.options(&[]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_one_network_find_each_other_and_never_for_a_private_torrent() {
    let test = "lsd::clients_of_one_network_find_each_other_and_never_for_a_private_torrent";
    if namespace::enter(test, NETWORK) != namespace::Place::Inside {
        return;
    }
    let listener = tokio::net::UdpSocket::from_std(group()).unwrap();
    let payload = Recipe::file("it", 1 << 20, 64 * KIB).make();
    let secret = Recipe::file("secret", 1 << 20, 64 * KIB).private().make();
    let (one, other, third, fourth) = (Lab::new(), Lab::new(), Lab::new(), Lab::new());
    payload.lay_out(&one.out());
    secret.lay_out(&third.out());
    let private_seed = third.start_with(&secret, options(&third));
    let private = fourth.start_with(&secret, options(&fourth));
    let seed = one.start_with(&payload, options(&one));
    let mut download = other.start_with(&payload, options(&other));
    soon("the download completes", download.completed()).await.unwrap();
    payload.assert_at(&other.out());
    let by_lsd =
        |view: &View| view.peers.iter().any(|peer| peer.sources.contains(&Source::Lsd)).then_some(());
    until(&download, "the seed was found on the local network", by_lsd).await;
    // What was said so far named the one torrent, and the private ones have found nobody.
    let mut said = String::new();
    let mut packet = [0; 1500];
    while let Ok(bytes) = listener.try_recv(&mut packet) {
        said += &String::from_utf8_lossy(&packet[..bytes]);
    }
    assert!(said.contains(&payload.torrent.info_hash.to_string()), "{said}");
    assert!(!said.contains(&secret.torrent.info_hash.to_string()), "{said}");
    assert!(private.view().peers.is_empty());
    for download in [seed, download, private_seed, private] {
        soon("it stops", download.stop()).await.unwrap();
    }
}

/// Hears what is said in the group.
fn group() -> std::net::UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    let group = ttui::wire::LSD_GROUP_V4;
    socket.bind(&SocketAddr::from(group).into()).unwrap();
    socket.join_multicast_v4(group.ip(), &Ipv4Addr::new(10, 8, 0, 1)).unwrap();
    socket.into()
}
