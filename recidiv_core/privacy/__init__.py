"""A synthetic copy: whom it gives away. (The synthesizers, linkage, attacks, use and the page are still to come.)"""

from recidiv_core.privacy.audit import FARTHER, LEAKS, NO_SIGN, PrivacyAudit, audit_privacy
from recidiv_core.privacy.distances import nearest_distances, nearest_records
from recidiv_core.privacy.schema import Schema, schema_of

__all__ = [
    "FARTHER",
    "LEAKS",
    "NO_SIGN",
    "PrivacyAudit",
    "Schema",
    "audit_privacy",
    "nearest_distances",
    "nearest_records",
    "schema_of",
]
