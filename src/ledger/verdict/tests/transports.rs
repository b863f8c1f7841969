//! One of TCP and uTP gets through where the other does not.

use super::*;
use crate::event::Transport;

/// A run in which these many peers are dialled over one transport in vain, and then over the other one with success, and
/// these many get through over the first.
fn blocked(over: Transport, why: Cause, in_vain: u32, through: u32) -> Script {
    let mut run = Script::downloading(100);
    for peer in run.peers(in_vain) {
        run.dial_over(peer, over).end(peer, why);
        run.dial_over(peer, over.other()).handshake(peer, b"-TR4060-abcdefghijkl");
    }
    for peer in run.peers(through) {
        run.dial_over(peer, over).handshake(peer, b"-TR4060-abcdefghijkl");
    }
    run
}

#[test]
fn utp_gets_through_and_tcp_does_not() {
    let verdict = blocked(Transport::Tcp, Cause::ConnectTimeout, 6, 0).verdict(VerdictCode::UtpOnly).unwrap();
    assert_eq!(verdict.severity, Severity::Info);
    assert_eq!(
        verdict.text,
        "6 peers shook hands over uTP and failed over TCP; nobody shook hands over TCP. Something on the way (a \
         firewall, a VPN, the provider) seems to stop TCP."
    );
    let counts = ["blocked", "tcp", "utp"].map(|name| evidence(&verdict, name));
    assert_eq!(counts, [6, 0, 6]);
    let verdict =
        blocked(Transport::Tcp, Cause::ConnectionRefused, 20, 2).verdict(VerdictCode::UtpOnly).unwrap();
    assert!(verdict.text.contains("; only 2 shook hands over TCP."), "{}", verdict.text);
    assert_eq!(["tcp", "utp"].map(|name| evidence(&verdict, name)), [2, 20]);
}

#[test]
fn tcp_gets_through_and_utp_does_not() {
    let mut run = blocked(Transport::Utp, Cause::ConnectTimeout, 5, 0);
    let verdict = run.verdict(VerdictCode::TcpOnly).unwrap();
    assert!(
        verdict.text.starts_with("5 peers shook hands over TCP and failed over uTP;"),
        "{}",
        verdict.text
    );
    assert_eq!(["blocked", "tcp", "utp"].map(|name| evidence(&verdict, name)), [5, 5, 0]);
    assert!(run.verdict(VerdictCode::UtpOnly).is_none());
}

#[test]
fn a_dial_that_goes_on_over_the_other_transport_has_not_ended() {
    let mut run = Script::downloading(100);
    let (peers, encryption) = (run.peers(12), Encryption::Plain);
    for &peer in &peers {
        run.dial_over(peer, Transport::Tcp);
        run.tell(Event::RivalBegan { peer, transport: Transport::Utp, encryption });
    }
    run.wait(5);
    let cause = Cause::ConnectTimeout;
    for &peer in &peers {
        run.tell(Event::RivalEnded { peer, cause, error: None, detail: None });
    }
    assert!(run.verdict(VerdictCode::DialsTimeOut).is_none(), "TCP may still get through");
    run.wait(5);
    for &peer in &peers {
        run.end(peer, cause);
    }
    assert!(run.verdict(VerdictCode::DialsTimeOut).is_some());
}

#[test]
fn a_transport_that_gets_through_to_some_is_not_called_blocked() {
    let none = |mut run: Script, why: &str| {
        let codes = run.codes();
        assert!(!codes.contains(&VerdictCode::UtpOnly) && !codes.contains(&VerdictCode::TcpOnly), "{why}");
    };
    for over in [Transport::Tcp, Transport::Utp] {
        none(blocked(over, Cause::ConnectTimeout, 4, 0), "too few to tell");
        none(blocked(over, Cause::ConnectTimeout, 8, 1), "one of nine");
        none(blocked(over, Cause::LostRace, 12, 0), "it was slower, which is all that is known");
        none(blocked(over, Cause::TooManyOpenFiles, 12, 0), "that is us");
        none(blocked(over, Cause::InfoHashMismatch, 12, 0), "it got through");
        let mut offline = Script::downloading(100);
        for peer in offline.peers(12) {
            for over in [over, over.other()] {
                offline.dial_over(peer, over).end(peer, Cause::ConnectTimeout);
            }
        }
        none(offline, "nobody is there");
    }
}
