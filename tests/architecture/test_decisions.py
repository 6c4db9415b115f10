"""Each decision record has its status, date and four sections, and stands in the index."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "decisions"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Alternatives", "Consequences"]
STATUS = re.compile(r"^(\*\*)?Status[.:](\*\*)? (accepted|superseded)\b", re.MULTILINE | re.IGNORECASE)
DATE = re.compile(r"\bDate[.:](\*\*)? \d{4}-\d{2}-\d{2}\b")
SECTION = re.compile(r"^(?:## (.+)$|\*\*(.+?)\.\*\*)", re.MULTILINE)  # a heading, or a marked word before its text


def faults(name: str, text: str) -> list[str]:
    """Return the faults of one record's form."""
    found = [] if text.startswith(f"# {name[:4]} ") else ["the title does not begin with the number"]
    found += [f"no {name}" for name, line in (("status", STATUS), ("date", DATE)) if not line.search(text)]
    headings = {heading or marked for heading, marked in SECTION.findall(text)}
    return found + [f"no section {section}" for section in SECTIONS if section not in headings]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_record_has_the_form(record: Path) -> None:
    """A record has its status, date, context, decision, alternatives and consequences."""
    assert faults(record.name, record.read_text()) == []


def test_a_record_without_the_form_is_found() -> None:
    """An empty page has every fault."""
    assert len(faults("0099-x.md", "# x\n")) == 3 + len(SECTIONS)


def test_the_index_lists_every_record_by_its_title() -> None:
    """The rows are the files, in order, and two records never share a number."""
    rows = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    titles = [record.read_text().partition("\n")[0] for record in RECORDS]
    wanted = [
        (record.name[:4], record.name, title[len("# 0000 ") :]) for record, title in zip(RECORDS, titles, strict=True)
    ]
    assert rows == wanted, "docs/decisions/README.md has other rows than the folder has records"
    assert len({number for number, _, _ in rows}) == len(rows)


def test_every_record_is_linked_from_a_page() -> None:
    """From the page that it explains: whoever reads the page finds the reason."""
    linked = {name for page in PAGES for name in re.findall(r"\(\S*?decisions/(\d{4}-[^)#]+)", page.read_text())}
    assert [record.name for record in RECORDS if record.name not in linked] == []
