//! Sicknesses staged in a few lines each, and their twins: what leads, what stands beside it, and what is never said.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;
use ttui::swarm::EncryptionPolicy;

use crate::peers::{is_free, port_of_our_own};
use crate::support::{Certificate, Lab, Reply, Tracker, namespace};
use crate::surfaces::OnScreen;
use crate::swarms::Does::*;
use crate::swarms::{Fact, Swarm};

/// A tracker's answer that names nobody, with more in it. Keys stand in order.
fn nobody_but(before_peers: &str, behind_peers: &str) -> Reply {
    Reply::Body("200 OK", format!("d{before_peers}5:peers0:{behind_peers}e").into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_required_and_all_hang_up() {
    let words = "All 8 peers that answered hang up on our encrypted handshake";
    let sick = Swarm::new()
        .peers(8, HangsUp)
        .await
        .options(|options| options.encryption = EncryptionPolicy::Require);
    let told = sick.leads_with("encryption_wanted", words, Fact::Dials).await;
    let well = Swarm::new().peers(8, HangsUp).await;
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_fails_and_each_for_another_reason() {
    let all = async || {
        let some =
            Swarm::new().peers(3, Refuses).await.peers(2, HangsUp).await.peers(2, HasAnotherTorrent).await;
        some.peers(1, Answers(b"SSH-2.0-OpenSSH_9.2\r\n")).await
    };
    let words = "none of the 8 peers shook hands (3 refused, 2 hung up, 2 not ours, 1 not BT)";
    let sick = all().await;
    sick.check_is_led_by("unknown", words).await;
    let told = sick.download_is_led_by("stalled", words, Fact::Dials).await;
    all().await.peers(1, Serves).await.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_names_nobody_but_ourselves() {
    let port = port_of_our_own();
    let ourselves = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let named = |mut more: Vec<SocketAddr>| {
        more.push(ourselves);
        let swarm = Swarm::new().options(move |options| {
            options.loopback = false;
            options.port = Some(port);
        });
        swarm.tracker_says(Reply::Compact(more))
    };
    let sick = named(Vec::new()).await;
    sick.check_is_led_by("no_peers_known", "is our own").await;
    is_free(port).await;
    let told = sick
        .download_is_led_by("no_peers_known", "the only address that was named is our own", Fact::Trackers)
        .await;
    let well = named(Vec::new()).await.peers(1, Serves).await;
    // Two at once cannot have one port.
    is_free(port).await;
    well.check_never_says("no_peers_known").await;
    is_free(port).await;
    well.download_never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_names_addresses_at_which_no_peer_can_be() {
    let junk = || (1..9).map(|n| SocketAddr::from(([239, 1, 1, n], 6881))).collect::<Vec<_>>();
    let sick = Swarm::new().tracker_says(Reply::Compact(junk())).await;
    let words = "named 8 addresses, and no peer can be at any of them";
    let told = sick.leads_with("stale_tracker", words, Fact::Trackers).await;
    let well = Swarm::new().tracker_also(junk(), 1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_of_the_internet_names_a_private_network() {
    let test = "sicknesses::a_tracker_of_the_internet_names_a_private_network";
    let public = "ip link set lo up && ip addr add 11.0.0.1/32 dev lo";
    if namespace::enter(test, public) != namespace::Place::Inside {
        return;
    }
    let named = |n: u8| SocketAddr::from(([192, 168, 1, n], 6881));
    let tracker =
        Tracker::http_at(Ipv4Addr::new(11, 0, 0, 1), Reply::Compact((1..9).map(named).collect())).await;
    let sick = Swarm::new().tracker_at(&tracker.url());
    let words = "named 8 addresses, and no peer can be at any of them";
    let told = sick.leads_with("stale_tracker", words, Fact::Trackers).await;
    // A tracker of that network may.
    let well = Swarm::new().tracker_says(Reply::Compact((1..9).map(named).collect())).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hang_up_once_they_know_that_we_have_nothing() {
    let sick = Swarm::new().peers(6, LeavesAtOnce).await;
    let told = sick.leads_with("turned_away", "All 6 peers that shook hands hung up", Fact::Dials).await;
    let well = Swarm::new().peers(6, LeavesAtOnce).await.peers(1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_say_that_they_have_does_not_fit() {
    let sick = Swarm::new().peers(6, MistakesItsPieces).await;
    sick.check_is_led_by("unknown", "6 bad data").await;
    let told = sick.download_is_led_by("stalled", "6 bad data", Fact::Dials).await;
    let well = Swarm::new().peers(5, MistakesItsPieces).await.peers(1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_choke_for_ever() {
    let sick = Swarm::new().peers(5, Chokes).await;
    sick.check_is_led_by("all_choke_us", "The 5 live peers are choking us").await;
    let told =
        sick.download_is_led_by("all_choke_us", "The 5 live peers are choking us", Fact::Connected(10)).await;
    let well = Swarm::of_pieces(32).peers(4, Chokes).await.peers(1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_the_last_piece() {
    let sick = Swarm::new().peers(4, LacksTheLastPiece).await;
    let words = "no peer we are connected to has the one missing piece";
    sick.check_says("healthy", "pieces_missing", "No peer has 1 of the 8 pieces").await;
    let told = sick.download_is_led_by("pieces_missing", words, Fact::LastBlock(0)).await;
    let well = Swarm::new().peers(4, LacksTheLastPiece).await.peers(1, ServesAt(4000)).await;
    well.never_says(&told, Fact::LastBlock(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_anything() {
    let sick = Swarm::new().peers(5, HasNothing).await;
    sick.check_is_led_by("pieces_missing", "No peer that shook hands has any piece").await;
    let words = "no peer we are connected to has any of the 8 missing pieces";
    let told = sick.download_is_led_by("pieces_missing", words, Fact::Connected(0)).await;
    let well = Swarm::new().peers(5, HasNothing).await.peers(1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_peer_sends_wrong_data() {
    let sick = Swarm::new().peers(1, Lies).await;
    sick.check_is_led_by("bad_data_one_peer", "sent wrong data").await;
    let told = sick.download_is_led_by("bad_data_one_peer", "sent wrong data", Fact::LastBlock(0)).await;
    let well = Swarm::new().peers(1, Stutters).await;
    well.never_says(&told, Fact::LastBlock(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sends_wrong_data() {
    let sick = Swarm::of_pieces(16).peers(4, Lies).await;
    sick.check_is_led_by("bad_data_many_peers", "failed the check").await;
    let told = sick
        .download_is_led_by("bad_data_many_peers", "failed the check, with data from", Fact::LastBlock(0))
        .await;
    let well = Swarm::of_pieces(16).peers(1, Lies).await.peers(3, ServesAt(40_000)).await;
    well.never_says(&told, Fact::LastBlock(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_counts_seeds_and_names_none() {
    let counted = |seeds| nobody_but(&format!("8:completei{seeds}e8:intervali900e"), "");
    let sick = Swarm::new().tracker_says(counted(5)).await;
    let words = "counts 5 seeds and names none of them";
    sick.leads_with("no_peers_known", words, Fact::Trackers).await;
    let well = Swarm::new().tracker_says(counted(0)).await;
    well.leads_with("no_peers_known", "Perhaps nobody has this torrent any more", Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_names_nobody_and_warns() {
    let warning = "15:warning message17:Passkey suspended";
    let sick = Swarm::new().tracker_says(nobody_but("8:intervali900e", warning)).await;
    let told = sick.leads_with("no_peers_known", "It warns: “Passkey suspended”", Fact::Trackers).await;
    let well = Swarm::new().tracker_says(nobody_but("8:intervali900e", warning)).await.peers(1, Serves).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_names_nobody_and_wants_to_be_left_alone_for_a_day() {
    let asked_in = |seconds| nobody_but(&format!("8:intervali{seconds}e12:min intervali{seconds}e"), "");
    let sick = Swarm::new().tracker_says(asked_in(86_400)).await;
    sick.check_is_led_by("no_peers_known", "the trackers that answered named nobody").await;
    let told =
        sick.download_is_led_by("no_peers_known", "asked again in about 24 hours", Fact::Trackers).await;
    let well = Swarm::new().tracker_says(asked_in(86_400)).await.peers(1, Serves).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_the_tracker_has_expired() {
    let certificate = Certificate::expired(&["127.0.0.1"]);
    let tracker = Tracker::https(&certificate, Reply::nobody()).await;
    let trusting = |swarm: Swarm| {
        let pem = certificate.pem.clone().into_bytes();
        swarm.options(move |options| options.tracker.only_trust_pem = Some(pem.clone()))
    };
    let sick = trusting(Swarm::new().tracker_at(&tracker.url()));
    let told = sick.leads_with("trackers_failing", "expired", Fact::Trackers).await;
    let well = trusting(Swarm::new().tracker_at(&tracker.url())).tracker(1, Serves).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tracker_sends_us_to_a_web_page() {
    let page = || Reply::Body("200 OK", b"<!DOCTYPE html><title>Domain for sale</title>".to_vec());
    let sick = Swarm::new().tracker_says(page()).await;
    let told = sick.leads_with("trackers_failing", "The tracker fails: ", Fact::Trackers).await;
    let well = Swarm::new().tracker_says(page()).await.tracker(1, Serves).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tracker_does_not_know_the_torrent() {
    let no = || Reply::refusal("Torrent not registered");
    let sick = Swarm::new().tracker_says(no()).await;
    let told = sick.leads_with("trackers_failing", "“Torrent not registered”", Fact::Trackers).await;
    let well = Swarm::new().tracker_says(no()).await.tracker(1, Serves).await;
    well.never_says(&told, Fact::Trackers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_take_the_connection_and_say_nothing() {
    let sick = Swarm::new().peers(6, SaysNothing).await;
    let words = "all that accept a connection say nothing";
    sick.check_is_led_by("unknown", words).await;
    let told = sick.download_is_led_by("stalled", words, Fact::Dials).await;
    let well = Swarm::new().peers(6, IsSlowToShakeHands(6000)).await;
    well.never_says(&told, Fact::Connected(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_cuts_every_connection_after_the_same_time() {
    let mut sick = Swarm::of_pieces(64);
    for later in 0..6 {
        sick = sick.peers(1, Leaves { shakes_ms: later * 1200, leaves_ms: 3000 }).await;
    }
    let words = "the last 6 connections to 6 peers lasted 3 seconds each";
    sick.check_is_led_by("healthy", "It works").await;
    let told = sick.download_is_led_by("cut_regularly", words, Fact::LastEnd).await;
    let mut well = Swarm::of_pieces(64);
    for ms in [1500, 2500, 3500, 4500, 5500, 6500, 7500, 8500] {
        well = well.peers(1, Leaves { shakes_ms: 0, leaves_ms: ms }).await;
    }
    well.never_says(&told, Fact::Connected(9)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_range_of_ports_is_blocked() {
    let test = "sicknesses::one_range_of_ports_is_blocked";
    let vanish =
        "ip link set lo up && ip addr add 10.8.0.1/32 dev lo && ip route add 10.9.0.0/16 dev lo src 10.8.0.1";
    if namespace::enter(test, vanish) != namespace::Place::Inside {
        return;
    }
    let silent = |port: fn(u8) -> u16| (1..9).map(move |n| SocketAddr::from(([10, 9, 0, n], port(n))));
    let sick = Swarm::of_pieces(32).peers(8, ServesAt(4000)).await.at(silent(|n| 6880 + u16::from(n)));
    let words = "None of the 8 peers at ports 6881 to 6999 answers; 8 of the 8 at other ports do";
    sick.check_says("healthy", "ports_blocked", words).await;
    let told = sick.download_says("healthy", "ports_blocked", words, Fact::Dials).await;
    let well = Swarm::of_pieces(32).peers(8, ServesAt(4000)).await.at(silent(|n| 7000 + u16::from(n) * 5000));
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_peers_have_addresses_of_a_family_that_this_machine_lacks() {
    let test = "sicknesses::all_peers_have_addresses_of_a_family_that_this_machine_lacks";
    if namespace::enter(test, "ip link set lo up") != namespace::Place::Inside {
        return;
    }
    let far = |n: u16| SocketAddr::new(format!("2001:470::{n}").parse().unwrap(), 6881);
    let sick = Swarm::new().at((1..9).map(far));
    let words = "None of the 8 IPv6 peers can be reached: there is no route to them from here";
    let told = sick.leads_with("address_family_dead", words, Fact::Dials).await;
    let well = Swarm::new().peers(8, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_forbids_every_connection() {
    let test = "sicknesses::this_machine_forbids_every_connection";
    let rules = "ip link set lo up && ip route add prohibit 10.1.0.0/16 && ip route add 10.2.0.0/16 dev lo";
    if namespace::enter(test, rules) != namespace::Place::Inside {
        return;
    }
    let at = |net: u8| (1..9).map(move |n| SocketAddr::from(([10, net, 0, n], 6881)));
    let sick = Swarm::new().at(at(1));
    let told =
        sick.leads_with("address_family_dead", "this machine forbids the connections", Fact::Dials).await;
    let well = Swarm::new().at(at(1).take(4)).peers(1, ServesAt(20_000)).await;
    well.never_says(&told, Fact::Connected(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_trackers_mixes_torrents_up() {
    let sick = Swarm::of_pieces(32).tracker(5, HasAnotherTorrent).await.tracker(4, ServesAt(4000)).await;
    sick.check_says("healthy", "other_torrent", "that answered share another torrent").await;
    let told = sick
        .download_says("healthy", "other_torrent", "All 5 peers named by http://127.0.0.1:", Fact::Dials)
        .await;
    // A tracker that names others too only has some addresses that are old.
    let mut well = Swarm::of_pieces(32);
    let others = well.make(3, HasAnotherTorrent).await;
    let well = well.tracker_also(others, 4, ServesAt(4000)).await;
    well.never_says(&told, Fact::Dials).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_unchoke_and_send_nothing() {
    let sick = Swarm::new().peers(4, NeverSends).await;
    let words = "The 4 peers that let us download have sent nothing";
    sick.check_is_led_by("unchoked_but_silent", "have sent nothing").await;
    let told = sick.download_is_led_by("unchoked_but_silent", words, Fact::Connected(10)).await;
    let well = Swarm::new().peers(4, ServesAt(3000)).await;
    well.never_says(&told, Fact::Connected(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_limit_is_nothing() {
    let sick = Swarm::new().peers(3, Serves).await.options(|options| options.down_bps = Some(0));
    sick.check_is_led_by("healthy", "It works").await;
    let words = "the download limit is 0";
    let (told, _) = sick.engine_is_led_by("own_limits", words, Fact::Trackers).await;
    // The command line takes no limit of 0; on the screen it is typed.
    let mut screen = OnScreen::start(&Swarm::new().peers(3, Chokes).await);
    let typed = screen.forbid_to_receive().await;
    screen.leads_with(&told, words, typed).await;
    let well =
        Swarm::new().peers(3, ServesAt(10_000)).await.options(|options| options.down_bps = Some(1 << 20));
    well.never_says(&told, Fact::Connected(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_is_taken() {
    let of_two = |places| {
        let swarm = Swarm::of_pieces(64).peers(6, ServesAt(4000));
        async move { swarm.await.options(move |options| options.max_peers = places) }
    };
    let sick = of_two(2).await;
    let words = "4 peers wait: all 2 connections that --max-peers allows are open";
    sick.check_is_led_by("healthy", "It works").await;
    let told = sick.download_says("healthy", "own_limits", words, Fact::Connected(0)).await;
    of_two(6).await.never_says(&told, Fact::Connected(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_is_named_at_many_addresses() {
    let sick = Swarm::new().peers(5, IsTheSameAndChokes).await;
    let words = "The one live peer is choking us";
    sick.check_is_led_by("all_choke_us", "is choking us").await;
    let told = sick.download_is_led_by("all_choke_us", words, Fact::Connected(10)).await;
    let well = Swarm::of_pieces(32).peers(5, IsTheSameAndChokes).await.peers(1, ServesAt(4000)).await;
    well.never_says(&told, Fact::Connected(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_the_last_piece_or_ever_will() {
    let words = "None of them fetches any more: it can come only from somebody else";
    let sick = Swarm::new().peers(4, LacksTheLastPieceForGood).await;
    sick.check_says("healthy", "pieces_missing", "No peer has 1 of the 8 pieces").await;
    let told = sick.download_is_led_by("pieces_missing", words, Fact::LastBlock(0)).await;
    let well = Swarm::new().peers(4, LacksTheLastPieceForGood).await.peers(1, ServesAt(4000)).await;
    well.never_says(&told, Fact::LastBlock(30)).await;
}

/// The clock jumps for a process that did not run. Peers that were silent for as long are `all_unchoke_and_send_nothing`.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_jumps_while_all_send() {
    let (swarm, lab) = (Swarm::of_pieces(64).peers(3, ServesAt(20_000)).await, Lab::new());
    let (program, mut screen) = (swarm.program(&lab), OnScreen::start(&swarm));
    let sends = |line: &serde_json::Value| line["verdict"] == "healthy" && line["down_bps"] != 0;
    let before = program.until("it goes well", sends).await;
    screen.until_it_goes_well().await;
    program.signal(Signal::STOP);
    screen.signal(Signal::STOP);
    sleep(Duration::from_secs(15)).await;
    program.signal(Signal::CONT);
    screen.signal(Signal::CONT);
    let had = before["t_ms"].as_u64().unwrap();
    let later = |line: &serde_json::Value| line["t_ms"].as_u64().is_some_and(|ms| ms >= had + 8000);
    let goes_on = program.until("it goes on", |line| later(line) && sends(line));
    tokio::select! {
        () = screen.is_never_in_trouble() => unreachable!("it looks for ever"),
        _ = goes_on => {}
    }
    for line in program.output().json() {
        let said = line["verdict"].as_str().unwrap();
        assert!(["healthy", "unknown"].contains(&said), "{said} after the clock jumped: {line}");
    }
}
