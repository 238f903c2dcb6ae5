//! What a program says when its own telemetry cannot be delivered. The collector that is away fails no request: such lines stand by
//! the dozen beside whatever else happens, and look like a dead dependency.

use record::Record;

/// Words of clients of telemetry: loggers and modules of Python's, packages of Java's, errors of Node's, Go's and Ruby's handlers, and
/// Datadog's writers. Sources: the exporters of opentelemetry-python, -java, -js, -go and -ruby; dd-trace-py; sentry-python.
const WORDS: [&str; 17] = [
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
    "failed to upload metrics",
    "traces to intake at",
    "sentry_sdk/transport",
    "sentry_sdk.errors",
];
/// How urllib3 begins to say that it tries again; the path that it asked for stands at the end, …
const RETRYING: &str = "Retrying (Retry(";
/// … which is one of these for telemetry. Alone they would be anybody's.
const PATHS: [&str; 4] = ["/v1/traces", "/v1/metrics", "/v1/logs", "/envelope/"];

/// Does it tell of telemetry that could not be sent, and of no request? What passed through the service's own code is its own error.
pub(crate) fn is_export(r: &Record) -> bool {
    let has = |text: &str, word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    let told = |text: &str| WORDS.iter().any(|w| has(text, w));
    let retried = || has(&r.message, RETRYING) && PATHS.iter().any(|p| r.message.trim_end().ends_with(p));
    let own = || r.exceptions.iter().any(|e| e.frames.iter().any(|f| f.in_app));
    let counted = r.request.as_ref().is_some_and(|q| q.status.is_some());
    !counted && (told(&r.message) || r.service.as_deref().is_some_and(told) || retried()) && !own()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Exception, Frame};

    fn says(service: Option<&str>, message: &str) -> Record {
        Record { service: service.map(str::to_owned), message: message.into(), ..Record::default() }
    }

    #[test]
    fn telemetry_that_cannot_be_sent_is_no_dead_dependency() {
        assert!(is_export(&says(
            Some("urllib3.connectionpool"),
            "Retrying (Retry(total=2, connect=None, read=None, redirect=None, status=None)) after connection broken by \
             'NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=8500): Failed to establish a new connection: [Errno 111] \
             Connection refused\")': /v1/traces"
        )));
        assert!(is_export(&says(
            None,
            "Transient error StatusCode.UNAVAILABLE encountered while exporting traces to localhost:4317, retrying in 1s."
        )));
        assert!(is_export(&says(
            None,
            "failed to send, dropping 1 traces to intake at http://localhost:8126/v0.5/traces after 3 retries"
        )));
        assert!(is_export(&says(
            Some("opentelemetry.exporter.otlp.proto.http.trace_exporter"),
            "Failed to export span batch code: 503"
        )));
    }

    #[test]
    fn an_error_of_the_services_own_is_none_of_telemetry() {
        assert!(!is_export(&says(Some("shop"), "connect ECONNREFUSED 127.0.0.1:5432")));
        // Another service may be asked for such paths.
        assert!(!is_export(&says(
            Some("audit"),
            "Post \"http://audit:8080/v1/logs\": dial tcp: connection refused"
        )));
        let frame =
            |file: &str, in_app| Frame { file: file.into(), line: Some(9), in_app, ..Frame::default() };
        let frames =
            vec![frame("/srv/app.py", true), frame("/lib/opentelemetry/sdk/trace/__init__.py", false)];
        let thrown = Exception { frames: frames.into(), ..Exception::default() };
        let traced =
            says(None, "KeyError: 'sku'\n  File \"/lib/opentelemetry/sdk/trace/__init__.py\", line 9");
        assert!(!is_export(&Record { exceptions: vec![thrown].into(), ..traced }));
    }
}
