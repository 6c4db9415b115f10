"""Commands of the documentation, read from a page's own text and run in one shell.

A block `sh` is a script that a test runs word by word. In a block `console` the lines after `$ ` are commands, and the
others are what they print.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>sh|console)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
HEADING = re.compile(r"^(?P<marks>#+) (?P<title>.+)$", re.MULTILINE)
PROMPT = "$ "
END_OF_OUTPUT = "\x1e"
STOP_SECONDS = 30.0
EXECUTABLES = Path(sys.executable).parent


@dataclass(frozen=True)
class Command:
    """What a reader types, with its continued lines, and what the page shows for an answer; empty in a block `sh`."""

    text: str
    shown: str = ""


@dataclass(frozen=True)
class Page:
    """The text of a page, or of a part of it."""

    text: str

    @classmethod
    def read(cls, path: str) -> "Page":
        """Read a page by its path in the repository, such as docs/stripe.md."""
        return cls((ROOT / path).read_text())

    def section(self, title: str) -> "Page":
        """Return the part under a heading, up to the next heading of its level; raise `LookupError` without one."""
        headings = list(HEADING.finditer(self.text))
        for number, heading in enumerate(headings):
            if heading["title"] == title:
                later = (one for one in headings[number + 1 :] if len(one["marks"]) <= len(heading["marks"]))
                return Page(self.text[heading.end() : next((one.start() for one in later), len(self.text))])
        raise LookupError(f"no heading {title!r}")

    def commands(self, *languages: str) -> list[Command]:
        """Return the commands of its blocks in their order; of blocks in these languages, or of both."""
        found: list[Command] = []
        for block in BLOCK.finditer(self.text):
            if languages and block["language"] not in languages:
                continue
            text = textwrap.dedent(block["text"])
            found += [Command(text)] if block["language"] == "sh" else typed(text)
        return found


def typed(session: str) -> list[Command]:
    """Return the commands of a shell session with their outputs."""
    found: list[tuple[list[str], list[str]]] = []
    for line in session.splitlines():
        if line.startswith(PROMPT):
            found.append(([line.removeprefix(PROMPT)], []))
        elif found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"a session begins with a command, not with {line!r}")
    return [Command("\n".join(command), "\n".join(shown)) for command, shown in found]


@dataclass(frozen=True)
class Ran:
    """What commands printed: one text for each of them, in their order."""

    outputs: list[str]

    @property
    def stdout(self) -> str:
        """Everything that was printed."""
        return "".join(self.outputs)


def run(
    commands: Sequence[Command],
    folder: Path,
    instead: Mapping[str, str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120.0,
) -> Ran:
    """Run commands in one bash, in a folder, with nothing of the environment but PATH and these settings.

    `instead` has the texts of the page that are other ones here, such as addresses: each must occur. The first command
    that fails ends the run; that, or a run that takes too long, is an `AssertionError` with all output. Processes that
    the commands leave behind are stopped.
    """
    assert commands, "the page has no commands"
    script = "\n".join(["set -euo pipefail", *(f"{one.text}\nprintf '\\036'" for one in commands)])
    for written, here in (instead or {}).items():
        assert written in script, f"the commands do not have {written!r}"
        script = script.replace(written, here)
    path = f"{EXECUTABLES}:{os.environ['PATH']}"
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env={"PATH": path, "HOME": home, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            ended = f"exit code {shell.wait(seconds)}"
        except subprocess.TimeoutExpired:
            ended = f"still running after {seconds:g} s"
        finally:
            stop_group(shell)
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read(), err.read()
    assert ended == "exit code 0", f"{ended}\n{printed}\n{complaints}"
    return Ran(printed.split(END_OF_OUTPUT)[:-1])


def stop_group(shell: subprocess.Popen[bytes]) -> None:
    """Stop what is left of a shell and its children: by SIGTERM, then by SIGKILL."""
    until = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGTERM)
        while time.monotonic() < until and lives(shell.pid):
            shell.poll()
            time.sleep(0.05)
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def lives(group: int) -> bool:
    """Say whether a process of a group runs; init may collect those that have ended much later."""
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
