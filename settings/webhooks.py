"""The settings of webhooks that we send."""

from pydantic import Field

from settings.groups import Group


class WebhookSettings(Group):
    """Webhooks that we send to the endpoints of tenants."""

    allow_private: bool = Field(
        default=False, description="whether webhooks may go to private addresses and over plain http, for development"
    )
