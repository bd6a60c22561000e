"""A synthetic copy: does it keep the use, and whom does it give away."""

from recidiv_core.privacy.attacks import AttackAudit, audit_attacks
from recidiv_core.privacy.audit import (
    CANNOT,
    FARTHER,
    LEAKS,
    NO_SIGN,
    TOO_FEW,
    PrivacyAudit,
    audit_alone,
    audit_privacy,
    nearest_pairs,
)
from recidiv_core.privacy.distances import nearest_distances, nearest_records
from recidiv_core.privacy.fidelity import Fidelity, fidelity
from recidiv_core.privacy.linkage import SIMILARITIES, LinkageAudit, LinkField, link_records
from recidiv_core.privacy.release import (
    REAL,
    SUMMARY,
    CopyAudit,
    ReleaseAudit,
    Split,
    audit_baseline,
    audit_copy,
    audit_release,
    nearest_values,
    outside_copy,
    split_real,
    split_with,
    with_found,
)
from recidiv_core.privacy.schema import Schema, schema_of
from recidiv_core.privacy.sentences import (
    LIMITS,
    attack_answer,
    frontier_answer,
    linkage_answer,
    member_answer,
    privacy_answer,
)
from recidiv_core.privacy.synthesize import METHODS, SyntheticTable, copied_columns, synthesize
from recidiv_core.privacy.utility import FIRST_ALGORITHMS, UtilityAudit, audit_utility

__all__ = [
    "CANNOT",
    "FARTHER",
    "FIRST_ALGORITHMS",
    "LEAKS",
    "LIMITS",
    "METHODS",
    "NO_SIGN",
    "REAL",
    "SIMILARITIES",
    "SUMMARY",
    "TOO_FEW",
    "AttackAudit",
    "CopyAudit",
    "Fidelity",
    "LinkField",
    "LinkageAudit",
    "PrivacyAudit",
    "ReleaseAudit",
    "Schema",
    "Split",
    "SyntheticTable",
    "UtilityAudit",
    "attack_answer",
    "audit_alone",
    "audit_attacks",
    "audit_baseline",
    "audit_copy",
    "audit_privacy",
    "audit_release",
    "audit_utility",
    "copied_columns",
    "fidelity",
    "frontier_answer",
    "link_records",
    "linkage_answer",
    "member_answer",
    "nearest_distances",
    "nearest_pairs",
    "nearest_records",
    "nearest_values",
    "outside_copy",
    "privacy_answer",
    "schema_of",
    "split_real",
    "split_with",
    "synthesize",
    "with_found",
]
