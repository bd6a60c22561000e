"""How sentences deviate from the guidelines: one case as S asks it, and the disparity between groups, adjusted."""

from recidiv_core.sentencing.adjusted import AdjustedDisparity, adjusted_disparity
from recidiv_core.sentencing.audit import (
    SentencingAudit,
    adjusters_of,
    audit_of,
    audit_sentencing,
    contrast_of,
    reference_for,
)
from recidiv_core.sentencing.disparity import (
    LEVELS,
    SentencingDisparity,
    case_deviation,
    group_name,
    sentencing_disparity,
)
from recidiv_core.sentencing.records import (
    ADJUSTERS,
    SentenceColumns,
    SentencingRecords,
    sentencing_records,
    suggest_sentences,
)
from recidiv_core.sentencing.sentences import (
    LIMITS,
    WAYS,
    between,
    case_answer,
    case_text,
    contrast_answers,
    months,
    rounded_bounds,
    sentencing_answer,
)
from recidiv_core.sentencing.simulate import (
    SAMPLE,
    SEED,
    TRUTH,
    SimulatedSentences,
    simulate_sentences,
    simulated_table,
)

__all__ = [
    "ADJUSTERS",
    "LEVELS",
    "LIMITS",
    "SAMPLE",
    "SEED",
    "TRUTH",
    "WAYS",
    "AdjustedDisparity",
    "SentenceColumns",
    "SentencingAudit",
    "SentencingDisparity",
    "SentencingRecords",
    "SimulatedSentences",
    "adjusted_disparity",
    "adjusters_of",
    "audit_of",
    "audit_sentencing",
    "between",
    "case_answer",
    "case_deviation",
    "case_text",
    "contrast_answers",
    "contrast_of",
    "group_name",
    "months",
    "reference_for",
    "rounded_bounds",
    "sentencing_answer",
    "sentencing_disparity",
    "sentencing_records",
    "simulate_sentences",
    "simulated_table",
    "suggest_sentences",
]
