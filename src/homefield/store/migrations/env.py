"""How Alembic runs the steps: in the transaction it is given, so that an upgrade happens wholly or not at all."""

from __future__ import annotations

from alembic import context

from homefield.store.schema import VERSION_TABLE
from homefield.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
