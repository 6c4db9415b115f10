"""Commands are read from a page as a reader types them, and run as one would run them."""

import os
import re
import time
from pathlib import Path

import pytest

from tests.docs.commands import ROOT, Command, Page, run

PAGE = Page(
    """# Page

## One

```sh
NAME=reader
greet() {
  echo "hello $1"
}
```

Text.

1. A list:

   ```console
   $ greet \\
       "$NAME"
   hello …
   $ echo done
   ```

```json
$ not a command
```

### Inside

## Two

```sh
exit 3
```
"""
)


def test_commands_are_what_a_reader_types() -> None:
    """A script is one command; of a session each prompt is one, with its continued lines and what it prints."""
    first, second, third = PAGE.section("One").commands()
    assert first.text.startswith("NAME=reader\ngreet() {\n  echo")
    assert second == Command('greet \\\n    "$NAME"', "hello …")
    assert third == Command("echo done")
    assert PAGE.section("Two").commands() == [Command("exit 3\n")]
    assert PAGE.commands("console") == [second, third]
    with pytest.raises(LookupError):
        PAGE.section("Three")


def test_commands_run_in_one_shell(tmp_path: Path) -> None:
    """Variables and functions stay; each command has an output of its own; nothing comes from the environment."""
    os.environ["BOXOFFICE_OF_THE_TEST"] = "1"
    try:
        asked = [*PAGE.section("One").commands(), Command("env"), Command("pwd")]
        ran = run(asked, tmp_path, {"reader": "you"}, environment={"GIVEN": "2"})
    finally:
        del os.environ["BOXOFFICE_OF_THE_TEST"]
    assert ran.outputs[:3] == ["", "hello you\n", "done\n"]
    assert "GIVEN=2" in ran.outputs[3]
    assert "BOXOFFICE" not in ran.stdout
    assert ran.outputs[4] == f"{tmp_path}\n"


def test_a_command_that_fails_fails_the_test(tmp_path: Path) -> None:
    """With all output; so do an unset variable, the first part of a pipe, and a text to replace that is gone."""
    for text in ("echo before; echo why >&2; exit 3", 'echo before; echo "$UNSET"', "echo before; false | cat"):
        with pytest.raises(AssertionError, match="before"):
            run([Command(text)], tmp_path)
    with pytest.raises(AssertionError, match="localhost"):
        run([Command("echo")], tmp_path, {"localhost": ""})
    with pytest.raises(AssertionError, match="no commands"):
        run(Page("").commands(), tmp_path)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Neither after the end nor after a run that takes too long."""
    leaves = Command("sleep 300 & echo $! > pid")
    run([leaves], tmp_path)
    assert is_over(int((tmp_path / "pid").read_text()))
    with pytest.raises(AssertionError, match=re.escape("still running after 0.5 s")):
        run([leaves, Command("sleep 300")], tmp_path, seconds=0.5)
    assert is_over(int((tmp_path / "pid").read_text()))


def test_a_process_that_ends_itself_has_time_for_it(tmp_path: Path) -> None:
    """SIGKILL comes only to those that SIGTERM does not end."""
    stops = """sh -c 'trap "sleep 0.2; touch ended; exit" TERM; touch ready; while :; do sleep 0.02; done' &
    until [ -e ready ]; do sleep 0.02; done"""
    run([Command(stops)], tmp_path)
    assert (tmp_path / "ended").exists()


def is_over(pid: int) -> bool:
    """Whether a process has ended, at once or within a second; a zombie of another parent has."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_every_script_of_the_pages_is_run() -> None:
    """A page with blocks `sh` is read by a test of the real stack; commands that only look like it are `console`."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    scripts = {str(page.relative_to(ROOT)) for page in pages if Page(page.read_text()).commands("sh")}
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "real").glob("test_*_page.py"))
    assert {path for path in scripts if f'Page.read("{path}")' not in tests} == set()
    assert "docs/stripe.md" in scripts
