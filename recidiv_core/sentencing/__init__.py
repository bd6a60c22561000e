"""How sentences deviate from the guidelines. (The page, the report's section and the HTTP API are still to come.)"""

from recidiv_core.sentencing.adjusted import AdjustedDisparity, adjusted_disparity
from recidiv_core.sentencing.disparity import LEVELS, SentencingDisparity, sentencing_disparity
from recidiv_core.sentencing.records import ADJUSTERS, SentenceColumns, SentencingRecords, sentencing_records
from recidiv_core.sentencing.simulate import SimulatedSentences, simulate_sentences

__all__ = [
    "ADJUSTERS",
    "LEVELS",
    "AdjustedDisparity",
    "SentenceColumns",
    "SentencingDisparity",
    "SentencingRecords",
    "SimulatedSentences",
    "adjusted_disparity",
    "sentencing_disparity",
    "sentencing_records",
    "simulate_sentences",
]
