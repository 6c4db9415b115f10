"""Type of a seeded bug."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One bug: in `file` the text `old` (occurs once) becomes `new`; then `test` fails, and its report has `names`."""

    name: str
    file: str
    old: str
    new: str
    test: str
    names: str = ""
