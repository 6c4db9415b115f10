"""EvidenceMissing: an answer without its event, which only a workflow meets; no request is answered with it."""

from domain.core.errors import Refusal


class EvidenceMissing(Refusal):
    """A step needs an event of an earlier one: somebody answered for that by hand. The workflow repeats it."""

    code = "evidence-missing"
