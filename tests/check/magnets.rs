//! Magnets whose metadata nobody gives: what `check` and a download, without a screen and on one, say first, with who was
//! asked and what each said; and twins whose metadata come late, of which nothing is said.

use std::time::Duration;

use serde_json::{Value, json};

use crate::peers::peer_of;
use crate::support::{Gives, Lab, Program, program, soon};
use crate::surfaces::{OnScreen, Told};
use crate::swarms::Does::{ComesWithMetadata, HasNoMetadata, OffersMetadata};
use crate::swarms::{Fact, Swarm};

/// How often lines are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How late a part comes that comes late: a third of the time after which a peer is called silent.
const LATE: Duration = Duration::from_secs(1);

/// What is said of one peer: its word on the screen, why `check --json` says it is no use, its detail there, and both in
/// the text of `check`.
struct Said {
    word: &'static str,
    cause: Option<&'static str>,
    detail: Option<&'static str>,
    text: &'static str,
}

const HAS_NONE: Said =
    Said { word: "has none", cause: None, detail: Some("has no metadata"), text: ": has no metadata" };
const REFUSES: Said =
    Said { word: "refuses", cause: Some("metadata_refused"), detail: None, text: ": refuses" };
const IS_SILENT: Said =
    Said { word: "silent", cause: Some("metadata_silent"), detail: None, text: ": silent" };
const GAVE_ONE_PART: Said = Said {
    word: "gave",
    cause: Some("closed_by_peer"),
    detail: Some("gave part 1"),
    text: ": gone, gave part 1",
};

/// All surfaces say that nobody gives the metadata, in these words, what came of them, and what each peer said.
async fn nobody_gives(sick: &Swarm, words: &str, came: &str, said: &[Said]) -> Told {
    let (led, text, json, ()) = tokio::join!(
        sick.is_led_by_alone("metadata_missing", words, Fact::Metadata),
        sick.program_check(),
        sick.program_check_as(&["--json"]),
        says_in_lines(sick, words),
    );
    let screen = OnScreen::start(sick);
    let rows: Vec<_> = sick.named().iter().copied().zip(said.iter().map(|it| it.word)).collect();
    screen.shows_beside(&rows).await;

    assert_eq!((text.code(), json.code()), (0, 0), "somebody shook hands");
    let output = text.stdout.join("\n");
    let whole = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(whole.contains(came), "{came}: {output}");
    assert!(whole.to_lowercase().contains(words), "{words}: {output}");
    for of_pieces in ["holds", "copies", "nothing has come", "sends data"] {
        assert!(!whole.contains(of_pieces), "nobody was asked for pieces, {of_pieces}: {output}");
    }
    let (report, told) = led;
    for report in [&report, &json.json()[0]] {
        assert_says(report, sick, said);
    }
    for (addr, said) in sick.named().iter().zip(said) {
        let line = text.stdout.iter().find(|line| line.contains(&addr.to_string()));
        assert!(line.is_some_and(|line| line.contains(said.text)), "{}: {output}", said.text);
    }
    told
}

/// What `check --json` says where nobody gives the metadata.
fn assert_says(report: &Value, sick: &Swarm, said: &[Said]) {
    assert_eq!(report["schema"], "ttui.check/1");
    assert_eq!((&report["torrent"]["name"], &report["availability"]), (&Value::Null, &Value::Null));
    assert_eq!(report["torrent"]["info_hash"].as_str().map(str::len), Some(40));
    assert_eq!(report["verdicts"][0]["code"], "metadata_missing", "{report:#}");
    for (addr, said) in sick.named().iter().zip(said) {
        let peer = peer_of(report, *addr);
        assert_eq!((&peer["cause"], &peer["stage"]), (&json!(said.cause), &json!(stage(peer))), "{peer:#}");
        assert_eq!(peer.get("detail").and_then(Value::as_str), said.detail, "{peer:#}");
        assert_eq!(peer["live"], said.cause != Some("closed_by_peer"), "{peer:#}");
    }
}

/// One that was connected; whether it unchoked us by then is its own matter.
fn stage(peer: &Value) -> &str {
    let stage = peer["stage"].as_str().unwrap();
    assert!(["handshaken", "unchoked"].contains(&stage), "{peer:#}");
    stage
}

/// The lines for people of a download say it.
async fn says_in_lines(sick: &Swarm, words: &str) {
    let lab = Lab::new();
    let program = Program::spawn(program::command(&lab).arg("--headless").args(sick.arguments(&lab)));
    let says = async {
        while !program
            .output()
            .stdout
            .iter()
            .any(|line| line.starts_with("metadata ") && line.contains(words))
        {
            tokio::time::sleep(GLANCE).await;
        }
    };
    soon(&format!("a line says {words}"), says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_the_metadata() {
    let sick = Swarm::magnet().peers(3, HasNoMetadata).await;
    let words = "no peer gives the metadata: 3 have none.";
    let came = "Nobody offers the metadata.";
    let told = nobody_gives(&sick, words, came, &[HAS_NONE, HAS_NONE, HAS_NONE]).await;
    let well = Swarm::magnet().peers(3, HasNoMetadata).await;
    let well = well.peers(1, ComesWithMetadata(2000, Gives::Right)).await;
    well.never_says(&told, Fact::Metadata).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refuse_the_metadata() {
    let sick = Swarm::magnet().peers(3, OffersMetadata(Gives::Refuses)).await;
    let words = "no peer gives the metadata: 3 refuse.";
    let came = "0 of 3 parts came; of 3 peers that were asked 3 refused.";
    let told = nobody_gives(&sick, words, came, &[REFUSES, REFUSES, REFUSES]).await;
    let well = Swarm::magnet().peers(3, OffersMetadata(Gives::Refuses)).await;
    let well = well.peers(1, OffersMetadata(Gives::Late(LATE))).await;
    well.never_says(&told, Fact::Metadata).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_silent_who_are_asked_for_the_metadata() {
    let sick = Swarm::magnet().peers(3, OffersMetadata(Gives::Nothing)).await;
    let words = "no peer gives the metadata: 3 say nothing.";
    let came = "0 of 3 parts came; of 3 peers that were asked 3 said nothing.";
    let told = nobody_gives(&sick, words, came, &[IS_SILENT, IS_SILENT, IS_SILENT]).await;
    // While the first are called silent, the parts come from the last.
    let well = Swarm::magnet().peers(2, OffersMetadata(Gives::Nothing)).await;
    let well = well.peers(1, ComesWithMetadata(1500, Gives::Late(LATE))).await;
    well.never_says(&told, Fact::Metadata).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gives_a_part_of_the_metadata_and_goes() {
    let sick = Swarm::magnet().peers(1, OffersMetadata(Gives::Below(1))).await.peers(2, HasNoMetadata).await;
    let words = "no peer gives the metadata: 2 have none, 1 stopped half way. 1 of 3 parts are here.";
    let came = "1 of 3 parts came; of 1 peer that was asked 1 gave some.";
    let told = nobody_gives(&sick, words, came, &[GAVE_ONE_PART, HAS_NONE, HAS_NONE]).await;
    let well = Swarm::magnet().peers(1, OffersMetadata(Gives::Below(1))).await.peers(2, HasNoMetadata).await;
    let well = well.peers(1, ComesWithMetadata(2000, Gives::Right)).await;
    well.never_says(&told, Fact::Metadata).await;
}

/// Beside those that withhold them one gives them: the check says what came and from whom.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_magnet_says_who_gives_the_metadata() {
    let swarm = Swarm::magnet()
        .peers(2, OffersMetadata(Gives::Right))
        .await
        .peers(1, OffersMetadata(Gives::Refuses))
        .await
        .peers(1, HasNoMetadata)
        .await;
    let (text, json) = tokio::join!(swarm.program_check(), swarm.program_check_as(&["--json"]));
    assert_eq!((text.code(), json.code()), (0, 0));
    let output = text.stdout.join("\n");
    let whole = output.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "It works: 4 of the 4 known peers shook hands, and 2 gave metadata: all 3 parts came, and they are right.",
        "3 of 3 parts came; of 3 peers that were asked 2 gave some, 1 refused.",
        ": refuses",
        ": has no metadata",
        ": gave part",
    ] {
        assert!(whole.contains(said), "{said}: {output}");
    }
    let report = &json.json()[0];
    assert_eq!((&report["torrent"]["name"], &report["availability"]), (&json!("it"), &Value::Null));
    assert_eq!(report["verdicts"][0]["code"], "healthy");
    let causes: Vec<&Value> = swarm.named().iter().map(|addr| &peer_of(report, *addr)["cause"]).collect();
    assert_eq!(causes, [&Value::Null, &Value::Null, &json!("metadata_refused"), &Value::Null]);
}
