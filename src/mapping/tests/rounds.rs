//! PCP, NAT-PMP, and which of all is kept.

use super::*;
use MappingProtocol::{NatPmp, Pcp, Upnp};
use MappingStep::{Asked, Gateway, GaveUp, Lost, Mapped, Outside, Refused, Released, Renewed, Silent};

fn grants_pcp() -> Router {
    Router { pcp: Speaks::Grants, nat_pmp: Speaks::Grants, ..Router::default() }
}

fn grants_nat_pmp() -> Router {
    Router { pcp: Speaks::OtherVersion, nat_pmp: Speaks::Grants, ..Router::default() }
}

#[test]
fn pcp_maps_both_and_nothing_else_is_asked() {
    let mut run = Run::new(grants_pcp());
    run.until_s(500);
    let (mapped, outside) = (run.all(Mapped), run.all(Outside));
    assert!(mapped.iter().all(|fact| (fact.outside_port, fact.lease_s) == (Some(PORT), Some(1200))));
    assert_eq!(outside[0].outside, Some(run.router.outside.into()));
    let expected = [
        (Gateway, None, None),
        (Asked, Some(Pcp), None),
        (Outside, Some(Pcp), None),
        (Mapped, Some(Pcp), TCP),
        (Mapped, Some(Pcp), UDP),
    ];
    assert_eq!(run.steps(), expected);
    assert!(run.orders.is_empty() && run.sent.iter().all(|(_, packet)| packet[0] == pcp::VERSION));
    assert!(run.outside_ports.is_empty(), "others see the port on which we listen");
}

#[test]
fn a_router_that_speaks_nat_pmp_alone_is_asked_by_it_at_once() {
    let mut run = Run::new(grants_nat_pmp());
    run.until_s(500);
    assert!(run.facts.iter().all(|(at, _)| *at < At::from_millis(10)));
    let refused = &run.all(Refused)[0];
    assert_eq!((refused.code, refused.said.as_deref()), (Some(1), Some("UNSUPP_VERSION")));
    let expected = [
        (Gateway, None, None),
        (Asked, Some(Pcp), None),
        (Refused, Some(Pcp), None),
        (Asked, Some(NatPmp), None),
        (Outside, Some(NatPmp), None),
        (Mapped, Some(NatPmp), TCP),
        (Mapped, Some(NatPmp), UDP),
    ];
    assert_eq!(run.steps(), expected);
}

#[test]
fn one_that_does_not_know_pcp_at_all_is_asked_by_nat_pmp_after_a_second() {
    let mut run = Run::new(Router { nat_pmp: Speaks::Grants, ..Router::default() });
    run.until_s(500);
    assert_eq!(run.times(Mapped), [1, 1]);
    assert!(run.all(Silent).is_empty(), "what is not needed any more is not waited for");
    assert!(run.orders.is_empty());
}

#[test]
fn mappings_are_renewed_at_half_their_time_whatever_it_is() {
    for (lease_s, every_s) in [(1200, 600), (60, 30), (10, 5), (u32::MAX, 600)] {
        for grants in [grants_pcp(), grants_nat_pmp()] {
            let mut run = Run::new(Router { lease_s, ..grants });
            run.until_s(2 * every_s + 1);
            let expected = [every_s, every_s, 2 * every_s, 2 * every_s];
            assert_eq!(run.times(Renewed), expected, "{lease_s} s: a long one as if it were as asked for");
        }
    }
}

#[test]
fn one_that_grants_a_moment_is_not_asked_more_often_than_every_four_seconds() {
    for grants in [grants_pcp(), grants_nat_pmp()] {
        let mut run = Run::new(Router { lease_s: 1, ..grants });
        run.until_s(600);
        assert!(run.sent.len() <= 3 * 600 / 4 + 10, "{}", run.sent.len());
    }
}

#[test]
fn every_refusal_is_a_step_with_its_number_and_its_name() {
    let refusals = |router: Router, by| {
        let mut run = Run::new(router);
        run.until_s(20);
        let refused = run.all(Refused).into_iter().filter(|fact| fact.protocol == Some(by));
        let said: Vec<_> = refused.map(|fact| (fact.code.unwrap(), fact.said.clone().unwrap())).collect();
        assert_eq!(run.all(GaveUp).len(), 1);
        said
    };
    for code in 2..14 {
        let said = refusals(Router { pcp: Speaks::Refuses(code), ..Router::default() }, Pcp);
        let name = pcp::result_name(code.into()).unwrap().to_owned();
        assert_eq!(said, [(u16::from(code), name.clone()), (u16::from(code), name)]);
    }
    for code in 1..6 {
        let said = refusals(Router { nat_pmp: Speaks::Refuses(code), ..Router::default() }, NatPmp);
        let name = nat_pmp::result_name(code.into()).unwrap();
        assert_eq!(said.len(), 3, "the outside address and both ports: {said:?}");
        assert!(said.iter().all(|(number, said)| (*number, said.as_str()) == (code.into(), name)));
    }
}

#[test]
fn where_nobody_answers_that_is_told_in_time_and_asked_again_later() {
    let mut run = Run::new(Router::default());
    run.until_s(14);
    let expected = [
        (Gateway, None, None),
        (Asked, Some(Pcp), None),
        (Asked, Some(NatPmp), None),
        (Asked, Some(Upnp), None),
        (Silent, Some(Upnp), None),
        (Silent, Some(Pcp), None),
        (Silent, Some(NatPmp), None),
        (GaveUp, None, None),
    ];
    assert_eq!(run.steps(), expected);
    let (mut pcp, mut nat_pmp) = (Vec::new(), Vec::new());
    for (at, packet) in &run.sent {
        let times = if packet[0] == pcp::VERSION { &mut pcp } else { &mut nat_pmp };
        times.push(at.as_millis());
    }
    nat_pmp.dedup();
    assert_eq!(nat_pmp, [1000, 1250, 1750, 2750, 4750, 8750], "as RFC 6886 says");
    assert_eq!(pcp.len(), 6, "as RFC 6887 says: {pcp:?}");
    run.until_s(14 * 60);
    assert!(run.steps().is_empty());
    run.until_s(16 * 60);
    assert_eq!(run.steps()[0], (Asked, Some(Pcp), None));
}

#[test]
fn where_nothing_listens_upnp_is_asked_at_once() {
    let mut run = Run::new(Router { closed: true, ..Router::default() });
    run.until(At::from_millis(10));
    assert_eq!(run.all(Refused).len(), 2);
    assert_eq!(run.orders, [(run.orders[0].0, Order::Search)]);
}

#[test]
fn what_cannot_be_sent_is_told_in_the_system_s_words() {
    let mut run = Run::new(Router::default());
    run.handle(Input::Tick);
    run.handle(Input::Unreachable("Network is unreachable".to_owned()));
    let failed = run.all(MappingStep::Failed);
    assert_eq!(failed[0].said.as_deref(), Some("Network is unreachable"));
}

#[test]
fn an_answer_that_is_a_year_late_changes_nothing() {
    for grants in [grants_pcp(), grants_nat_pmp()] {
        let mut run = Run::new(Router { after: YEAR, ..grants });
        run.until_s(14);
        // From now on it answers nothing new.
        run.router = Router::default();
        run.until(YEAR + Duration::from_secs(20));
        assert!(run.coming.iter().all(|(_, coming)| matches!(coming, Coming::Upnp(_))));
        assert!(run.all(Mapped).is_empty() && run.all(Outside).is_empty());
    }
}

#[test]
fn only_the_gateway_is_listened_to() {
    for from in ["192.168.1.9:5351", "192.168.1.1:5350", "[::ffff:192.168.1.1]:5351"] {
        let mut run = Run::new(Router { from: from.parse().unwrap(), ..grants_pcp() });
        run.until_s(14);
        assert!(run.all(Mapped).is_empty(), "{from}");
    }
}

#[test]
fn another_port_than_asked_for_is_told_and_kept() {
    for grants in [grants_pcp(), grants_nat_pmp()] {
        let mut run = Run::new(Router { higher: 7, ..grants });
        run.until_s(700);
        let given = |fact: &&MappingFact| fact.outside_port == Some(PORT + 7);
        assert!(run.all(Mapped).iter().all(given) && run.all(Renewed).iter().all(given));
        assert_eq!((run.all(Mapped).len(), run.all(Renewed).len()), (2, 2));
        assert_eq!(run.outside_ports, [PORT + 7]);
    }
}

#[test]
fn a_router_that_began_again_is_asked_anew_at_once() {
    for grants in [grants_pcp(), grants_nat_pmp()] {
        let mut run = Run::new(grants);
        run.until_s(590);
        run.steps();
        (run.router.booted, run.router.mapped) = (At::from_secs(580), BTreeMap::new());
        run.until_s(602);
        let by = run.facts[0].1.protocol;
        assert_eq!(run.facts[0].1.said.as_deref(), Some("its clock began again"));
        assert_eq!(run.steps(), [(Lost, by, None), (Mapped, by, TCP), (Mapped, by, UDP)]);
        assert_eq!(run.router.mapped.len(), 2);
    }
}

#[test]
fn one_that_forgets_us_is_asked_by_all_protocols_again() {
    let mut run = Run::new(grants_pcp());
    run.until_s(590);
    run.steps();
    run.router = Router { higher: 3, ..grants_nat_pmp() };
    // It answers by another protocol, which is none to what it is asked.
    run.until_s(1220);
    let steps = run.steps();
    assert_eq!(steps[..2], [(Lost, Some(Pcp), TCP), (Lost, Some(Pcp), UDP)]);
    assert!(steps.contains(&(Mapped, Some(NatPmp), TCP)), "{steps:?}");
    assert_eq!(run.outside_ports, [PORT + 3]);
}

#[test]
fn one_that_grants_and_takes_back_is_not_asked_for_ever() {
    let mut run = Run::new(Router { lease_s: 8, ..grants_pcp() });
    for minute in 0..60 {
        run.router.pcp = Speaks::Grants;
        run.until_s(minute * 60 + 3);
        run.router.pcp = Speaks::Refuses(2);
        run.until_s(minute * 60 + 59);
    }
    assert!(run.all(Lost).iter().all(|fact| fact.code == Some(2)));
    assert!(run.sent.len() < 1000, "{}", run.sent.len());
}

#[test]
fn an_outside_address_that_nobody_can_have_is_not_repeated() {
    for (outside, told) in [
        ("0.0.0.0", 0),
        ("127.0.0.1", 0),
        ("224.0.0.1", 0),
        ("255.255.255.255", 0),
        ("10.0.0.7", 1),
        ("100.64.1.1", 1),
    ] {
        for grants in [grants_pcp(), grants_nat_pmp()] {
            let mut run = Run::new(Router { outside: outside.parse().unwrap(), ..grants });
            run.until_s(2000);
            assert_eq!(run.all(Outside).len(), told, "{outside}, and no more than once");
            assert_eq!(run.all(Mapped).len(), 2, "the port is mapped all the same");
        }
    }
}

#[test]
fn another_outside_address_is_told_with_the_renewal() {
    let mut run = Run::new(grants_nat_pmp());
    run.until_s(590);
    run.router.outside = Ipv4Addr::new(198, 51, 100, 1);
    run.until_s(610);
    assert_eq!(run.times(Outside), [0, 600]);
}

#[test]
fn what_is_mapped_is_given_back_at_the_end() {
    for grants in [grants_pcp(), grants_nat_pmp()] {
        let mut run = Run::new(grants);
        run.until_s(100);
        assert_eq!(run.router.mapped.len(), 2);
        run.steps();
        run.handle(Input::Release);
        assert!(!run.mapper.is_released());
        run.until(At::from_millis(100_010));
        assert!(run.mapper.is_released() && run.router.mapped.is_empty());
        let steps = run.steps().into_iter().map(|(step, _, transport)| (step, transport));
        assert_eq!(steps.collect::<Vec<_>>(), [(Released, TCP), (Released, UDP)]);
        assert_eq!(run.mapper.deadline(), None);
    }
}

#[test]
fn the_end_waits_for_nobody_who_is_silent() {
    for seconds in [0, 1, 5, 100] {
        let mut run = Run::new(Router::default());
        run.until_s(seconds);
        run.handle(Input::Release);
        run.until(At::from_millis(seconds * 1000 + 600));
        assert!(run.mapper.is_released(), "after {seconds} s");
    }
    let mut run = Run::new(grants_pcp());
    run.until_s(100);
    run.router.pcp = Speaks::Never;
    run.handle(Input::Release);
    run.until(At::from_millis(100_600));
    assert!(run.mapper.is_released());
}

#[test]
fn a_port_that_is_refused_leaves_the_other_mapped() {
    let mut run = Run::new(grants_pcp());
    run.handle(Input::Tick);
    // The answer about UDP is changed on its way.
    let (_, Coming::Packet(_, packet)) = &mut run.coming[1] else { panic!("two requests") };
    packet[3] = 8;
    run.until_s(700);
    assert_eq!(run.all(Refused)[0].transport, UDP);
    assert!(run.all(Mapped).iter().chain(&run.all(Renewed)).all(|fact| fact.transport == TCP));
    assert_eq!((run.all(Mapped).len(), run.all(Renewed).len()), (1, 1));
}

#[test]
fn what_is_mapped_is_known_by_the_same_nonce_in_every_round_and_run() {
    let nonces = |run: &Run| {
        let mut nonces: Vec<_> = run
            .sent
            .iter()
            .filter(|(_, packet)| packet[0] == pcp::VERSION)
            .map(|(_, packet)| packet[24..36].to_vec())
            .collect();
        nonces.sort_unstable();
        nonces.dedup();
        nonces
    };
    let [mut first, mut second] = [Run::new(Router::default()), Run::new(grants_pcp())];
    first.until_s(3600);
    second.until_s(3600);
    assert_eq!(nonces(&first).len(), 2, "one for TCP and one for UDP");
    assert_eq!(nonces(&first), nonces(&second));
}
