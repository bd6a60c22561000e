"""The routes, with their description. (No postponed annotations here: the routes of the audits are made from a table.)"""

import json
from collections.abc import Callable
from functools import lru_cache
from math import isnan
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Json
from starlette.exceptions import HTTPException

from recidiv_core.api.answers import FAULT, refusal
from recidiv_core.api.messages import (
    Answer,
    AuditOptions,
    Case,
    Compared,
    Deviation,
    Fault,
    Interval,
    Refusal,
    RolesAsked,
    SentenceDeviation,
    SliceOptions,
    ThresholdOptions,
)
from recidiv_core.api.work import SECONDS, Broken, TooLong, Workers
from recidiv_core.data import shown
from recidiv_core.errors import InputError
from recidiv_core.sentencing import SentencingRecords, case_deviation
from recidiv_core.version import __version__

_JSON = "application/json"
_CONFIDENCE = 0.95
_TABLES = {
    kind: {"schema": {"type": "string", "format": "binary"}}
    for kind in ("text/csv", "application/vnd.apache.parquet", "application/octet-stream")
}
_REASONS = {
    401: "The token is missing, or another one.", 403: "Without a token only requests to localhost are answered.", 408: "The body came too slowly.",
    413: "The body is too large.", 422: "Something asked cannot be; each field is named.", 503: f"Too much to do, or the work took longer than {SECONDS:g} seconds.",
}  # fmt: skip
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text} for status, text in _REASONS.items()
}
_NO_JSON = Fault(field="body", expected="JSON", got="something else")
_NO_MATCH = {404: {"model": Refusal, "description": "No counted sentence matches."}}
_AUDITS: dict[str, tuple[type[BaseModel], str]] = {
    "audit": (AuditOptions, "How each group is treated: the GroupAudit of the table in the body."),
    "thresholds": (ThresholdOptions, "The best thresholds per group that satisfy a definition: the ThresholdAudit of the table in the body."),
    "slices": (SliceOptions, "Where the model fails, confirmed on rows that the search did not see: the SliceAudit of the table in the body."),
}  # fmt: skip
_ABOUT = """\
`POST /sentencing-disparity` answers from the records that the server was started with. The audits answer from the table in the request's body (CSV or Parquet) with
its `roles` as JSON; nothing of it is kept. With a token set (`RECIDIV_TOKEN`) every request brings it: `Authorization: Bearer …`."""


def create_api(records: SentencingRecords, *, workers: Workers | None = None) -> FastAPI:
    """The routes as an application; ``records`` are what ``/sentencing-disparity`` answers from."""
    api = FastAPIOffline(
        title="Recidiv", version=__version__, description=_ABOUT, docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json",
        static_url="/api/docs-files", swagger_ui_oauth2_redirect_url="/api/docs/oauth2-redirect", responses=_REFUSALS, telemetry={"tracing": False, "metrics": False},
    )  # fmt: skip
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _not_answered)
    api.add_exception_handler(InputError, _unusable)
    api.add_exception_handler(TooLong, _too_long)
    api.add_exception_handler(Broken, _broken)
    api.add_exception_handler(Exception, _broken)
    _add_sentencing(api, records)
    _add_audits(api, workers or Workers())

    @api.get("/health")
    async def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok"}

    @api.get("/api/version")
    async def version() -> dict[str, str]:
        """Which version it is, and which records ``/sentencing-disparity`` answers from."""
        return {"name": "recidiv", "version": __version__, "records": records.dataset["name"]}

    return api


def _add_sentencing(api: FastAPI, records: SentencingRecords) -> None:
    records.cells  # noqa: B018 - reduced once, before the first request

    # The records do not change while the server runs: an answer given once is given again. Nothing of a request is kept but its four fields.
    @lru_cache(maxsize=10_000)
    def answered(charge: str, race: str, gender: str, level: int | None) -> bytes | None:
        summary, comparison = case_deviation(
            records, charge=charge, race=race, gender=gender, level=level, confidence_level=_CONFIDENCE
        )
        if not summary["n"]:
            return None
        echo = {"charge_code": charge, "race": race, "gender": gender, "controlled_substance_quantity_level": level}
        return _as_json(_answer(echo, summary, comparison, records.dataset["name"]).model_dump())

    @api.post("/sentencing-disparity", response_model=Answer, responses=_NO_MATCH)
    async def sentencing_disparity(case: Case) -> Response:
        """The mean deviation from the guidelines, in months, of the prison sentences with this charge, race, gender and quantity level."""
        try:
            found = answered(case.charge_code, case.race, case.gender, case.controlled_substance_quantity_level)
        except InputError as error:
            names = {"charge": "charge_code", "level": "controlled_substance_quantity_level"}
            faults = [
                Fault(field=names.get(p.where, p.where), expected=p.expected, got="another one") for p in error.problems
            ]
            return refusal(404, "No sentence matches: the records hold no such value.", faults)
        return refusal(404, "No counted sentence matches.") if found is None else Response(found, media_type=_JSON)


def _answer(echo: dict[str, Any], summary: dict[str, Any], comparison: dict[str, Any], name: str) -> Answer:
    """S's answer from both sides' figures."""
    own = SentenceDeviation(
        sentence_type="Prison Only", commitmentTerm=summary["mean"], commitmentUnit="Months", n=summary["n"], interval=_interval(summary)
    )  # fmt: skip
    compared = Compared(
        group=comparison["group"], n=comparison["n"], commitmentTerm=comparison["mean"] if comparison["n"] else None, commitmentUnit="Months",
        interval=_interval(comparison), difference=None if isnan(comparison["difference"]) else comparison["difference"],
        difference_interval=_interval(comparison, "difference_"), reason=comparison["reason"],
    )  # fmt: skip
    deviation = Deviation(charge_code=echo["charge_code"], sentence_deviations=[own])
    return Answer(success=True, **echo, deviations=[deviation], comparison=compared, records=name)


def _interval(side: dict[str, Any], lead: str = "") -> Interval | None:
    low, high = side[f"{lead}low"], side[f"{lead}high"]
    return None if isnan(low) else Interval(low=low, high=high, confidence_level=_CONFIDENCE)


def _add_audits(api: FastAPI, workers: Workers) -> None:
    for task, (asked, about) in _AUDITS.items():
        api.add_api_route(
            f"/api/{task}", _audit_route(workers, task, asked), methods=["POST"], name=task, description=about,
            openapi_extra={"requestBody": {"required": True, "content": _TABLES}},
        )  # fmt: skip


def _audit_route(workers: Workers, task: str, asked: type[BaseModel]) -> Callable[..., Any]:
    """The route of one audit; ``options`` may be left out where none of them has to be given."""
    needed = any(field.is_required() for field in asked.model_fields.values())
    options_asked = Query(description="as JSON", **({} if needed else {"default_factory": asked}))

    async def audit(
        request: Request,
        roles: Annotated[Json[RolesAsked], Query(description="which column plays which part, as JSON")],
        options: Annotated[Json[asked], options_asked],
    ) -> dict[str, Any]:
        found = await workers.run(task, await request.body(), roles.model_dump(), options.model_dump())
        return Response(found, media_type=_JSON)

    return audit


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    """Each field that is wrong, without what was sent (FastAPI's own answer echoes it)."""
    faults = [_fault(found) for found in error.errors()]
    return refusal(422, "; ".join(f"{fault.field}: expected {fault.expected}" for fault in faults), faults)


def _fault(found: dict[str, Any]) -> Fault:
    where, *names = found["loc"]
    name = ".".join(str(part) for part in names if isinstance(part, str)) or str(where)
    if found["type"] == "json_invalid":
        return _NO_JSON if where == "body" else Fault(field=name, expected="JSON", got="something else")
    got = {"missing": "nothing", "extra_forbidden": "a field that is not known"}.get(found["type"], "something else")
    expected = {"missing": "a value", "extra_forbidden": "no such field"}.get(
        found["type"], found["msg"].removeprefix("Input should be ")
    )
    return Fault(field=shown(name)[1:-1][:200], expected=expected, got=got)


async def _not_answered(request: Request, error: HTTPException) -> Response:
    if error.status_code == 400:  # a body that is no text, or nested beyond reading
        return refusal(422, "body: expected JSON", [_NO_JSON])
    return refusal(error.status_code, str(error.detail), headers=error.headers)


async def _unusable(request: Request, error: InputError) -> Response:
    return refusal(422, str(error), [Fault.of(problem) for problem in error.problems])


async def _too_long(request: Request, error: TooLong) -> Response:
    return refusal(503, f"{error}: send fewer rows, or ask for less")


async def _broken(request: Request, error: Exception) -> Response:
    return refusal(500, FAULT)
