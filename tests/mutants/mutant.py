"""What a seeded bug is."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One bug: in `file` the text `old` (it stands there once) becomes `new`; `test` fails then, and says `names`."""

    name: str
    file: str
    old: str
    new: str
    test: str
    names: str = ""
