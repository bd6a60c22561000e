"""The audits that a request can ask for, each from the bytes of a table to the bytes of an answer, in a process of its own."""

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

MOST_ROWS = 1_000_000


def _thresholds(dataset: AuditDataset, *, attribute: str | None, **options: Any) -> Any:
    return audit_thresholds(dataset, attribute=attribute or dataset.roles.sensitive[0], **options)


def _slices(dataset: AuditDataset, *, error: str | None, **options: Any) -> Any:
    return audit_slices(dataset, error=error or default_error(dataset), **options)


TASKS: dict[str, Callable[..., Any]] = {"audit": audit_groups, "thresholds": _thresholds, "slices": _slices}


def answer(task: str, body: bytes, roles: dict[str, Any], options: dict[str, Any]) -> bytes:
    """The result as strict JSON, with the manifest.

    Raises
    ------
    InputError
        For a table, roles or options that cannot be used.
    """
    table = read_table(body, name="body")
    if len(table.frame) > MOST_ROWS:
        raise InputError.one("body", f"at most {MOST_ROWS:,} rows", f"{len(table.frame):,}")
    result = TASKS[task](load_dataset(table, roles=Roles(**roles)), **options)
    whole = result.to_dict() | {"manifest": manifest([result])}
    return json.dumps(plain(whole), ensure_ascii=False, allow_nan=False).encode()
