"""Refusals that only a workflow meets, where the events know more or less than its history; none answers a request."""

from domain.core.errors import Refusal


class EvidenceMissing(Refusal):
    """A step needs an event of an earlier one: somebody answered for that by hand. The workflow repeats it."""

    code = "evidence-missing"


class SaleMade(Refusal):
    """An undo met a sale, made by steps of a task that was lost. The workflow goes on with the sale."""

    code = "sale-made"
