"""The HTTP routes: S's question about a case, and the audits of a table sent with the request."""

from recidiv_core.api.guard import LOOPBACK, Guard
from recidiv_core.api.routes import create_api

__all__ = ["LOOPBACK", "Guard", "create_api"]
