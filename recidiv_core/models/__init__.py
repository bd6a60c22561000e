"""Models: training, comparison, explanation, and trained models from outside."""

from recidiv_core.models.algorithms import ALGORITHMS, MITIGATIONS, TRAINABLE, Algorithm
from recidiv_core.models.effects import marginal_effects
from recidiv_core.models.evaluate import ModelComparison, evaluate_models, scored_dataset
from recidiv_core.models.explain import permutation_importance, tree_rules
from recidiv_core.models.loading import load_model
from recidiv_core.models.prepare import Feature, balanced, rows_of, splits, training_dataset, usable_features
from recidiv_core.models.proxies import ProxyProbe, proxy_probe
from recidiv_core.models.sentences import comparison_answer, notes, protocol
from recidiv_core.models.tables import literature, paper_tables, performance_table
from recidiv_core.models.trained import TrainedModel, train_model
from recidiv_core.models.transfer import auc_interval, transferred_scores

__all__ = [
    "ALGORITHMS",
    "MITIGATIONS",
    "TRAINABLE",
    "Algorithm",
    "Feature",
    "ModelComparison",
    "ProxyProbe",
    "TrainedModel",
    "auc_interval",
    "balanced",
    "comparison_answer",
    "evaluate_models",
    "literature",
    "load_model",
    "marginal_effects",
    "notes",
    "paper_tables",
    "performance_table",
    "permutation_importance",
    "protocol",
    "proxy_probe",
    "rows_of",
    "scored_dataset",
    "splits",
    "train_model",
    "training_dataset",
    "transferred_scores",
    "tree_rules",
    "usable_features",
]
