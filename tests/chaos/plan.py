"""A bad day, planned from its seed alone: buyers and faults, each with its time."""

import random
from collections import Counter
from typing import NamedTuple

SHOWS = 3
SEATS_PER_MINUTE = 60
BUYERS_PER_MINUTE = 200
FAULTS_PER_MINUTE = 48
SECONDS = 60
RUSH = 0.85
# Buyers and faults keep this distance to the end of the chaos run, so that most of the day's work falls into it.
LAST_BUYER, LAST_FAULT = 8.0, 2.0
HOLD_SECONDS, SHORT_HOLD_SECONDS = 30, 6
# What comes after a sale: its buyer wants a refund or disputes the charge (`late`: decided after the chaos run), or a
# bank or a person at Stripe's dashboard strikes. They are dealt to the sales in turn, so that every kind comes before
# any comes again, however many of the buyers get a seat.
REGRETS = ("whole", "part")
DISPUTES = ("won", "lost", "won late", "lost late")
STRIKES = ("refund fails", "second payment", "second payment disputed", "dashboard refund")
QUIET = ""
AFTERMATHS = (*REGRETS, *DISPUTES, *STRIKES, *(QUIET,) * 8)

PARTS = ("worker", "api", "projector", "temporal", "postgres", "stripe", "chain")
ROUTES = (
    "api.postgres",
    "worker.postgres",
    "projector.postgres",
    "api.temporal",
    "worker.temporal",
    "worker.stripe",
    "worker.solana",
    "stripe.api",
    "buyer.api",
)
TEMPERS = {
    "prompt": 38,
    "late": 12,
    "declined-then-good": 10,
    "declined-for-ever": 7,
    "abandons": 8,
    "cancels": 10,
    "double-posts": 9,
    "tries-again": 6,
}
FAULTS = {
    "kill": 20,
    "freeze": 12,
    "backend-kill": 3,
    "cut": 12,
    "slow": 9,
    "refuse": 6,
    "silent": 6,
    "half-open": 3,
    "webhook": 14,
    "stripe-call": 9,
    "chain": 10,
}
CALLS = ("drop_before", "drop_after", "status:500", "status:503", "status:429", "sticky:500", "delay:1500")
HOOKS = ("lost", "duplicate", "reorder", "delay:3000", "forged")
SENDS = ("drop_sends", "lose_answers", "reject_sends", "jump_slots")
SLOTS_JUMPED = 200
# A node that lies: it lags, gives odd answers, limits its calls or has no index; each with its least and its most.
LIES = {"lag_slots": (5, 120), "odd_answers": (1, 30), "calls_per_second": (1, 4), "sends_per_second": (1, 4),
        "refuse_indexes": (1, 1)}  # fmt: skip
LIES_PER_MINUTE = 6
# What an operator does, with the kind of workflow and the weight; a wrong input goes to a signal and an update.
WRONG = "wrong input"
DEEDS = {
    ("retry_now", ""): 8,
    ("give_up", "purchase/"): 8,
    ("extend_hold", "purchase/"): 8,
    ("pay_by_hand", "refund/"): 8,
    ("pause", "show-cancellation/"): 1,
    ("resume", "show-cancellation/"): 1,
    (WRONG, ""): 8,
}
DEEDS_PER_MINUTE = 40
# A receiver of webhooks is down or slow for a while; a delay of more than 15 seconds is longer than the sender waits.
SPELLS = ("down", "slow")
SPELLS_PER_MINUTE = 6
# Only the kernel's keepalive notices a PostgreSQL connection that stays mute for ever, after hours.
HALF_OPEN_ROUTES = tuple(route for route in ROUTES if "postgres" not in route)


class Fault(NamedTuple):
    """A fault: second, kind, target, duration; `detail` is the switch, `amount` its count or milliseconds."""

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    detail: str = ""
    amount: int = 0

    def __str__(self) -> str:
        more = " ".join(filter(None, (self.detail, f"x{self.amount}" if self.amount else "")))
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind:<12} {self.target}{lasts} {more}".rstrip()


class Deed(NamedTuple):
    """An operator's act: second, act, the kind of workflow that it goes to, and which of those that run (0 to 1)."""

    at: float
    act: str
    kind: str
    pick: float


class Spell(NamedTuple):
    """A bad time of the receiver of webhooks: second, kind, duration, and the seconds before its answer when slow."""

    at: float
    kind: str
    seconds: float
    delay: float


class Buyer(NamedTuple):
    """A buyer: second of arrival, show, number of seats, and behaviour."""

    at: float
    number: int
    temper: str
    show: int
    quantity: int
    pause: float
    hold_seconds: int | None


class Plan(NamedTuple):
    """The whole day; `aftermaths` are dealt to the sales in the order in which they are seen."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    buyers: tuple[Buyer, ...]
    seats: tuple[int, ...]
    aftermaths: tuple[str, ...] = ()
    deeds: tuple[Deed, ...] = ()
    spells: tuple[Spell, ...] = ()

    def lines(self) -> list[str]:
        """Return the plan as text, a line per fault."""
        tempers = Counter(buyer.temper for buyer in self.buyers)
        mix = ", ".join(f"{count} {temper}" for temper, count in sorted(tempers.items()))
        dealt = Counter(self.aftermaths[: len(AFTERMATHS)])
        mix += f"; of {len(AFTERMATHS)} sales: {', '.join(f'{dealt[one]} {one}' for one in sorted(dealt) if one)}"
        acts = Counter(deed.act for deed in self.deeds)
        mix += f"; an operator acts: {', '.join(f'{count} {act}' for act, count in sorted(acts.items()))}"
        spells = Counter(spell.kind for spell in self.spells)
        mix += f"; a receiver of webhooks is {', '.join(f'{spells[kind]} times {kind}' for kind in sorted(spells))}"
        head = f"seed {self.seed}: {self.seconds:g} s, {len(self.buyers)} buyers for {sum(self.seats)} seats ({mix})"
        return [head, *(f"#{number:<3} {fault}" for number, fault in enumerate(self.faults))]


def plan_of(seed: int, minutes: float) -> Plan:
    """Return the plan of a seed: the same for the same seed and length, at any time of day."""
    dice = random.Random(seed)  # noqa: S311 - a seed must reproduce the day
    seconds = minutes * SECONDS
    seats = max(1, round(SEATS_PER_MINUTE * minutes / SHOWS))
    buyers = _buyers(dice, seconds, round(BUYERS_PER_MINUTE * minutes))
    times = sorted(round(dice.uniform(1.0, seconds - LAST_FAULT), 1) for _ in range(round(FAULTS_PER_MINUTE * minutes)))
    faults = sorted([*(_fault(dice, at) for at in times), *_lies(seed, minutes)], key=lambda fault: fault.at)
    aftermaths = _aftermaths(seed, len(buyers))
    more = (aftermaths, _deeds(seed, seconds), _spells(seed, minutes))
    return Plan(seed, seconds, tuple(faults), tuple(buyers), (seats,) * SHOWS, *more)


def _aftermaths(seed: int, count: int) -> tuple[str, ...]:
    """Shuffle round after round, from a generator of their own: a seed's faults and buyers stay the same."""
    dice = random.Random(f"{seed}-aftermaths")  # noqa: S311 - a seed must reproduce the day
    rounds = [dice.sample(AFTERMATHS, len(AFTERMATHS)) for _ in range(0, count, len(AFTERMATHS))]
    return tuple(one for each in rounds for one in each)[:count]


def _deeds(seed: int, seconds: float) -> tuple[Deed, ...]:
    """Draw the operator's acts, from a generator of their own too."""
    dice = random.Random(f"{seed}-deeds")  # noqa: S311 - a seed must reproduce the day
    count = round(DEEDS_PER_MINUTE * seconds / SECONDS)
    times = sorted(round(dice.uniform(1.0, seconds - LAST_FAULT), 1) for _ in range(count))
    drawn = dice.choices(list(DEEDS), list(DEEDS.values()), k=count)
    return tuple(Deed(at, act, kind, dice.random()) for at, (act, kind) in zip(times, drawn, strict=True))


def _lies(seed: int, minutes: float) -> list[Fault]:
    """Draw the lies of the node, from a generator of their own too."""
    dice = random.Random(f"{seed}-lies")  # noqa: S311 - a seed must reproduce the day
    lies = []
    for _ in range(round(LIES_PER_MINUTE * minutes)):
        at, detail = round(dice.uniform(1.0, minutes * SECONDS - LAST_FAULT), 1), dice.choice(list(LIES))
        lies.append(Fault(at, "lie", "chain", round(dice.uniform(1.0, 7.0), 1), detail, dice.randint(*LIES[detail])))
    return lies


def _spells(seed: int, minutes: float) -> tuple[Spell, ...]:
    """Draw the bad times of the receiver, each kind in turn, from a generator of their own too."""
    dice = random.Random(f"{seed}-spells")  # noqa: S311 - a seed must reproduce the day
    times = sorted(
        round(dice.uniform(1.0, minutes * SECONDS - LAST_FAULT), 1) for _ in range(round(SPELLS_PER_MINUTE * minutes))
    )
    return tuple(
        Spell(at, kind, round(dice.uniform(1.0, 8.0), 1), round(dice.uniform(0.2, 20.0), 1))
        for at, kind in zip(times, SPELLS * len(times), strict=False)
    )


def _buyers(dice: random.Random, seconds: float, count: int) -> list[Buyer]:
    times = sorted(round(dice.uniform(0.0, seconds - LAST_BUYER), 2) for _ in range(count))
    return [_buyer(dice, at, number, int(SHOWS * at / seconds)) for number, at in enumerate(times)]


def _buyer(dice: random.Random, at: float, number: int, show_of_the_hour: int) -> Buyer:
    [temper] = dice.choices(list(TEMPERS), list(TEMPERS.values()))
    [quantity] = dice.choices((1, 2, 3), (6, 3, 1))
    # Each show has its rush, so that seats are contended for from the first second to the last.
    show = show_of_the_hour if dice.random() < RUSH else dice.randrange(SHOWS)
    pause = round(dice.uniform(0.5, 8.0), 1)
    short = temper in {"abandons", "declined-for-ever"} or dice.random() < 0.1
    return Buyer(at, number, temper, show, quantity, pause, SHORT_HOLD_SECONDS if short else None)


def _fault(dice: random.Random, at: float) -> Fault:
    [kind] = dice.choices(list(FAULTS), list(FAULTS.values()))
    seconds = round(dice.uniform(1.0, 7.0), 1)
    if kind in {"webhook", "stripe-call", "chain"}:
        return _switched(dice, at, kind)
    if kind in {"kill", "freeze"}:
        return Fault(at, kind, dice.choice(PARTS), seconds if kind == "freeze" else 0.0)
    if kind == "backend-kill":
        return Fault(at, kind, "postgres")
    route = dice.choice(HALF_OPEN_ROUTES if kind == "half-open" else ROUTES)
    if kind == "slow":
        return Fault(at, kind, route, seconds, "ms", dice.randint(20, 400))
    return Fault(at, kind, route, 0.0 if kind == "cut" else seconds)


def _switched(dice: random.Random, at: float, kind: str) -> Fault:
    """A switch of the Stripe emulator or of the chain: it affects the next few calls, at any time."""
    count = dice.randint(1, 6)
    if kind == "webhook":
        return Fault(at, kind, "stripe.api", 0.0, dice.choice(HOOKS), count)
    if kind == "stripe-call":
        return Fault(at, kind, "stripe", 0.0, dice.choice(CALLS), count)
    switch = dice.choice(SENDS)
    return Fault(at, kind, "chain", 0.0, switch, SLOTS_JUMPED if switch == "jump_slots" else count)
