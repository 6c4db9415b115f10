"""The words of each kind of letter: its subject, its heading, and its sentences."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.money.currency import money
from domain.views.outgoing.letters import LetterMatter, changes_of
from domain.views.purchase import was_charged

ENDS = {
    "hold-expired": "The time to pay ran out, so the seats went back on sale.",
    "queue-expired": "Too many people were buying at once, and your turn did not come in time.",
    "operator-cancelled": "The organiser cancelled this order.",
}
DETAIL_NAMES = {"name": "Name", "starts_at": "Begins", "doors_at": "Doors", "ends_at": "Ends", "place": "Place"}
TIMES = ("starts_at", "doors_at", "ends_at")
ON_ITS_WAY = "Banks take a few days until you see it."


class Words(NamedTuple):
    """The words of a letter."""

    subject: str
    heading: str
    sentences: tuple[str, ...]


class ChangedDetail(NamedTuple):
    """A detail of a show that changed."""

    name: str
    before: str
    now: str


def moment(timestamp: str, zone: str) -> str:
    """Return a timestamp in a zone (IANA's name; empty is UTC): Thu 31 December 2026, 20:00 (Europe/Berlin)."""
    local = datetime.fromisoformat(timestamp).astimezone(ZoneInfo(zone or "UTC"))
    return f"{local:%a} {local.day} {local:%B %Y, %H:%M} ({zone or 'UTC'})"


def words_of(matter: LetterMatter, order_ref: str) -> Words:
    """Return the words of a letter."""
    show, data = matter.show["name"], matter.event["data"]
    match matter.kind:
        case "order-confirmed":
            sentences = (
                "Thank you for your order. Your tickets are below, and in the file that comes with this letter.",
                "Each code lets one person in, once. Show it at the door, on paper or on a screen.",
            )
            return Words(f"Your tickets for {show}", "Your tickets", sentences)
        case "order-ended":
            return Words(
                f"Your order for {show} has ended", "Your order has ended", (ENDS[data["reason"]], _kept(matter))
            )
        case "show-changed":
            changed = ("The organiser changed this show. Your tickets stay valid.", *_window(matter))
            return Words(f"Changed: {show}", "Your show has changed", changed)
        case "show-cancelled":
            sentences = (
                "The organiser cancelled this show. Your tickets are no longer valid.",
                "You need to do nothing: what you paid is given back, and we write to you once it is.",
            )
            return Words(f"Cancelled: {show}", "Your show is cancelled", sentences)
        case _:
            return _of_refund(matter, order_ref)


def _of_refund(matter: LetterMatter, order_ref: str) -> Words:
    """Return the words of a letter about a refund."""
    data = matter.event["data"]
    amount = money(data["amount_minor"], data["currency"])
    gone = ("The tickets of this refund are no longer valid.",) if data["ticket_ids"] else ()
    match matter.kind:
        case "refund-failed":
            failed = (
                f"We tried to give back {amount}, and your bank did not take it.",
                "It is still yours: the organiser will pay it in another way. Please keep this letter.",
            )
            return Words(f"Your refund of {amount} did not arrive", "Your refund did not arrive", failed)
        case "refund-at-till":
            sentences = (f"{amount} in cash wait for you at the till. Please bring your order's number, {order_ref}.",)
            return Words(f"Your refund of {amount} waits at the till", "Your refund waits for you", (*sentences, *gone))
        case _ if not data["amount_minor"]:
            return Words("Your tickets were given back", "Your tickets were given back", gone)
        case _:
            paid = {
                "card": f"We gave back {amount} to the card or account that you paid with. {ON_ITS_WAY}",
                "cash": f"You got back {amount} in cash.",
                "hand": f"The organiser gave back {amount}.",
                "bank": f"Your bank gave back {amount} to you.",
            }[data["paid_by"]]
            return Words(f"Your refund of {amount}", "Your refund", (paid, *gone))


def _window(matter: LetterMatter) -> tuple[str, ...]:
    """Return until when tickets of a show that changed can be given back; nothing where that had and has no end."""
    data = matter.event["data"]
    if data["refund_until"]:
        return (
            f"If it does not suit you, you can give them back until {moment(data['refund_until'], data['time_zone'])}.",
        )
    return ("You can give them back at any time.",) if "refund_until" in changes_of(matter) else ()


def _kept(matter: LetterMatter) -> str:
    """Return what happens to money that was paid for an order without a sale."""
    return "What you paid is given back." if was_charged(matter.purchase) else "Nothing was charged."


def changed_details(matter: LetterMatter) -> list[ChangedDetail]:
    """Return the details that changed, each as people read it, in the zone that it had and has."""
    before = matter.before["data"] if matter.before is not None else {}
    zones = (before.get("time_zone", ""), matter.event["data"]["time_zone"])
    found = changes_of(matter)
    if "time_zone" in found:  # the same moment reads otherwise in another zone
        found |= {name: (before.get(name) or "", matter.event["data"][name] or "") for name in TIMES}
    named = [name for name in DETAIL_NAMES if name in found and any(found[name])]
    texts = {name: [_text(name, text, zone) for text, zone in zip(found[name], zones, strict=True)] for name in named}
    return [ChangedDetail(DETAIL_NAMES[name], *texts[name]) for name in named]


def _text(name: str, text: str, zone: str) -> str:
    if not text:
        return "not known"
    return moment(text, zone) if name in TIMES else text
