//! What a program says when its own telemetry cannot be delivered. The collector that is away fails no request: such lines stand by
//! the dozen beside whatever else happens, and look like a dead dependency.

use record::Record;

/// Words of clients of telemetry: Python's loggers and modules, Java's packages, Node's errors, Go's handler, and the paths that are
/// sent to. Sources: the exporters of opentelemetry-python, -java, -js and -go; dd-trace's writers; sentry-sdk's transport.
const WORDS: [&str; 20] = [
    "opentelemetry.exporter",
    "opentelemetry/exporter/",
    "opentelemetry.sdk",
    "opentelemetry/sdk/",
    "OpenTelemetry error:",
    "OTLPExporterError",
    "while exporting traces",
    "while exporting metrics",
    "while exporting logs",
    "Failed to export spans",
    "Failed to export metrics",
    "Failed to export logs",
    "traces export: ",
    "/v1/traces",
    "/v1/metrics",
    "/v1/logs",
    "traces to intake at",
    "sentry_sdk/transport",
    "sentry_sdk.errors",
    "/envelope/",
];

/// Does it tell of telemetry that could not be sent, and of no request?
pub(crate) fn is_export(r: &Record) -> bool {
    let told =
        |text: &str| WORDS.iter().any(|w| memchr::memmem::find(text.as_bytes(), w.as_bytes()).is_some());
    // A service may be asked for such paths itself.
    let asked = r.request.as_ref().is_some_and(|q| q.status.is_some() || told(&q.target));
    !asked && (told(&r.message) || r.service.as_deref().is_some_and(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_that_cannot_be_sent_is_no_dead_dependency() {
        let says = |service: Option<&str>, message: &str| {
            is_export(&Record {
                service: service.map(str::to_owned),
                message: message.into(),
                ..Record::default()
            })
        };
        assert!(says(
            Some("urllib3.connectionpool"),
            "Retrying (Retry(total=2, connect=None, read=None, redirect=None, status=None)) after connection broken by \
             'NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=8500): Failed to establish a new connection: [Errno 111] \
             Connection refused\")': /v1/traces"
        ));
        assert!(says(
            None,
            "Transient error StatusCode.UNAVAILABLE encountered while exporting traces to localhost:4317, retrying in 1s."
        ));
        assert!(says(
            None,
            "failed to send, dropping 1 traces to intake at http://localhost:8126/v0.5/traces after 3 retries"
        ));
        assert!(says(
            Some("opentelemetry.exporter.otlp.proto.http.trace_exporter"),
            "Failed to export span batch code: 503"
        ));
        assert!(!says(Some("shop"), "connect ECONNREFUSED 127.0.0.1:5432"));
    }
}
