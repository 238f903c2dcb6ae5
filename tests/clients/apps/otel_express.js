// OpenTelemetry for Node: started with --require @opentelemetry/auto-instrumentations-node/register.
require('./faults.js').serve();
