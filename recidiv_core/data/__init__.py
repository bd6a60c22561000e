"""Roles, loading, validation, samples and simulators."""

from recidiv_core.data.datasets import Attribute, AuditDataset, assign_roles, load_dataset, suggest_cutpoints
from recidiv_core.data.describe import describe_groups, describe_types, score_histogram
from recidiv_core.data.export import csv_bytes
from recidiv_core.data.features import (
    AFTERWARDS,
    ANOTHER_SCORE,
    GIVEN_AWAY,
    candidates,
    gives_away,
    is_outcome,
    is_score,
)
from recidiv_core.data.loans import loan_tree
from recidiv_core.data.reading import read_table
from recidiv_core.data.residents import SimulatedResidents, simulate_residents
from recidiv_core.data.roles import POLARITIES, Roles
from recidiv_core.data.samples import SAMPLE_PREFIX, SAMPLES, list_samples, sample_census, sample_raw, sample_table
from recidiv_core.data.simulate import SimulatedScores, simulate_failures, simulate_scores
from recidiv_core.data.suggest import suggest_roles
from recidiv_core.data.tables import (
    MISSING_GROUP,
    LedgerEntry,
    Table,
    as_groups,
    band,
    intersect,
    join,
    person_codes,
    shown,
)

__all__ = [
    "AFTERWARDS",
    "ANOTHER_SCORE",
    "GIVEN_AWAY",
    "MISSING_GROUP",
    "POLARITIES",
    "SAMPLES",
    "SAMPLE_PREFIX",
    "Attribute",
    "AuditDataset",
    "LedgerEntry",
    "Roles",
    "SimulatedResidents",
    "SimulatedScores",
    "Table",
    "as_groups",
    "assign_roles",
    "band",
    "candidates",
    "csv_bytes",
    "describe_groups",
    "describe_types",
    "gives_away",
    "intersect",
    "is_outcome",
    "is_score",
    "join",
    "list_samples",
    "load_dataset",
    "loan_tree",
    "person_codes",
    "read_table",
    "sample_census",
    "sample_raw",
    "sample_table",
    "score_histogram",
    "shown",
    "simulate_failures",
    "simulate_residents",
    "simulate_scores",
    "suggest_cutpoints",
    "suggest_roles",
]
