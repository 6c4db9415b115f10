"""Keys are parsed and refused by name; production asks for every key; one place makes Temporal clients."""

import ast
import base64

import pytest
from pydantic import SecretStr

from settings import Settings, SettingsError, read_settings
from settings.check import faults_of
from settings.values import keys_of
from tests.architecture.test_tidy import modules

GOOD = base64.b64encode(bytes(range(32))).decode()
# Modules that may make a client: the one place; the dev stack, which imports nothing of ours and sends no payloads;
# and the bench's bare workflow, which is not ours.
CLIENTS = {
    "adapters/temporal/connect.py",
    "bench/servers/bare_route.py",
    "bench/rows/purchases.py",
}


def test_keys_are_read_in_their_order() -> None:
    """The first one encrypts."""
    assert keys_of(SecretStr("")) == {}
    keys = keys_of(SecretStr(f"2026b:{GOOD}, 2026a:{GOOD}"))
    assert list(keys) == ["2026b", "2026a"]
    assert keys["2026b"] == bytes(range(32))


@pytest.mark.parametrize(
    "text", [GOOD, f":{GOOD}", f"a:{GOOD},a:{GOOD}", "a:AAAA", "a:not base64!", f"a b:{GOOD}", ","]
)
def test_a_bad_key_is_refused_without_being_shown(text: str) -> None:
    """The setting is named, its value is not."""
    for group, field in (("privacy", "keys"), ("temporal", "codec_keys")):
        with pytest.raises(SettingsError) as refused:
            read_settings({f"BOXOFFICE_{group}__{field}".upper(): text})
        assert f"{group}__{field}".upper() in str(refused.value)
        assert GOOD not in str(refused.value)


def test_production_asks_for_every_key() -> None:
    """Each missing one has a line of its own with its name; the tests of the start try each process."""
    named = {"BOXOFFICE_PRIVACY__KEYS", "BOXOFFICE_TEMPORAL__CODEC_KEYS", "BOXOFFICE_PRIVACY__LOOKUP_SECRET"}
    production = Settings(_env_file=None, environment="production")
    assert {fault.setting for fault in faults_of(production, named)} == named


def test_temporal_clients_are_made_in_one_place() -> None:
    """So that no process forgets the codec."""
    makers = {
        module.path
        for module in modules()
        if not module.is_test and ".connect" in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "Client.connect"
    }
    assert makers == CLIENTS
