"""The routes, with their description.

(No postponed annotations here: the routes of the audits are made from a table.)
"""

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
    Known,
    Refusal,
    RolesAsked,
    SentenceDeviation,
    SliceOptions,
    ThresholdOptions,
)
from recidiv_core.api.work import SECONDS, TooMuch, Workers
from recidiv_core.errors import InputError
from recidiv_core.sentencing import LEVELS, SentencingRecords, case_deviation
from recidiv_core.version import __version__
from recidiv_core.workers import Broken, Pool

_JSON = "application/json"
_CONFIDENCE = 0.95
# What pydantic adds to a field's name where it may be of several kinds.
_KINDS = ("str", "int", "float", "bool")
_WIDTH = 100  # characters of a name sent that an answer repeats
_TABLES = {
    kind: {"schema": {"type": "string", "format": "binary"}}
    for kind in ("text/csv", "application/vnd.apache.parquet", "application/octet-stream")
}
_REASONS = {
    401: "The token is missing, or another one.",
    403: "Without a token only requests to localhost are answered.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    422: "Something asked cannot be; each field is named.",
    500: "A fault of the program; nothing more is told.",
    503: f"Too much to do, or the work took longer than {SECONDS:g} seconds.",
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text} for status, text in _REASONS.items()
}
_THERE = "GET /api/cases lists the values there are, as they are spelled."
_NAMES = {"charge": "charge_code", "level": "controlled_substance_quantity_level"}
_NO_JSON = Fault(field="body", expected="JSON", got="something else")
_NO_MATCH = {404: {"model": Refusal, "description": "No counted sentence matches."}}
_ROLES = {name: f"roles.{name}" for name in RolesAsked.model_fields}
_AUDITS: dict[str, tuple[type[BaseModel], str]] = {
    "audit": (AuditOptions, "How each group is treated: the GroupAudit of the table in the body."),
    "thresholds": (
        ThresholdOptions,
        "The best thresholds per group that satisfy a definition: the ThresholdAudit of the table in the body.",
    ),
    "slices": (
        SliceOptions,
        "Where the model fails, confirmed on rows that the search did not see: the SliceAudit of the table in the "
        "body.",
    ),
}
_ABOUT = """\
`POST /sentencing-disparity` answers from the records that the server was started with. The audits answer from the table
in the request's body (CSV or Parquet) with its `roles` as JSON; nothing of it is kept. With a token set
(`RECIDIV_TOKEN`) every request brings it: `Authorization: Bearer …`."""


def create_api(records: SentencingRecords, *, workers: Workers | None = None) -> FastAPI:
    """The routes as an application; ``records`` are what ``/sentencing-disparity`` answers from."""
    api = FastAPIOffline(
        title="Recidiv",
        version=__version__,
        description=_ABOUT,
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        static_url="/api/docs-files",
        redirect_slashes=False,
        swagger_ui_oauth2_redirect_url="/api/docs/oauth2-redirect",
        responses=_REFUSALS,
        telemetry={"tracing": False, "metrics": False},
    )
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _not_answered)
    api.add_exception_handler(InputError, _unusable)
    api.add_exception_handler(TooMuch, _too_much)
    api.add_exception_handler(Broken, _broken)
    api.add_exception_handler(Exception, _broken)
    _add_sentencing(api, records)
    _add_audits(api, workers or Workers(Pool()))

    @api.head("/health", include_in_schema=False)
    @api.get("/health")
    async def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok"}

    @api.get("/api/version")
    async def version() -> dict[str, str]:
        """Which version it is, and which records ``/sentencing-disparity`` answers from."""
        return {"name": "recidiv", "version": __version__, "records": records.dataset["name"]}

    description = api.openapi()  # made once, and kept by the application
    description["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    description["security"] = [{"token": []}, {}]
    return api


def _add_sentencing(api: FastAPI, records: SentencingRecords) -> None:
    known = _known(records)
    if known.charge_code:  # reduced once, before the first request
        case_deviation(records, charge=known.charge_code[0], level=None, race=None, gender=None)

    # The records do not change while the server runs: an answer given once is given again. Nothing of a request is kept
    # but its fields.
    @lru_cache(maxsize=10_000)
    def answered(
        charge: str, race: str, gender: str, level: int | None, other: tuple[tuple[str, str], ...] | None
    ) -> bytes | None:
        summary, comparison = case_deviation(
            records,
            charge=charge,
            race=race,
            gender=gender,
            level=level,
            compare_to=None if other is None else dict(other),
            confidence_level=_CONFIDENCE,
        )
        if not summary["n"]:
            return None
        echo = {"charge_code": charge, "race": race, "gender": gender, "controlled_substance_quantity_level": level}
        return _as_json(_answer(echo, summary, comparison, records.dataset["name"]).model_dump())

    @api.post("/sentencing-disparity", response_model=Answer, responses=_NO_MATCH)
    async def sentencing_disparity(case: Case) -> Response:
        """The mean deviation from the guidelines, in months, of the prison sentences with this charge, race, gender
        and quantity level.
        """
        other = case.compare_to and tuple(case.compare_to.model_dump(exclude_none=True).items())
        level = case.controlled_substance_quantity_level
        try:
            found = answered(case.charge_code, case.race, case.gender, level, other)
        except InputError as error:
            faults = [Fault.of(p, _NAMES).model_copy(update={"got": "one that does not"}) for p in error.problems]
            overlaps = any(fault.field == "compare_to" for fault in faults)
            status, message = (422, str(error)) if overlaps else (404, f"No sentence matches. {_THERE}")
            return refusal(status, message, faults)
        return (
            refusal(404, f"No counted sentence matches. {_THERE}")
            if found is None
            else Response(found, media_type=_JSON)
        )

    @api.get("/api/cases", response_model=Known)
    async def cases() -> Known:
        """What the counted sentences say: the values that a question can name, as they are spelled."""
        return known


def _known(records: SentencingRecords) -> Known:
    counted = records.counted
    texts = {name: sorted(set(counted[name])) if name in counted else [] for name in ("charge", "race", "gender")}
    levels = sorted({int(n) for n in counted["level"].dropna()} & set(LEVELS)) if "level" in counted else []
    return Known(
        charge_code=texts["charge"],
        race=texts["race"],
        gender=texts["gender"],
        controlled_substance_quantity_level=levels,
    )


def _answer(echo: dict[str, Any], summary: dict[str, Any], comparison: dict[str, Any], name: str) -> Answer:
    """S's answer from both sides' figures."""
    own = SentenceDeviation(
        sentence_type="Prison Only",
        commitmentTerm=summary["mean"],
        commitmentUnit="Months",
        n=summary["n"],
        interval=_interval(summary),
    )
    compared = Compared(
        group=comparison["group"],
        n=comparison["n"],
        commitmentTerm=comparison["mean"] if comparison["n"] else None,
        commitmentUnit="Months",
        interval=_interval(comparison),
        difference=None if isnan(comparison["difference"]) else comparison["difference"],
        difference_interval=_interval(comparison, "difference_"),
        reason=comparison["reason"],
    )
    deviation = Deviation(charge_code=echo["charge_code"], sentence_deviations=[own])
    return Answer(success=True, **echo, deviations=[deviation], comparison=compared, records=name)


def _interval(side: dict[str, Any], lead: str = "") -> Interval | None:
    low, high = side[f"{lead}low"], side[f"{lead}high"]
    return None if isnan(low) else Interval(low=low, high=high, confidence_level=_CONFIDENCE)


def _add_audits(api: FastAPI, workers: Workers) -> None:
    for task, (asked, about) in _AUDITS.items():
        api.add_api_route(
            f"/api/{task}",
            _audit_route(workers, task, asked),
            methods=["POST"],
            name=task,
            description=about,
            openapi_extra={"requestBody": {"required": True, "content": _TABLES}},
        )


def _audit_route(workers: Workers, task: str, asked: type[BaseModel]) -> Callable[..., Any]:
    """The route of one audit; ``options`` may be left out where none of them has to be given."""
    needed = any(field.is_required() for field in asked.model_fields.values())
    options_asked = Query(description="as JSON", **({} if needed else {"default_factory": asked}))

    async def audit(
        request: Request,
        roles: Annotated[Json[RolesAsked], Query(description="which column plays which part, as JSON")],
        options: Annotated[Json[asked], options_asked],
    ) -> dict[str, Any]:
        asked_for = [name for name, _ in request.query_params.multi_items()]
        unknown = [name for name in asked_for if name not in ("roles", "options")]
        repeated = [name for name in ("roles", "options") if asked_for.count(name) > 1]
        faults = [
            Fault(field=_named(n), expected="roles and options", got="a parameter that is not known") for n in unknown
        ]
        faults += [Fault(field=name, expected="one", got="several") for name in repeated]
        if faults:
            return refusal(422, "; ".join(f"{f.field}: {f.got}" for f in faults), faults)
        found = await workers.run(task, await request.body(), roles.model_dump(), options.model_dump())
        return Response(bytes(found), media_type=_JSON)

    return audit


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    """Each field that is wrong, without what was sent (FastAPI's own answer echoes it)."""
    told: dict[str, Fault] = {}
    for fault in map(_fault, error.errors()):  # one that may be of several kinds is told once
        known = told.get(fault.field)
        told[fault.field] = (
            fault if known is None else known.model_copy(update={"expected": f"{known.expected}, or {fault.expected}"})
        )
    faults = list(told.values())
    return refusal(422, "; ".join(f"{fault.field}: expected {fault.expected}" for fault in faults), faults)


def _fault(found: dict[str, Any]) -> Fault:
    where, *names = found["loc"]
    name = ".".join(
        part for part in names if isinstance(part, str) and part not in _KINDS and not part.startswith("constrained-")
    ) or str(where)
    if found["type"] == "json_invalid":
        return _NO_JSON if where == "body" else Fault(field=name, expected="JSON", got="something else")
    got = {"missing": "nothing", "extra_forbidden": "a field that is not known"}.get(found["type"], "something else")
    expected = {"missing": "a value", "extra_forbidden": "no such field"}.get(
        found["type"], found["msg"].removeprefix("Input should be ")
    )
    return Fault(field=_named(name), expected=expected, got=got)


def _named(name: str) -> str:
    """A name that was sent, as it may stand in an answer."""
    return name if len(name) <= _WIDTH else f"{name[:_WIDTH]}…"


async def _not_answered(request: Request, error: HTTPException) -> Response:
    if error.status_code == 400:  # a body that is no text, or nested beyond reading
        return refusal(422, "body: expected JSON", [_NO_JSON])
    return refusal(error.status_code, str(error.detail), headers=error.headers)


async def _unusable(request: Request, error: InputError) -> Response:
    return refusal(422, str(error), [Fault.of(problem, _ROLES) for problem in error.problems])


async def _too_much(request: Request, error: TooMuch) -> Response:
    return refusal(503, str(error))


async def _broken(request: Request, error: Exception) -> Response:
    return refusal(500, FAULT)
