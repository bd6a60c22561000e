"""The HTTP routes: S's question about a case, and the audits of a table sent with the request."""

from recidiv_core.api.guard import Guard, is_loopback
from recidiv_core.api.routes import create_api
from recidiv_core.api.wire import LimitedProtocol
from recidiv_core.api.work import Workers

__all__ = ["Guard", "LimitedProtocol", "Workers", "create_api", "is_loopback"]
