"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def _do_no_harm() -> None:
    """A migration that has to wait for a busy table gives up instead of making everybody wait behind it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
        op.execute("SET LOCAL statement_timeout = '60s'")


def upgrade() -> None:
    """Go to this revision."""
    _do_no_harm()
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Go back to the one before."""
    _do_no_harm()
    ${downgrades if downgrades else "pass"}
