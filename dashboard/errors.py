"""What a caller gets when something is wrong: RFC 9457 problem documents, one form for every fault."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from model.errors import AgentAway, Fault, InvalidInput, NotThere, Refused, StoreError

RETRY_AFTER_S = 5


class FaultForm(msgspec.Struct, frozen=True):
    """One fault of the input: where it is and what to do."""

    path: str
    message: str


class ProblemForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details; ``errors`` where the input is wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultForm] = []


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.headers = dict(headers or {})


def title_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_response(problem: Problem) -> Response:
    """The document as a response. 401 names the scheme, 503 says when to come again."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": title_of(problem.status),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.faults:
        body["errors"] = [{"path": f.path, "message": f.message} for f in problem.faults]
    response = Response(msgspec.json.encode(body), problem.status, mimetype="application/problem+json")
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="wharfinger"'
    if problem.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers.update(problem.headers)
    return response


def invalid(path: str, message: str) -> Problem:
    """422 for one wrong value."""
    return Problem(422, f"{path}: {message}", faults=(Fault(path, message),))


WORDS = {
    404: "there is nothing at this address; /api/v1/openapi.json lists what there is",
    405: "this address does not take that method; Allow names those that it takes",
    413: "the body is too large",
    500: "something went wrong on our side; see the log of the web process",
}


def register(app: Flask) -> None:
    """Turn our own errors and Flask's into problem documents."""

    def from_http(error: HTTPException) -> Response:
        status = error.code or 500
        headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
        return problem_response(
            Problem(status, WORDS.get(status) or error.description or title_of(status), headers=headers)
        )

    def from_refused(error: Refused) -> Response:
        return problem_response(Problem(409 if error.conflict else 422, str(error)))

    def from_invalid(error: InvalidInput) -> Response:
        return problem_response(Problem(422, str(error), faults=error.faults))

    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(Refused, from_refused)
    app.register_error_handler(InvalidInput, from_invalid)
    app.register_error_handler(NotThere, lambda error: problem_response(Problem(404, str(error))))
    app.register_error_handler(AgentAway, lambda error: problem_response(Problem(503, str(error))))
    app.register_error_handler(StoreError, lambda error: problem_response(Problem(503, str(error))))
