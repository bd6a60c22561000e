"""Counterfactual pairs: nothing changed but the protected attribute, and the decision looked at."""

from recidiv_core.counterfactuals.audit import (
    CounterfactualAudit,
    audit_counterfactuals,
    beside,
    clone_scores,
    decisions_of,
    judged,
    usual_threshold,
)
from recidiv_core.counterfactuals.contrasts import one_way
from recidiv_core.counterfactuals.curves import response_curve
from recidiv_core.counterfactuals.fields import FIELDS, FieldSpec, ProfileSpec, suggest_profile_spec
from recidiv_core.counterfactuals.loans import loan_model, loan_profiles
from recidiv_core.counterfactuals.pairs import (
    LOCALES,
    CounterfactualPairs,
    make_pairs,
    pairs_from_rows,
    pairs_of,
)
from recidiv_core.counterfactuals.sentences import FIXED, counterfactual_answer, probe_sentence, unseen_sentence
from recidiv_core.counterfactuals.single import Single, ask_one, smallest_changes

__all__ = [
    "FIELDS",
    "FIXED",
    "LOCALES",
    "CounterfactualAudit",
    "CounterfactualPairs",
    "FieldSpec",
    "ProfileSpec",
    "Single",
    "ask_one",
    "audit_counterfactuals",
    "beside",
    "clone_scores",
    "counterfactual_answer",
    "decisions_of",
    "judged",
    "loan_model",
    "loan_profiles",
    "make_pairs",
    "one_way",
    "pairs_from_rows",
    "pairs_of",
    "probe_sentence",
    "response_curve",
    "smallest_changes",
    "suggest_profile_spec",
    "unseen_sentence",
    "usual_threshold",
]
