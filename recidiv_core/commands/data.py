"""The command that lists the tables that come with the program."""

from __future__ import annotations

import argparse
from typing import Any

from recidiv_core.data import list_samples


def arguments(commands: Any, table: argparse.ArgumentParser) -> None:
    """``samples`` takes nothing."""
    commands.add_parser("samples", help="list the tables that come with the program").set_defaults(run=samples)


def samples(options: argparse.Namespace) -> int:
    """Print each with its description."""
    for row in list_samples().itertuples():
        print(f"sample:{row.name}\t{row.description}")
    return 0
