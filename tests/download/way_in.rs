//! A router that lets others in, at another port than ours.

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use ttui::engine::MappingOptions;
use ttui::event::MappingStep;
use ttui::wire::pcp;

use super::*;
use crate::support::{Reply, Tracker, namespace};

/// The port that the router gives is so much higher than the one it is asked for.
const HIGHER: u16 = 7;

/// Grants what it is asked by PCP, and tells of what is given back: by the number of its transport.
async fn grant(router: UdpSocket, given_back: mpsc::UnboundedSender<u8>) {
    let mut packet = [0; 60];
    loop {
        let (length, from) = router.recv_from(&mut packet).await.unwrap();
        assert_eq!((length, packet[0]), (60, pcp::VERSION));
        let port = u16::from_be_bytes([packet[42], packet[43]]);
        if packet[4..8] == [0; 4] {
            given_back.send(packet[36]).unwrap();
        }
        packet[1] |= 0x80;
        packet[42..44].copy_from_slice(&(port + HIGHER).to_be_bytes());
        router.send_to(&packet, from).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trackers_hear_the_port_that_a_router_gave_and_it_is_given_back() {
    let test = "way_in::trackers_hear_the_port_that_a_router_gave_and_it_is_given_back";
    if namespace::enter(test, "ip link set lo up") != namespace::Place::Inside {
        return;
    }
    let router = UdpSocket::bind((Ipv4Addr::LOCALHOST, pcp::PORT)).await.unwrap();
    let (back, mut given_back) = mpsc::unbounded_channel();
    tokio::spawn(grant(router, back));
    let tracker = Tracker::http(Reply::nobody()).await;
    let payload = Recipe::file("it", 1 << 20, 64 * KIB).tier(&[&tracker.url()]).make();
    let lab = Lab::new();
    let mapping = Some(MappingOptions { gateway: Some(Ipv4Addr::LOCALHOST) });
    let download = lab.start_with(&payload, Options { mapping, ..lab.options(&[]) });
    let port = own_address(&download).await.port();
    until(&download, "the router maps the port", |view| {
        let mapped = |(_, fact): &&(_, ttui::event::MappingFact)| fact.step == MappingStep::Mapped;
        let (_, fact) = view.session.mapping.iter().find(mapped)?;
        (fact.outside_port == Some(port + HIGHER)).then_some(())
    })
    .await;
    tracker.until("started").await;
    // While an announce is under way none is made at the user's wish.
    let answered = |view: &View| {
        let tracker = view.trackers.first().filter(|tracker| tracker.asking.is_none())?;
        tracker.answer().map(drop)
    };
    until(&download, "the tracker has answered", answered).await;
    // Whatever the first announce said: the next one says where others reach us.
    download.send(Command::Announce(None));
    let asked = tracker.until("").await;
    assert_eq!(asked.port, port + HIGHER);
    soon("the download stops", download.stop()).await.unwrap();
    let mut both = [given_back.try_recv().unwrap(), given_back.try_recv().unwrap()];
    both.sort_unstable();
    assert_eq!(both, [6, 17], "TCP and UDP are given back by then");
}

/// A machine whose only network has public addresses.
const PUBLIC: &str = "ip link set lo up && ip link add out type veth peer name other && ip addr add 9.9.9.2/24 dev out && \
    ip link set out up && ip link set other up && ip route add default via 9.9.9.1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_with_a_public_address_asks_nobody() {
    let test = "way_in::a_machine_with_a_public_address_asks_nobody";
    if namespace::enter(test, PUBLIC) != namespace::Place::Inside {
        return;
    }
    let payload = Recipe::file("it", 1 << 20, 64 * KIB).make();
    let lab = Lab::new();
    let mapping = Some(MappingOptions::default());
    let download = lab.start_with(&payload, Options { mapping, ..lab.options(&[]) });
    let steps = until(&download, "the way in is judged", |view| {
        let steps = view.session.mapping.iter().map(|(_, fact)| (fact.step, fact.said.clone()));
        Some(steps.collect::<Vec<_>>()).filter(|steps| !steps.is_empty())
    });
    let said = "this machine has a public address".to_owned();
    assert_eq!(steps.await, [(MappingStep::Off, Some(said))]);
    soon("the download stops", download.stop()).await.unwrap();
}
