"""Runs the migrations on the connection that `adapters/database/migrate.py` has opened; loaded by alembic."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
