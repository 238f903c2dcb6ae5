"""Sentry's SDK for Python: errors and transactions, as its page on Flask says."""
import os

import sentry_sdk

sentry_sdk.init(dsn=os.environ["DSN"], traces_sample_rate=1.0, release="shop@1.4.0")

import faults  # noqa: E402  (the SDK patches Flask before the app is made)

faults.serve()
