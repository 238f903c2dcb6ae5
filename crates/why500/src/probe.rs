//! `why500 probe`: finds requests that a server answers with 5xx, and says why.

mod net;

use crate::explain::Usage;
use ::probe::case::Common;
use ::probe::explore::{Explorer, Settings};
use ::probe::targets::openapi;
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Options of `probe`.
#[derive(Args, Debug)]
pub struct Probe {
    /// What to probe
    #[arg(value_name = "TARGET")]
    target: String,
    /// Others than GET, HEAD and OPTIONS too
    #[arg(long)]
    unsafe_methods: bool,
}

/// Runs the command.
pub fn run(options: &Probe) -> Result<ExitCode, Usage> {
    let url = url::Url::parse(&options.target).map_err(|e| Usage(e.to_string()))?;
    let host = net::Host::of(&url, true)?;
    let stop = Arc::new(AtomicBool::new(false));
    let manners = net::Manners { rps: None, timeout: Duration::from_secs(10), sent: None, dry: false };
    let mut line = net::Line::open(host, &manners, stop, None)?;
    use ::probe::explore::Server;
    let text = line.send(&[::probe::Request::new("GET", url.path())]).remove(0);
    let description = openapi::read(&text.text()).map_err(Usage)?;
    let settings = Settings {
        seed: 1,
        requests_max: 1000,
        unsafe_methods: options.unsafe_methods,
        templates: ::probe::templates::library(&[]).map_err(Usage)?,
        common: Common::default(),
    };
    let mut explorer = Explorer::new(&description, &settings);
    let found = explorer.run(&mut line);
    line.close();
    for f in &found {
        let op = &description.operations[f.op];
        println!(
            "{} [{}] {} x{} again={} contrast={:?} {:?}",
            op.name,
            f.sites.iter().map(|s| s.shown(op)).collect::<Vec<_>>().join(", "),
            f.family,
            f.count,
            f.again,
            f.contrast,
            f.variants
        );
        for x in &f.exchanges {
            println!("    {} -> {}", x.request.curl(line.base()), x.answer.status);
        }
    }
    println!("{} requests exploring, {} in all", explorer.requests, line.requests);
    Ok(ExitCode::SUCCESS)
}
