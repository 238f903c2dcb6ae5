//! Access logs: the ledger of requests.

mod balancers;
mod clf;
mod gin;
mod haproxy;
mod line;
mod python;
mod simple;
mod varnish;
mod w3c;

use crate::LineFormat;

pub(crate) use line::request_line;
pub use simple::request_in;

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[
    &crate::layout::Configured,
    &gin::Gin,
    &python::Uwsgi,
    &python::Uvicorn,
    &haproxy::HaproxyHttp,
    &balancers::Envoy,
    &balancers::Alb,
    &balancers::CloudFront,
    &w3c::W3c,
    &varnish::Varnishlog,
    &clf::Clf,
];
