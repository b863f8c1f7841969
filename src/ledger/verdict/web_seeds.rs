//! The rule about web seeds: all of them fail.

use super::Finding;
use super::Remedy;
use super::scene::Scene;
use super::table::rules;
use crate::event::Severity;
use crate::text;

rules! {
    WEB_SEEDS_FAILING = WebSeedsFailing Trouble, Every(10), web_seeds_failing, "web_seeds known",
        told => match told.number("web_seeds") {
            1 => "The web seed fails.".to_owned(),
            2 => "Both web seeds fail.".to_owned(),
            _ => format!("All {} web seeds fail.", told.count("web_seeds")),
        };
}

/// Where no peer is known either, it is why nothing arrives.
fn web_seeds_failing(scene: &Scene<'_>) -> Option<Finding> {
    let records = &scene.view.web_seeds;
    let failures: Vec<_> = records.iter().filter_map(|record| Some((record, record.failure()?))).collect();
    let &(record, why) = failures.first()?;
    if failures.len() < records.len() || !scene.downloading() {
        return None;
    }
    let (url, why) = (text::clean(&record.url, 80), text::clean(why.trim_end_matches('.'), 120));
    let mut text = match failures.len() {
        1 => format!("The web seed {url} fails: {why}."),
        2 => format!("Both web seeds fail, {url} so: {why}."),
        all => format!("All {all} web seeds fail, {url} so: {why}."),
    };
    let known = scene.view.funnel.known;
    let nobody = known == 0;
    if nobody {
        text.push_str(" Nobody else is known who has the data.");
    }
    let again = failures.iter().any(|(record, _)| record.next.is_some());
    let finding = match (nobody, again) {
        (true, true) => Finding::new(Severity::Warn, text).remedy(
            "leave it running: ttui asks again; or name a peer with --peer NAME:PORT.",
            Remedy::NamePeer,
        ),
        (true, false) => Finding::new(Severity::Warn, text)
            .remedy("name a peer with --peer NAME:PORT, or take a newer torrent.", Remedy::NamePeer),
        (false, _) => Finding::new(Severity::Info, text).advice("nothing to do: peers are asked."),
    };
    let finding = finding.evidence("web_seeds", failures.len() as u64).evidence("known", known);
    Some(if nobody { finding.explains() } else { finding })
}
