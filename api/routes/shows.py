"""Shows: announce one with its stock, and read its availability."""

from datetime import datetime
from typing import Annotated, NotRequired, Self

from fastapi import Response
from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from activities.catalog.prices import ChangeShow
from activities.catalog.register import AnnounceShow, ShowTerms
from activities.core.about import About
from activities.core.commands import MintSubject
from api.http.guard import Caller, guarded_router, needs, public
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import (
    After,
    Body,
    Deps,
    Id,
    Key,
    Moment,
    Name,
    ShowId,
    Visible,
    VisibleLines,
    Zone,
    about,
    added,
    digest_of,
    hold_seconds_of,
)
from domain.access.subject import ANONYMOUS
from domain.catalog.changing import ShowLimits
from domain.catalog.details import ShowDetails, ShowState
from domain.catalog.show import CaptureMethod, TicketType
from domain.core.errors import NotChargeable, UnknownSubject, WrongState
from domain.core.timestamp import Timestamp, iso
from domain.money.money import BPS_WHOLE
from domain.money.payment_method import PaymentMethod
from domain.tickets.token import Minting, TransferPolicy, is_each
from domain.views.catalog import StockedShow, state_at

router = guarded_router(prefix="/api/v1/shows", tags=["shows"])
PRICE_MINOR_MAX = 10**12
CAPACITY_MAX = 1_000_000
TYPES_MAX = 50
PERCENT_WHOLE = 100
METHODS_MAX = 50
TEXT_CHARS_MAX = 5_000
URL_CHARS_MAX = 2_000
NO_CONTROLS_BUT_LINES = r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
PROCESSING_DAYS_MAX = 60
PriceMinor = Annotated[int, Field(ge=0, le=PRICE_MINOR_MAX)]


DETAILS = frozenset(ShowDetails.model_fields)
LIMITS = frozenset(ShowLimits._fields)
TEXTS = DETAILS - {"name", "starts_at", "doors_at", "ends_at", "refund_until"}
KEPT = LIMITS | {"name"}
TERMS = {"venue_id", "currency", "capture_method", "sale_from", "sale_until", "processing_days", "transfer", "minting"}
AS_GIVEN = TERMS | {"resell_refunded"} | DETAILS - TEXTS  # fields of a request that the command has as they are


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX, pattern=NO_CONTROLS_BUT_LINES), VisibleLines
]
Url = Annotated[str, StringConstraints(max_length=URL_CHARS_MAX, pattern=r"^https://[^\s\x00-\x1f\x7f]+$"), Visible]


def is_free(value: object) -> bool:
    """Leave a policy that was added later out of the digest where it is the usual one."""
    return value == "free"


class TicketTypeBody(Body):
    """One kind of ticket."""

    name: Annotated[Name, about("Name that buyers see.", "floor")]
    price_minor: Annotated[PriceMinor, about("Price of one ticket in minor units, before fees.", 2500)]
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX), about("Number of tickets of this type.", 500)]


class TaxBody(Body):
    """A tax on the tickets, included in their prices or added to them."""

    rate_bps: Annotated[int, Field(ge=1, le=BPS_WHOLE), about("Rate in ten-thousandths.", 1900)]
    inclusive: Annotated[bool, about("Whether the ticket prices include the tax.", example=True)]


class ShowDetailsBody(Body):
    """When a show sells, when and where it is, and texts about it."""

    sale_from: Annotated[Moment | None, added("Start of the sale; null for now.", "2026-12-01T10:00:00+01:00")] = None
    sale_until: Annotated[Moment | None, added("End of the sale; null for none.", "2026-12-31T18:00:00+01:00")] = None
    ends_at: Annotated[
        Moment | None, added("End of the show; the venue is paid after it.", "2026-12-31T23:30:00+01:00")
    ] = None
    starts_at: Annotated[Moment | None, added("Start of the show.", "2026-12-31T20:00:00+01:00")] = None
    doors_at: Annotated[Moment | None, added("Opening of the doors.", "2026-12-31T19:00:00+01:00")] = None
    time_zone: Annotated[Zone | None, added("IANA time zone of its place.", "Europe/Berlin")] = None
    place: Annotated[Name | None, added("Place and address.", "Hall 2, 5 Quay Street")] = None
    description: Annotated[Text | None, added("Text about the show, for buyers.", "Doors at seven.")] = None
    image_url: Annotated[Url | None, added("Picture of the show.", "https://example.org/night.jpg")] = None
    contact: Annotated[
        Name | None, added("Contact of the organiser, for everybody to read.", "tickets@example.org")
    ] = None
    refund_until: Annotated[
        Moment | None,
        added("Until when buyers may give tickets back by themselves; null is any time.", "2026-12-24T00:00:00+01:00"),
    ] = None


class ShowBody(ShowDetailsBody):
    """A show of a venue, its ticket types and the terms of its sale."""

    venue_id: Annotated[Id, about("Venue that sells the show.", "ve_2b7n4c9s6h3j")]
    name: Annotated[Name, about("Name of the show.", "The Long Night")]
    currency: Annotated[
        str, StringConstraints(pattern=r"^[a-z]{3}$"), about("Currency, as ISO 4217 in lower case.", "eur")
    ]
    ticket_types: Annotated[
        list[TicketTypeBody],
        Field(min_length=1, max_length=TYPES_MAX),
        about("Ticket types of the show.", [{"name": "floor", "price_minor": 2500, "capacity": 500}]),
    ]
    hold_seconds: Annotated[
        Annotated[int, Field(ge=1)] | None, about("How long a checkout holds its seats; null for the default.", 600)
    ] = None
    capture_method: Annotated[
        CaptureMethod, about("Whether payments are authorised first (manual) or captured at once.", "manual")
    ] = "manual"
    tax: Annotated[
        TaxBody | None, added("Tax on the tickets; null for none.", {"rate_bps": 1900, "inclusive": True})
    ] = None
    buyer_tickets_max: Annotated[
        int | None, Field(ge=1), added("Tickets per named buyer; null for the default.", 6)
    ] = None
    resell_refunded: Annotated[bool, added("Whether seats of refunded tickets go on sale again.", example=False)] = (
        False
    )
    unnamed_share_percent: Annotated[
        int | None,
        Field(ge=0, le=PERCENT_WHOLE),
        added(
            "Part of each ticket type that purchases without a named buyer may hold at once; 0 asks every buyer for an"
            " e-mail address or a wallet, null is the default.",
            50,
        ),
    ] = None
    payment_methods: Annotated[
        list[PaymentMethod],
        Field(max_length=METHODS_MAX),
        added(
            "Payment methods that the show takes; left out, Stripe offers those of its dashboard. Debits need"
            " capture_method automatic.",
            ["card", "sepa_debit"],
        ),
    ] = Field(default_factory=list)
    processing_days: Annotated[
        int | None,
        Field(ge=1, le=PROCESSING_DAYS_MAX),
        added("Days for which seats are held while a bank processes a debit; null is the default.", 14),
    ] = None
    transfer: Annotated[
        TransferPolicy,
        Field(exclude_if=is_free),
        about(
            "Whether a token can be moved. A soulbound one is minted when its ticket is claimed, and stays in that"
            " wallet.",
            "soulbound",
        ),
    ] = "free"
    minting: Annotated[
        Minting,
        Field(exclude_if=is_each),
        about(
            "When a ticket becomes a token: each at its sale, or on_claim; until then it is a leaf of a Merkle tree,"
            " whose root stands in the show's mint.",
            "each",
        ),
    ] = "each"


class NewPriceBody(Body):
    """The new price of a ticket type."""

    ticket_type_id: Annotated[Id, about("Ticket type of the show.", "tt_1c8v5b2n9m4x")]
    price_minor: Annotated[PriceMinor, about("Price of one ticket in minor units, before fees.", 3000)]


class ShowPatch(ShowDetailsBody):
    """The fields that change, also after the sale began; a field that is left out stays, and null removes it."""

    ticket_types: Annotated[
        list[NewPriceBody],
        Field(default_factory=list, max_length=TYPES_MAX),
        about("New prices.", [{"ticket_type_id": "tt_1c8v5b2n9m4x", "price_minor": 3000}]),
    ]
    name: Annotated[Name | None, about("Name of the show.", "The Long Night")] = None
    buyer_tickets_max: Annotated[int | None, Field(ge=1), about("Tickets per named buyer, from now on.", 6)] = None
    unnamed_share_percent: Annotated[
        int | None,
        Field(ge=0, le=PERCENT_WHOLE),
        about("Part of each ticket type that purchases without a named buyer may hold at once.", 50),
    ] = None
    resell_refunded: Annotated[
        bool | None, about("Whether seats of tickets that are refunded from now on go on sale again.", example=True)
    ] = None

    @model_validator(mode="after")
    def _check_nulls(self) -> Self:
        for field in KEPT & self.model_fields_set:
            if getattr(self, field) is None:
                raise ValueError(f"{field} cannot be removed: leave it out, or send a value")
        return self


class NewPrice(TypedDict):
    """The new price of a ticket type."""

    ticket_type_id: str
    price_minor: int


class ShowChanged(TypedDict):
    """The fields that the request changed."""

    show_id: str
    ticket_types: NotRequired[list[NewPrice]]
    sale_from: NotRequired[Timestamp | None]
    sale_until: NotRequired[Timestamp | None]
    changed: NotRequired[list[str]]


class ShowAnswer(StockedShow):
    """A show with its stock; `stale` is true when the answer may lack the event that was waited for.

    `on_sale` says that tickets can be bought now; `state` says why not.
    """

    state: ShowState
    stale: bool


@router.post("", status_code=201, openapi_extra=may_answer(UnknownSubject, WrongState, NotChargeable))
@needs("manage")
async def announce_show(body: ShowBody, key: Key, deps: Deps, caller: Caller, response: Response) -> ShowTerms:
    """Record a show and start its registration on chain; it goes on sale when it is registered there."""
    tenant_id = caller.tenant_id
    show_id = deps.identity.of_key("sh", caller.name, key)
    types = [
        TicketType(ticket_type_id=deps.identity.derive("tt", show_id, str(number)), **item.model_dump())
        for number, item in enumerate(body.ticket_types)
    ]
    command = AnnounceShow(
        tenant_id=tenant_id,
        show_id=show_id,
        ticket_types=types,
        hold_seconds=hold_seconds_of(body.hold_seconds, deps),
        body_digest=digest_of(body, key),
        tax_bps=body.tax.rate_bps if body.tax else 0,
        tax_inclusive=body.tax is not None and body.tax.inclusive,
        buyer_tickets_max=body.buyer_tickets_max or deps.limits.buyer_tickets_max,
        unnamed_share_percent=deps.limits.unnamed_share_percent
        if body.unnamed_share_percent is None
        else body.unnamed_share_percent,
        payment_methods=sorted(set(body.payment_methods)),
        **{name: getattr(body, name) for name in AS_GIVEN},
        **{name: getattr(body, name) or "" for name in TEXTS},
    )
    position = await deps.catalog.announce_show(command)
    about = About(show_id=show_id, venue_id=command.venue_id, show_name=command.name)
    await deps.engine.register(MintSubject(tenant_id=tenant_id, kind="show", subject_id=show_id), about)
    response.headers["Location"] = f"/api/v1/shows/{show_id}?after={position}"
    return command


@router.patch("/{show_id}", openapi_extra=may_answer(UnknownSubject, WrongState, NotChargeable))
@needs("manage")
async def change_show(show_id: ShowId, body: ShowPatch, deps: Deps, response: Response) -> ShowChanged:
    """Change prices, the sale window, the details and the limits, all or none; placed orders keep their price.

    With a new date the venue's money waits for it, and the show sells until it is over. Tokens that were minted
    before keep the document that they were minted with.
    """
    named = body.model_fields_set
    ends = {"sale_from", "sale_until"} & body.model_fields_set
    command = ChangeShow(
        show_id=show_id,
        prices={item.ticket_type_id: item.price_minor for item in body.ticket_types},
        window={name: getattr(body, name) for name in sorted(ends)},
        details={name: _detail(name, body) for name in sorted(DETAILS & named)},
        limits={name: getattr(body, name) for name in sorted(LIMITS & named)},
    )
    position = await deps.prices.change_show(command)
    response.headers["Location"] = f"/api/v1/shows/{show_id}?after={position}"
    return _changed(show_id, body)


@router.get("/{show_id}", openapi_extra=may_answer(NOT_FOUND))
@public
async def read_show(show_id: ShowId, deps: Deps, caller: Caller, after: After = 0) -> ShowAnswer:
    """Return a show: its state, whether it is on sale now, and the stock of each ticket type.

    Without a key only a show that is or was on sale exists.
    """
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.show, show_id)
    if found is None or (caller is ANONYMOUS and not found["on_sale"]):
        raise not_found("show", show_id)
    state = state_at(found, deps.now())
    return {**found, "on_sale": state == "on-sale", "state": state, "stale": stale}


def _detail(name: str, body: ShowPatch) -> datetime | str | None:
    """Return a detail of a show; a text that is removed is empty."""
    value: datetime | str | None = getattr(body, name)
    return "" if value is None and name in TEXTS else value


def _changed(show_id: str, body: ShowPatch) -> ShowChanged:
    changed: ShowChanged = {"show_id": show_id}
    if others := (DETAILS | LIMITS) & body.model_fields_set:
        changed["changed"] = sorted(others)
    if "ticket_types" in body.model_fields_set:
        changed["ticket_types"] = [
            {"ticket_type_id": item.ticket_type_id, "price_minor": item.price_minor} for item in body.ticket_types
        ]
    if "sale_from" in body.model_fields_set:
        changed["sale_from"] = iso(body.sale_from)
    if "sale_until" in body.model_fields_set:
        changed["sale_until"] = iso(body.sale_until)
    return changed
