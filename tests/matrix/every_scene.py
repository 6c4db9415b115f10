"""All scenes of the fault matrix, of whatever workflow."""

from tests.matrix import scenes, scenes_cancellations, scenes_late, scenes_refunds

SCENES: tuple[scenes.Scene, ...] = (
    *scenes.SCENES,
    *scenes_late.SCENES,
    *scenes_refunds.SCENES,
    *scenes_cancellations.SCENES,
)
