"""What a problem may not show: secrets, credentials inside text, and the values of a service's personal fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from libs.edge.masking import HIDDEN, is_secret, masked_text

MOST_SHOWN = 200
NOT_VALID = "the value is not valid"
_PARTS = re.compile(r"[.\[\]]+")
_OUTSIDE_WORDS = re.compile(r"[\W_]+")


def personal_of(request: Request | None) -> frozenset[str]:
    """The personal fields of the service that serves the request."""
    state = getattr(request.scope.get("app"), "state", None) if request is not None else None
    found: frozenset[str] = getattr(getattr(state, "edge", None), "personal", frozenset())
    return found


def is_personal(place: str | Sequence[str], personal: frozenset[str]) -> bool:
    """Whether any part of a field's place (`payload.holder.name`) names a personal field, however it is spelled."""
    if not personal:
        return False
    parts = _PARTS.split(place) if isinstance(place, str) else place
    return not {_plain(name) for name in personal}.isdisjoint(map(_plain, parts))


def hides(place: Sequence[str], kind: str, personal: frozenset[str]) -> bool:
    """Whether what was sent at a place is not shown; `kind` is pydantic's name of the error.

    In a service with personal fields neither is what came under a name that is none of its fields, which may be a
    misspelt one of them, nor what stands in the place of a whole body.
    """
    if any(map(is_secret, place)) or is_personal(place, personal):
        return True
    return bool(personal) and (kind == "extra_forbidden" or tuple(place) in {(), ("body",)})


def without(value: object, message: str) -> str:
    """The message, unless it quotes the value, in whatever spelling."""
    quoted = _plain(value)
    return NOT_VALID if quoted and quoted in _plain(message) else message


def shown_of(problem: Mapping[str, object], personal: frozenset[str]) -> dict[str, Any]:
    """The problem as anybody may see it: its own value and those of its findings hidden where they must be."""
    shown: dict[str, Any] = dict(problem)
    if "value" in shown:
        place = str(shown.get("field", ""))
        if hides([part for part in _PARTS.split(place) if part], "", personal):
            shown["detail"] = without(shown["value"], str(shown.get("detail", "")))
            shown["value"] = HIDDEN
        else:
            shown["value"] = masked_text(str(shown["value"]))[:MOST_SHOWN]
    if isinstance(shown.get("errors"), list):
        shown["errors"] = [_finding(finding, personal) for finding in shown["errors"]]
    return shown


def _finding(finding: Mapping[str, Any], personal: frozenset[str]) -> dict[str, Any]:
    if "value" not in finding or not is_personal(str(finding.get("field", "")), personal):
        return dict(finding)
    message = without(finding["value"], str(finding.get("message", "")))
    return {**finding, "message": message, "value": HIDDEN}


def _plain(text: object) -> str:
    return _OUTSIDE_WORDS.sub("", str(text)).casefold()
