//! Access logs: the ledger of requests.

mod alb;
mod clf;
mod cloudfront;
mod envoy;
mod gin;
mod haproxy;
mod httperr;
mod line;
mod npm;
mod python;
mod simple;
mod squid;
mod tail;
mod token;
mod value;
mod varnish;
mod w3c;

use crate::LineFormat;

pub(crate) use line::{request_line, settle};
pub use simple::request_in;

/// The formats of this room, in the order in which they are tried: what only one program writes before what
/// many could.
pub static FORMATS: &[&dyn LineFormat] = &[
    &crate::layout::Configured,
    &w3c::W3c,
    &httperr::HttpErr,
    &cloudfront::CloudFront,
    &alb::Alb,
    &haproxy::Haproxy,
    &envoy::Envoy,
    &python::Uwsgi,
    &python::Uvicorn,
    &python::Tornado,
    &gin::Gin,
    &squid::Squid,
    &varnish::Varnishlog,
    &npm::Npm,
    // The common format and what grew from it.
    &clf::Combined,
    &clf::VhostCombined,
    &clf::Common,
    &clf::Inferred,
    // Anything with a request and a status.
    &simple::RequestLine,
];
