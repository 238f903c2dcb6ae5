"""OpenTelemetry for Python; HTTP or gRPC is set by OTEL_EXPORTER_OTLP_PROTOCOL, which `opentelemetry-instrument` reads."""
import faults

faults.serve()
