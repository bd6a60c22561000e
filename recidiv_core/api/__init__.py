"""The HTTP routes: S's question about a case, and the audits of a table sent with the request; and what stands
before them and the dashboard.
"""

from recidiv_core.api.address import PublicUrl, is_loopback
from recidiv_core.api.doors import Doors
from recidiv_core.api.guard import Guard
from recidiv_core.api.policy import HEADERS, dashboard_policy
from recidiv_core.api.routes import create_api
from recidiv_core.api.tokens import Tokens, add_token, withdraw_token
from recidiv_core.api.wire import LimitedProtocol, LimitedSocket
from recidiv_core.api.work import Workers

__all__ = [
    "HEADERS",
    "Doors",
    "Guard",
    "LimitedProtocol",
    "LimitedSocket",
    "PublicUrl",
    "Tokens",
    "Workers",
    "add_token",
    "create_api",
    "dashboard_policy",
    "is_loopback",
    "withdraw_token",
]
