"""Recidiv: assess how a model that scores people treats them."""

from recidiv_core.data import AuditDataset, Roles, load_dataset
from recidiv_core.errors import InputError, RecidivError
from recidiv_core.groups import GroupAudit, audit_groups
from recidiv_core.report import build_report

__version__ = "0.1.0"
__all__ = [
    "AuditDataset", "GroupAudit", "InputError", "RecidivError", "Roles", "audit_groups", "build_report", "load_dataset",
]
