//! A device that UPnP finds.

use super::*;
use Answer::{Done, Failed, Found, Refused, Silent};
use MappingProtocol::{Pcp, Upnp};

const DEVICE: IpAddr = IpAddr::V4(GATEWAY);
const OUTSIDE: Answer = Answer::Outside(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));

fn refused(code: u16, said: &str) -> Answer {
    Refused(code, said.to_owned())
}

/// The gateway speaks UPnP alone.
fn run(answers: impl IntoIterator<Item = Answer>) -> Run {
    Run::new(Router { closed: true, upnp: answers.into_iter().collect(), ..Router::default() })
}

fn map(transport: MappedTransport, outside_port: u16, lease_s: u32) -> Order {
    Order::Map { transport, outside_port, lease_s }
}

const TCP_MAP: Order = Order::Map { transport: MappedTransport::Tcp, outside_port: PORT, lease_s: 1200 };
const UDP_MAP: Order = Order::Map { transport: MappedTransport::Udp, outside_port: PORT, lease_s: 1200 };

fn orders(run: &Run) -> Vec<Order> {
    run.orders.iter().map(|(_, order)| *order).collect()
}

#[test]
fn a_device_maps_both_and_renews_them() {
    let mut run = run([Found(DEVICE), OUTSIDE, Done, Done, OUTSIDE, Done, Done]);
    run.until_s(610);
    assert_eq!(
        orders(&run),
        [Order::Search, Order::Outside, TCP_MAP, UDP_MAP, Order::Outside, TCP_MAP, UDP_MAP]
    );
    assert_eq!(run.times(MappingStep::Mapped), [0, 0]);
    assert_eq!(run.times(MappingStep::Renewed), [600, 600]);
    assert_eq!(run.all(MappingStep::Outside).len(), 1);
}

#[test]
fn one_that_maps_for_good_only_is_asked_for_that() {
    let only = || refused(725, "OnlyPermanentLeasesSupported");
    let mut run = run([Found(DEVICE), OUTSIDE, only(), Done, only(), Done]);
    run.until_s(10);
    let (tcp, udp) = (map(MappedTransport::Tcp, PORT, 0), map(MappedTransport::Udp, PORT, 0));
    assert_eq!(orders(&run)[2..], [TCP_MAP, tcp, UDP_MAP, udp]);
    assert!(run.all(MappingStep::Mapped).iter().all(|fact| fact.lease_s == Some(0)));
    let told = run.all(MappingStep::Refused).into_iter().filter(|fact| fact.protocol == Some(Upnp));
    assert!(told.clone().all(|fact| fact.code == Some(725)) && told.count() == 2);
    // It is asked again all the same, in case that it forgets.
    run.router.upnp = vec![OUTSIDE, Done, Done];
    run.until_s(610);
    assert_eq!(run.all(MappingStep::Renewed).len(), 2);
}

#[test]
fn a_port_of_somebody_else_is_left_to_him_and_another_one_announced() {
    let conflict = || refused(718, "ConflictInMappingEntry");
    let mut run = run([Found(DEVICE), OUTSIDE, conflict(), Done, Done]);
    run.until_s(10);
    let port = run.all(MappingStep::Mapped)[0].outside_port.unwrap();
    assert_ne!(port, PORT);
    assert_eq!(run.outside_ports, [port]);
    assert_eq!(orders(&run)[2..], [TCP_MAP, map(MappedTransport::Tcp, port, 1200), UDP_MAP]);
}

#[test]
fn one_that_has_given_away_every_port_is_not_asked_for_ever() {
    let conflict = || refused(718, "ConflictInMappingEntry");
    let mut run = run([Found(DEVICE), OUTSIDE].into_iter().chain((0..100).map(|_| conflict())));
    run.until_s(10);
    assert_eq!(run.orders.len(), 2 + 4 + 4);
    assert_eq!(run.all(MappingStep::GaveUp).len(), 1);
}

#[test]
fn what_goes_wrong_is_told_in_the_device_s_words() {
    let mut run = run([
        Found(DEVICE),
        refused(606, "Action not authorized"),
        refused(606, "Not here"),
        Failed("reset".to_owned()),
    ]);
    run.until_s(10);
    let told = run.facts.iter().filter(|(_, fact)| fact.protocol == Some(Upnp));
    let told: Vec<_> =
        told.map(|(_, fact)| (fact.step, fact.transport, fact.code, fact.said.as_deref())).collect();
    let expected = [
        (MappingStep::Asked, None, None, None),
        (MappingStep::Refused, None, Some(606), Some("Action not authorized")),
        (MappingStep::Refused, TCP, Some(606), Some("Not here")),
        (MappingStep::Failed, UDP, None, Some("reset")),
    ];
    assert_eq!(told, expected);
    assert_eq!(run.all(MappingStep::GaveUp).len(), 1);
}

#[test]
fn one_that_refuses_a_renewal_or_is_gone_is_looked_for_again() {
    for gone in [refused(501, "ActionFailed"), Failed("connection refused".to_owned()), Silent] {
        let again = [Found(DEVICE), OUTSIDE, Done, Done];
        let mut run =
            run([Found(DEVICE), OUTSIDE, Done, Done, OUTSIDE, gone.clone(), gone].into_iter().chain(again));
        run.until_s(700);
        assert_eq!(run.all(MappingStep::Lost).len(), 2);
        assert_eq!(run.all(MappingStep::Mapped).len(), 4);
    }
}

#[test]
fn what_a_device_maps_is_given_back_at_the_end() {
    let mut run = run([Found(DEVICE), OUTSIDE, Done, Done]);
    run.until_s(100);
    run.router.upnp = vec![Done, Done];
    run.handle(Input::Release);
    run.until_s(101);
    assert!(run.mapper.is_released());
    let unmap = |transport| Order::Unmap { transport, outside_port: PORT };
    assert_eq!(orders(&run)[4..], [MappedTransport::Tcp, MappedTransport::Udp].map(unmap));
    assert_eq!(run.all(MappingStep::Released).len(), 2);
}

#[test]
fn a_search_keeps_no_end_waiting() {
    let mut run = run([]);
    run.until_s(1);
    run.handle(Input::Release);
    assert_eq!(orders(&run), [Order::Search]);
    assert!(run.mapper.is_released());
}

/// The gateway answers by PCP while a device is asked for a mapping.
fn answered_by_pcp_meanwhile(device: IpAddr) -> Run {
    let upnp = vec![Found(device), OUTSIDE, Done];
    let after = Duration::from_millis(100);
    let mut run = Run::new(Router { upnp, after, ..Router::default() });
    run.until(At::from_millis(2250));
    assert_eq!(orders(&run).last(), Some(&TCP_MAP), "it is under way");
    let (_, packet) = run.sent[0].clone();
    run.router.pcp = Speaks::Grants;
    let answer = run.router.answer(run.now, &packet).unwrap();
    run.coming.insert(0, (run.now, Coming::Packet(run.router.from, answer)));
    run.until_s(5);
    assert_eq!(run.all(MappingStep::Mapped)[0].protocol, Some(Pcp));
    run
}

#[test]
fn what_another_device_maps_too_late_is_given_back() {
    let run = answered_by_pcp_meanwhile(IpAddr::from([192, 168, 1, 3]));
    let expected = Order::Unmap { transport: MappedTransport::Tcp, outside_port: PORT };
    assert_eq!(orders(&run)[2..], [TCP_MAP, expected]);
}

#[test]
fn the_gateway_keeps_the_one_mapping_that_it_has_for_both() {
    let run = answered_by_pcp_meanwhile(DEVICE);
    assert_eq!(orders(&run)[2..], [TCP_MAP]);
}
