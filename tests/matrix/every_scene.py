"""All scenes of the fault matrix, of every workflow."""

from tests.matrix import (
    scenes,
    scenes_claims,
    scenes_late,
    scenes_leaves,
    scenes_letters,
    scenes_refunds,
    scenes_show_cancellations,
    scenes_webhooks,
)

SCENES: tuple[scenes.Scene, ...] = (
    *scenes.SCENES,
    *scenes_leaves.SCENES,
    *scenes_late.SCENES,
    *scenes_claims.SCENES,
    *scenes_refunds.SCENES,
    *scenes_show_cancellations.SCENES,
    *scenes_webhooks.SCENES,
    *scenes_letters.SCENES,
)
