"""A show with its stock, as queries return it."""

import json
from typing import Any

from adapters.read_models.queries import with_stock


def test_a_show_that_was_projected_by_an_earlier_version_has_every_field() -> None:
    """Its share for buyers without a name is that of its event, which has none: all."""
    item = {"ticket_type_id": "tt", "name": "floor", "price_minor": 1, "capacity": 5}
    earlier: Any = {"show_id": "sh", "ticket_types": [item]}
    found = with_stock(earlier, {})
    assert found["unnamed_share_percent"] == 100
    assert found["ticket_types"][0]["available"] == 5
    newer = json.loads(json.dumps({**earlier, "unnamed_share_percent": 0}))
    assert with_stock(newer, {})["unnamed_share_percent"] == 0
