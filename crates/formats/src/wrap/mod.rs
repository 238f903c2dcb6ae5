//! Wrappers around lines of something else.

mod cloudwatch;
mod compose;
mod cri;
mod docker;
mod fluent;
mod fly;
mod foreman;
mod heroku;
mod journal;
mod kubectl;
pub(crate) mod members;
mod pm2;
mod rfc5424;
mod shipper;
mod syslog;
mod timestamps;

use crate::Wrapper;
use std::borrow::Cow;

/// The wrappers, in the order in which they are tried: the narrow before the wide.
pub static WRAPPERS: &[&dyn Wrapper] = &[
    &docker::DockerJson,
    &cri::Cri,
    &journal::JournalJson,
    &rfc5424::Rfc5424,
    &heroku::Heroku,
    &fly::Fly,
    &syslog::Syslog,
    &pm2::Pm2,
    &pm2::Pm2Time,
    &foreman::Foreman,
    &compose::Compose,
    &kubectl::KubectlPrefix,
    &kubectl::Stern,
    &fluent::FluentFile,
    &fluent::FluentBitStdout,
    &cloudwatch::CloudwatchTail,
    &shipper::Shipper,
    &timestamps::Timestamps,
];

/// Takes the line end off.
fn trim_line_end(text: &mut Cow<'_, str>) {
    let len = text.trim_end_matches(['\n', '\r']).len();
    if len < text.len() {
        match text {
            Cow::Borrowed(t) => *t = t.get(..len).unwrap_or(t),
            Cow::Owned(t) => t.truncate(len),
        }
    }
}
