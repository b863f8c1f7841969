//! Real clients against the real `ttui`, each on a host of its own.
//!
//! `cargo test --test interop [FILTER…]` runs the cases whose name contains one of the filters, `-- --list` names
//! them. The program starts itself again in fresh network namespaces (no privilege is needed for that where the
//! kernel allows user namespaces), so nothing here ever touches the network of the machine.
//!
//! | module | for |
//! |---|---|
//! | [`outer`] | the second start, inside private namespaces |
//! | [`net`] | hosts on a bridge, IPv4 and IPv6 |
//! | [`process`] | children that always end |
//! | [`lab`] | what one case works with: folder, network, deadline |
//! | [`torrents`] | contents and the foreign tools that make torrents of them |
//! | [`clients`] | one module a client: how it seeds, how it downloads |
//! | [`cases`] | what is shown |
//! | [`way_in`] | the same, of routers |
//! | [`local`] | the same, of clients of one network |
//! | [`web_seeds`] | the same, of web servers |
//! | [`over_utp`] | the same, over uTP |
//! | [`holepunch`] | the same, of two behind routers and a third |
//! | [`wire`] | what is sent, packet by packet |
//! | [`runner`] | filter, retry, report |
//!
//! Environment: `CI=true` makes a missing client a failure, `TTUI_INTEROP_JOBS` sets how many cases run at once.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test program reports on its terminal")]
#![allow(clippy::disallowed_methods, reason = "real clients run in real time")]

mod cases;
mod clients;
mod holepunch;
mod http;
mod lab;
mod local;
mod net;
mod outer;
mod over_utp;
mod process;
mod runner;
mod torrents;
mod tree;
mod way_in;
mod web_seeds;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match runner::Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    if options.list {
        runner::list(&cases::all(), &options);
        return ExitCode::SUCCESS;
    }
    match outer::place() {
        outer::Place::Inside => runner::run(&cases::all(), &options),
        outer::Place::Ended(code) => code,
        outer::Place::Impossible(why) => runner::report_no_namespaces(&cases::all(), &options, &why),
    }
}
