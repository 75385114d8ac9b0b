"""Settings: documented, and what is wrong is named with variable and value, secrets hidden."""

from pathlib import Path

import pytest

from libs.edge.settings import Settings, SettingsInvalid, load_settings


def test_every_setting_is_documented_and_numbers_carry_their_unit() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        counts = {"port", "lanes", "backlog_limit", "max_json_depth"}
        if field.annotation in {int, float} and name not in counts and not name.endswith("_burst"):
            assert name.rpartition("_")[2] in {"s", "ms", "bytes"}, name


def test_the_environment_counts_and_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_LEDGER_RPC", "http://a:8545, http://b:8545")
    monkeypatch.setenv("CARTULARY_HOME", "~/books")
    settings = load_settings()
    assert settings.ledger_rpc == ("http://a:8545", "http://b:8545")
    assert settings.home == Path("~/books").expanduser()
    assert settings.jwks_source == str(settings.home / "issuer" / "jwks.json")


def test_the_command_line_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_PORT", "9000")
    assert load_settings().having(port=9001, roles="api,relay").roles == ("api", "relay")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CARTULARY_PORT", "http"),
        ("CARTULARY_PORT", "70000"),
        ("CARTULARY_LANES", "0"),
        ("CARTULARY_LOG_LEVEL", "loud"),
        ("CARTULARY_LEDGER_RPC", "http://a,localhost"),
        ("CARTULARY_KAFKA_BOOTSTRAP", "localhost"),
        ("CARTULARY_OTLP_ENDPOINT", "nowhere"),
        ("CARTULARY_JWKS", "ftp://a/jwks"),
        ("CARTULARY_DEFAULT_WAIT_S", "61"),
        ("CARTULARY_LEDGER_CONTRACT", "0x12"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid) as refused:
        load_settings()
    assert f"{variable}='{value}'" in refused.value.detail


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_PORT", "x")
    monkeypatch.setenv("CARTULARY_LANES", "y")
    with pytest.raises(SettingsInvalid, match=r"CARTULARY_PORT.*; CARTULARY_LANES"):
        load_settings()


def test_secrets_are_hidden_in_errors_and_in_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTULARY_POSTGRES_DSN", "postgresql://root:hunter2@db/x")
    monkeypatch.setenv("CARTULARY_LEDGER_RPC", "ftp://user:hunter2@node")
    with pytest.raises(SettingsInvalid) as refused:
        load_settings()
    assert "hunter2" not in refused.value.detail
    monkeypatch.delenv("CARTULARY_LEDGER_RPC")
    assert "hunter2" not in repr(load_settings())
