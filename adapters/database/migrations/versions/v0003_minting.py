"""How the deployment mints: one row, beside the trees that it has."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        "CREATE TABLE IF NOT EXISTS minting (one boolean PRIMARY KEY DEFAULT true CHECK (one), doc jsonb NOT NULL)"
    )
