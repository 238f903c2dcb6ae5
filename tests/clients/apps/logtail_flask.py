"""Better Stack's log handler for Python: Flask logs each exception that nobody handled."""
import logging
import os

import faults
from logtail import LogtailHandler

handler = LogtailHandler(source_token=os.environ["KEY"], host=os.environ["WHY500"], flush_interval=0.1)
logging.getLogger().addHandler(handler)
faults.serve()
