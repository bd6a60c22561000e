"""Answers as JSON bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from starlette.responses import Response

from recidiv_core.api.messages import Fault, Refusal

FAULT = "the program could not work this out; its fault, not the request's"


def refusal(
    status: int, message: str, problems: Sequence[Fault] = (), *, headers: Mapping[str, str] | None = None
) -> Response:
    """Why there is no answer. ASCII: a name sent may hold half a character, which no encoding takes."""
    content = json.dumps(Refusal(message=message, problems=list(problems)).model_dump())
    return Response(content, status, headers, media_type="application/json")
