"""`cartulary token`: what it puts into a token, and what it refuses to."""

from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from libs.cli.main import app
from libs.edge.permissions import ROLES

WHO = ("--sub", "u-1", "--tenant", "acme")


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARTULARY_HOME", str(tmp_path))


def made(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["token", *arguments])
    assert result.exit_code == 0, result.output
    claims: dict[str, object] = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    return claims


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["token", *arguments])
    assert result.exit_code == 2
    assert "eyJ" not in result.stdout
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_token(role: str) -> None:
    bound = ("--distributor", "d-1") if role == "distributor" else ()
    claims = made(*WHO, "--role", role, *bound)
    assert (claims["sub"], claims["role"], claims["tenant"]) == ("u-1", role, "acme")
    assert claims.get("distributor") == ("d-1" if bound else None)


def test_a_token_says_for_whom_and_how_long() -> None:
    claims = made(*WHO, "--role", "operations", "--on-behalf-of", "u-9", "--ttl", "60")
    assert claims["on_behalf_of"] == "u-9"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 60


def test_an_unknown_role_is_refused_with_the_known_ones() -> None:
    assert ", ".join(ROLES) in refused(*WHO, "--role", "boss")


def test_a_distributor_without_its_name_and_a_person_as_subject_are_refused() -> None:
    assert "claim distributor" in refused(*WHO, "--role", "distributor")
    assert "claim sub" in refused("--sub", "ann@example.com", "--tenant", "acme", "--role", "operations")
    assert "claim tenant" in refused("--sub", "u-1", "--tenant", "cartulary", "--role", "operations")


def test_with_a_provider_the_local_issuer_makes_no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_ISSUER", "https://id.example/realms/acme")
    assert "https://id.example/realms/acme" in refused(*WHO, "--role", "operations")
