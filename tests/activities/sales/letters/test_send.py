"""Letters of real orders on fakes: sent once, to who bought, and what becomes of each answer."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from activities.sales.letters.send import LetterActivities, LetterRef, ListLetters
from adapters.privacy.letters.writer import TemplateWriter
from domain.orders.personal_data import PersonalData
from domain.views.outgoing.letters import CodedTicket, LetterKey, LetterMatter, MailAnswer
from tests.contract.selling import sell
from tests.fakes.event_store import FakeEventStore
from tests.fakes.letter_box import CODES, LINKS, FakeMailServer, MemoryLetters, print_nothing
from tests.fakes.shop_world import MemoryReads
from tests.fakes.small_tables import MemoryBuyers

ANN = "ann@example.org"


class BrokenWriter(TemplateWriter):
    """A writer with a bug."""

    def write_letter(self, matter: LetterMatter, codes: Sequence[CodedTicket], *, is_again: bool) -> Any:
        raise KeyError("zone")


class Office:
    """One sale, and the activities that write to its buyer."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.store = FakeEventStore(lambda: datetime.now(UTC))
        self.buyers, self.mail = MemoryBuyers(), FakeMailServer()
        self.log = MemoryLetters(MemoryReads(self.store).catch_up, self.buyers)
        self.acts = self.with_writer(TemplateWriter(LINKS, print_nothing))

    def with_writer(self, writer: TemplateWriter) -> LetterActivities:
        return LetterActivities(self.store, self.log, self.buyers, CODES, writer, self.mail, clock=lambda: self.now)

    async def due(self) -> list[LetterRef]:
        return list((await self.acts.list_due(ListLetters(limit=10))).letters)

    async def send(self, after: timedelta = timedelta()) -> str:
        """Send the only letter, and return the outcome."""
        self.now += after
        return (await self.acts.send(LetterRef(**next(iter(self.log.rows))._asdict()))).outcome

    @property
    def state(self) -> tuple[str, str | None]:
        (row,) = self.log.rows.values()
        return row.state, row.fault


@pytest.fixture
async def office() -> Office:
    made = Office()
    await made.due()
    await made.buyers.keep("bu_1", "default", "pu_1", PersonalData(email=ANN), ("al_1",))
    await sell(made.store)
    assert [ref.purchase_id for ref in await made.due()] == ["pu_1"]
    return made


async def test_a_sold_order_gets_its_tickets_once(office: Office) -> None:
    """Their codes are those that the door reads; another try finds nothing to do."""
    assert await office.send() == "sent"
    assert await office.send() == "not-due"
    ((address, letter),) = office.mail.taken
    assert address == ANN
    codes = [line.strip() for line in letter.text.splitlines() if line.strip().startswith("BX1.")]
    presented = [CODES.read(code) for code in codes]
    assert [one is not None and one.generation for one in presented] == [0, 0]
    assert [file.media_type for file in letter.attachments] == ["image/png", "image/png", "application/pdf"]
    assert await office.due() == []


async def test_an_erased_buyer_gets_no_letter(office: Office) -> None:
    """Also when the letter was due already; what is kept of it names nobody."""
    await office.buyers.forget("bu_1")
    assert await office.send() == "dropped"
    assert (office.mail.tried, office.state) == ([], ("dropped", "no address"))
    assert ANN not in repr(office.log.rows)


async def test_a_refused_address_is_set_aside(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Operators find it by its purchase; it is not tried again."""
    office.mail.answers = lambda _, __: MailAnswer("refused", "550 5.1.1")
    assert await office.send() == "refused"
    assert office.state == ("refused", "550 5.1.1")
    assert "pu_1 is refused: 550 5.1.1" in caplog.text
    assert ANN not in caplog.text
    office.now += timedelta(days=1)
    assert await office.due() == []


async def test_pauses_grow_until_three_days_have_passed(office: Office) -> None:
    """A letter that is refused for now is tried more and more rarely, and given up in the end."""
    office.mail.answers = lambda _, __: MailAnswer("later", "451")
    began, times = office.now, list[timedelta]()
    while (outcome := await office.send()) == "later":
        times.append(office.now - began)
        (row,) = office.log.rows.values()
        office.now = row.due_at
    pauses = [second - first for first, second in pairwise(times)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=1), timedelta(hours=6))
    assert (outcome, office.state) == ("given-up", ("given-up", "451"))
    assert len(office.mail.tried) < 30


async def test_a_lost_answer_is_told_and_sent_once_more(office: Office) -> None:
    """The second letter has the id of the first, and says that it may have come before; there is no third."""
    office.mail.answers = lambda _, __: MailAnswer("unknown", "SMTPServerDisconnected")
    assert await office.send() == "later"
    assert await office.send() == "not-due"
    assert await office.send(timedelta(minutes=11)) == "later"
    first, second = (letter for _, letter in office.mail.taken)
    assert first.message_id == second.message_id
    assert "You may have this letter twice" not in first.text
    assert all("You may have this letter twice" in text for text in (second.text, second.html))
    assert await office.send(timedelta(minutes=11)) == "given-up"
    assert len(office.mail.taken) == 2


async def test_a_worker_that_died_leaves_an_unknown_end(office: Office) -> None:
    """Nobody sends meanwhile; then it is sent once more, and says so."""
    key = next(iter(office.log.rows))
    assert await office.log.begin(key, office.now) is not None
    assert await office.send(timedelta(minutes=1)) == "not-due"
    assert await office.send(timedelta(minutes=5)) == "sent"
    ((_, letter),) = office.mail.taken
    assert "You may have this letter twice" in letter.text


async def test_an_outage_of_the_mail_server_counts_for_no_letter(office: Office) -> None:
    """It is due at once: the workflow waits for all letters together."""
    office.mail.answers = lambda _, __: MailAnswer("away", "timeout")
    assert await office.send() == "away"
    (row,) = office.log.rows.values()
    assert (row.state, row.tries, row.due_at) == ("due", 0, office.now)


async def test_a_letter_that_cannot_be_written_keeps_no_other_waiting(office: Office) -> None:
    """A bug is in the log with its trace; the letter is tried again, and nothing was sent."""
    office.acts = office.with_writer(BrokenWriter(LINKS))
    assert await office.send() == "later"
    assert (office.mail.tried, office.state) == ([], ("due", "KeyError"))
    office.acts = office.with_writer(TemplateWriter(LINKS))
    assert await office.send(timedelta(minutes=1)) == "sent"


async def test_an_unknown_letter_is_not_due(office: Office) -> None:
    """Nor is one of an event that the read models lack."""
    assert (await office.acts.send(LetterRef(event_id="ev_x", purchase_id="pu_1"))).outcome == "not-due"
    assert LetterKey("ev_x", "pu_1") not in office.log.rows
