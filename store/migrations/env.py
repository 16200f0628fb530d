"""Alembic's way in. It runs on the connection that ``store.migrate`` hands over."""

from alembic import context

# Without the tables of today: a step says itself what it makes, names of constraints included.
context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # on SQLite too: store.migrate began the transaction
)
context.run_migrations()
