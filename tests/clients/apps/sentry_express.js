// Sentry's SDK for Node: errors and transactions, as its page on Express says.
const Sentry = require('@sentry/node');

Sentry.init({ dsn: process.env.DSN, tracesSampleRate: 1.0, release: 'shop@1.4.0' });

const { app, serve } = require('./faults.js');

Sentry.setupExpressErrorHandler(app);
serve();
