//! What is said on the ordinary screen once the terminal is given back.

use std::sync::Arc;

use crate::event::Phase;
use crate::ledger::View;
use crate::units;

/// How much of it was done, and where it is.
fn done(view: &View) -> String {
    let binary = units::Units::Binary;
    let complete = view.is_whole();
    let name = view.torrent.title();
    let done = match view.wanted_bytes {
        None => format!("{name}: the metadata did not come yet"),
        Some(total) if complete => format!("{name}: complete, {}", units::bytes(total, binary)),
        Some(total) => {
            let percent = (u128::from(view.have_bytes) * 100 / u128::from(total.max(1))).min(99);
            format!("{name}: {percent} % of {}", units::bytes(total, binary))
        }
    };
    let output = crate::text::clean(&view.torrent.output.to_string_lossy(), 400);
    format!("{done}, in {output}")
}

/// A line for each of several torrents, and how those go on that are not complete.
pub fn summary_of_several(views: &[Arc<View>]) -> String {
    let mut said = String::new();
    for view in views {
        said += &done(view);
        if view.phase == Phase::Stopped {
            said += &format!("; it stopped: {}", view.phase_reason.as_deref().unwrap_or("the disk refused."));
        }
        said.push('\n');
    }
    said + match views.iter().all(|view| view.is_whole()) {
        true => "Nothing is missing.\n",
        false => "The same command goes on where they stopped.\n",
    }
}

/// Three lines for the ordinary screen after leaving: what was done, where it is, why it stopped short.
pub fn summary(view: &View) -> String {
    let binary = units::Units::Binary;
    let (done, complete) = (done(view), view.is_whole());
    let (down, up) = (units::bytes(view.down_bytes, binary), units::bytes(view.up_bytes, binary));
    let time = units::duration(view.at);
    let short = match (complete, view.phase) {
        (true, _) if view.wanted_files.is_some() => "Nothing that is wanted is missing.".to_owned(),
        (true, _) => "Nothing is missing.".to_owned(),
        (false, Phase::Stopped) => {
            format!("It stopped: {}", view.phase_reason.as_deref().unwrap_or("the disk refused."))
        }
        (false, Phase::Paused) => "It is paused, and stays so until p at the next start.".to_owned(),
        (false, _) => "The same command goes on where it stopped.".to_owned(),
    };
    format!("{done}\n{down} received and {up} sent in {time}.\n{short}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;

    #[test]
    fn the_summary_says_what_was_done_and_how_to_go_on() {
        let said = summary(&sample::healthy());
        assert_eq!(said.lines().count(), 3, "{said}");
        assert!(said.contains("goes on where it stopped"), "{said}");
        assert!(summary(&sample::seeding()).contains("complete, 3.7 GiB, in /home/me/iso"));
        assert!(summary(&sample::stopped()).contains("The disk is full"));
    }

    #[test]
    fn several_torrents_have_a_line_each() {
        let views = [sample::seeding(), sample::stopped()].map(Arc::new);
        let said = summary_of_several(&views);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].ends_with("complete, 3.7 GiB, in /home/me/iso"), "{said}");
        assert!(lines[1].contains("12 % of 3.7 GiB") && lines[1].contains("The disk is full"), "{said}");
        assert_eq!(lines[2..], ["The same command goes on where they stopped."]);
        assert!(summary_of_several(&views[..1]).ends_with("Nothing is missing.\n"));
    }
}
