//! Seeds of runs at random: few that are the same for every machine, or as many as the environment says.

/// A number that the environment gives.
pub(crate) fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The seeds of a test's runs: `TTUI_SEED` alone, `TTUI_SIM_RUNS` from one of the moment on, or the first `quick_runs`; after
/// those the ones with which something went wrong once.
pub(crate) fn seeds(quick_runs: u64, failed_once: &[u64]) -> Vec<u64> {
    if let Some(seed) = env("TTUI_SEED") {
        return vec![seed];
    }
    let runs = env("TTUI_SIM_RUNS");
    // Never the same night twice.
    let from = runs.map_or(0, |_| fastrand::u64(..u64::MAX / 2));
    (from..from + runs.unwrap_or(quick_runs)).chain(failed_once.iter().copied()).collect()
}
