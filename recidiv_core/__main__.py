"""The command line: ``python -m recidiv_core audit TABLE …``, ``thresholds``, ``slices``, ``counterfactuals``,
``privacy``, ``synthesize``, ``train``, ``outcomes EVENTS …``, ``sentencing``, ``serve`` and ``samples``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from recidiv_core import workers
from recidiv_core.commands import (
    counterfactuals,
    data,
    groups,
    models,
    privacy,
    recidivism,
    sentencing,
    serve,
    slices,
    thresholds,
)
from recidiv_core.commands.shared import table_arguments
from recidiv_core.errors import InputError

# In the order of the help. Each adds its commands, and says which function of its own runs them.
_MODULES = (
    data,
    groups,
    thresholds,
    slices,
    counterfactuals,
    privacy,
    models,
    recidivism,
    sentencing,
    serve,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recidiv_core", description="Assess how a model treats groups of people."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    table = table_arguments()
    for module in _MODULES:
        module.arguments(commands, table)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    workers.start()  # tables and models come from anywhere
    try:
        return options.run(options)
    except InputError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
        sys.stdout = None
        return 0
    except Exception as error:  # its place alone: what it says could hold a cell value
        print(f"error: a fault of this program, not of the input: {workers.place_of(error)}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
