"""Patch flags: change a workflow while runs of its former version are in flight.

A purchase that has begun must take the way that its history tells; a new one takes the new way. So a change of what a
workflow does, or of the order in which it does it, stands behind a flag:

1. **Add.** Write `SETTLE_FIRST = Patch("settle-first", "0017")` below, with the number of its decision record, and its
   line into `tests/architecture/persisted_names.txt`. In the workflow, at the very place of the change:
   `if patches.SETTLE_FIRST.on(): new way; else: old way`. The first answer holds for the whole run. The recorded
   histories must still replay (they take the old way), and a new recording shows the new one.
2. **Deprecate**, when no run is open that began before the flag was rolled out and none of them is kept any more
   (retention): delete the old way, and put `patches.SETTLE_FIRST.deprecate()` where the question stood. Record the
   histories of the old way anew.
3. **Remove**, when no run is open or kept that began before the deprecation was rolled out: delete the call and move
   the flag's name to `RETIRED`. A name is never used again: a kept history could answer for it.

Each step is a roll-out of its own (docs/runbook.md). A run that has met a flag never goes back to a build without it.
"""

from typing import NamedTuple

from temporalio import workflow


class Patch(NamedTuple):
    """A flag that is recorded in the histories of the workflows that asked for it; `decision` numbers its record."""

    name: str
    decision: str = ""

    def on(self) -> bool:
        """Return whether this run takes the new way, and record that in its history."""
        return workflow.patched(self.name)

    def deprecate(self) -> None:
        """Accept histories with the flag although only the new way is left."""
        workflow.deprecate_patch(self.name)


# A purchase that ends before it knows of a payment makes sure that there is none.
MONEY_OF_A_LOST_TASK = Patch("money-of-a-lost-task", "0017")
# A refund looks at its news while it waits for an operator, and before it ends.
REFUND_HEEDS_NEWS = Patch("refund-heeds-news", "0033")
# A payment that a bank processes keeps its seats until the bank has decided.
SEATS_WAIT_FOR_THE_BANK = Patch("seats-wait-for-the-bank", "0036")
# A share, or a refund of a cancelled show, that fails is set aside: the others go on without it.
SET_ASIDE = Patch("set-aside", "0035")
# The tickets of a show that mints on claim become leaves of its tree, in one step.
LEAVES = Patch("leaves", "0043")
# In an outage one call of each activity is tried again, after pauses that grow, and a long run continues as new.
HISTORIES_END = Patch("histories-end", "0047")
# A refund that is tried again says so, and an act whose moment has passed is refused when its workflow ends.
ACTS_END = Patch("acts-end", "0078")
# Tries that an operator hurries do not lengthen the pauses of a webhook endpoint or of letters.
PAUSES_KEEP_TIME = Patch("pauses-keep-time", "0091")
# An undo that meets the sale of a task that was lost goes on with that sale.
SALE_GOES_ON = Patch("sale-goes-on", "0090")
PATCHES = tuple(flag for flag in tuple(globals().values()) if isinstance(flag, Patch))
RETIRED: frozenset[str] = frozenset()
