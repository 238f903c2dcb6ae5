"""Datadog's tracer for Python, started by `ddtrace-run`; DD_TRACE_AGENT_URL names the agent."""
import faults

faults.serve()
