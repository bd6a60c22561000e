"""The audits that a request can ask for, each from the bytes of a table to the bytes of an answer, in a process of
its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recidiv_core.data import AuditDataset, Roles, load_dataset, read_table
from recidiv_core.errors import InputError
from recidiv_core.groups import audit_groups
from recidiv_core.plain import plain
from recidiv_core.report import manifest
from recidiv_core.slices import audit_slices, default_error
from recidiv_core.thresholds import audit_thresholds

MOST_ROWS, MOST_ANSWER = 1_000_000, 30_000_000  # rows sent, bytes answered


def _thresholds(dataset: AuditDataset, *, attribute: str | None, **options: Any) -> Any:
    return audit_thresholds(dataset, attribute=attribute or dataset.roles.sensitive[0], **options)


def _slices(dataset: AuditDataset, *, error: str | None, **options: Any) -> Any:
    return audit_slices(dataset, error=error or default_error(dataset), **options)


TASKS: dict[str, Callable[..., Any]] = {"audit": audit_groups, "thresholds": _thresholds, "slices": _slices}


def answer(body: bytes, *, task: str, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
    """The result as strict JSON, with the manifest.

    Raises
    ------
    InputError
        For a table, roles or options that cannot be used.
    """
    table = read_table(body, name="body", max_rows=MOST_ROWS)
    result = TASKS[task](load_dataset(table, roles=Roles(**roles)), **options)
    whole = result.to_dict() | {"manifest": manifest([result])}
    told = json.dumps(plain(whole), ensure_ascii=False, allow_nan=False).encode()
    if len(told) > MOST_ANSWER:
        raise InputError.one(
            "roles.sensitive",
            f"groups whose audit has at most {MOST_ANSWER / 1e6:.0f} MB",
            f"{len(told) / 1e6:,.0f} MB",
        )
    return told
