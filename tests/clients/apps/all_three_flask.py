"""Sentry's SDK and OpenTelemetry in one app, with one trace id, behind a proxy whose access log goes to syslog."""
import os
import socket
import time

import sentry_sdk
from sentry_sdk.integrations.otlp import OTLPIntegration

sentry_sdk.init(dsn=os.environ["DSN"], release="shop@1.4.0", integrations=[OTLPIntegration(setup_otlp_traces_exporter=False)])

import faults  # noqa: E402  (the SDK patches Flask before the app is made)

host, port = os.environ["SYSLOG"].split(":")
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def access_log(app):
    """Writes after each request what nginx would with `access_log syslog:server=… combined`."""

    def call(environ, start_response):
        def started(status, headers, exc_info=None):
            at = time.gmtime()
            line = '<190>%s web-1 nginx: 203.0.113.9 - - [%s] "%s %s HTTP/1.1" %s 157 "-" "curl/8.5.0"' % (
                time.strftime("%b %e %H:%M:%S", at),
                time.strftime("%d/%b/%Y:%H:%M:%S +0000", at),
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                status[:3],
            )
            out.sendto(line.encode(), (host, int(port)))
            return start_response(status, headers, exc_info)

        return app(environ, started)

    return call


faults.app.wsgi_app = access_log(faults.app.wsgi_app)
faults.serve()
