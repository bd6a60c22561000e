"""Recidiv: assess how a model that scores people treats them."""

from recidiv_core.data import AuditDataset, Roles, load_dataset
from recidiv_core.errors import InputError, RecidivError
from recidiv_core.groups import GroupAudit, audit_groups
from recidiv_core.report import build_report
from recidiv_core.version import __version__

__all__ = [
    "AuditDataset",
    "GroupAudit",
    "InputError",
    "RecidivError",
    "Roles",
    "__version__",
    "audit_groups",
    "build_report",
    "load_dataset",
]
