"""An app that logs to the machine's syslog socket, which rsyslog listens on and sends on."""
import logging
import logging.handlers
import os

import faults

handler = logging.handlers.SysLogHandler(os.environ["SYSLOG_SOCKET"])
handler.ident = "storefront: "
faults.app.logger.addHandler(handler)
faults.serve()
