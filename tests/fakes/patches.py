"""Runs that began before a patch flag."""

import pytest
from temporalio import workflow

from workflows.core.patches import Patch


def run_before(monkeypatch: pytest.MonkeyPatch, flag: Patch) -> None:
    """Let workflows run as before a flag; the library is asked, as a sandbox has its own copy of the flags."""
    patched = workflow.patched
    monkeypatch.setattr(workflow, "patched", lambda name: name != flag.name and patched(name))
