"""`boxoffice keys`: create, rotate, revoke and list on a database, with their exit codes and documents."""

import json

import psycopg
import pytest
from typer.testing import CliRunner, Result

from adapters.read_models.projection import Projection
from cli.main import app
from domain.access.api_key import parse_key


@pytest.fixture
def url(tables_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", tables_url)
    return tables_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments])


def listed(url: str, *arguments: str) -> list[dict[str, object]]:
    with psycopg.connect(url, autocommit=True) as connection:
        Projection(connection).catch_up()
    found: list[dict[str, object]] = json.loads(run("list", "--json", *arguments).stdout)
    return found


def test_a_key_is_shown_once_rotated_and_revoked(url: str) -> None:
    """The list tells everything but the secret, and nothing of another tenant's keys."""
    made = json.loads(run("create", "--scope", "door", "--scope", "manage", "--label", "entrance", "--json").stdout)
    text = parse_key(made["key"])
    assert text is not None
    assert (text.prefix, text.key_id) == ("bo_sk", made["key_id"])
    assert run("create", "--publishable", "--tenant", "other").stdout.startswith("bo_pk_")
    (key,) = listed(url)
    assert (key["scopes"], key["label"], key["revoked_at"]) == (["door", "manage"], "entrance", None)
    again = json.loads(run("rotate", made["key_id"], "--json").stdout)
    assert (again["key_id"], again["key"] != made["key"]) == (made["key_id"], True)
    assert run("revoke", made["key_id"]).exit_code == 0
    (ended,) = listed(url)
    assert ended["rotated_at"] is not None
    assert ended["revoked_at"] is not None
    shown = run("list").stdout
    assert "revoked" in shown
    assert not [one for one in (text.secret, text.digest) if one in shown + json.dumps(ended)]
    assert [one["kind"] for one in listed(url, "--tenant", "other")] == ["publishable"]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["create"], 1, "at least one scope"),
        (["create", "--scope", "everything"], 2, "no such scope"),
        (["create", "--publishable", "--scope", "manage"], 1, "scope purchase and no other"),
        (["create", "--scope", "door", "--venue", "ve_nobody"], 1, "ve_nobody does not exist"),
        (["rotate", "nobody"], 1, "does not exist"),
        (["revoke", "nobody"], 1, "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(url: str, arguments: list[str], code: int, why: str) -> None:
    """Nothing is recorded, and there is no traceback."""
    refused = run(*arguments)
    assert refused.exit_code == code
    assert why in refused.stderr
    assert "Traceback" not in refused.stderr
    assert listed(url) == []
