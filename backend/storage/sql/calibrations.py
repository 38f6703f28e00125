"""A tenant's thresholds for saying that its sources don't answer."""

import msgspec
from sqlalchemy import delete, select

from backend.core.model.search import Calibration
from backend.storage.sql.tables_judged import calibrations as table
from backend.storage.sql.transaction import TenantTables

_calibration = msgspec.json.Decoder(Calibration)


class SqlCalibrationStore(TenantTables):
    """CalibrationStore by SQL."""

    async def get(self, made_by: str) -> Calibration | None:
        """The one for these makers."""
        row = await self._in.row(select(table.c.body).where(table.c.company_id == self._company_id, table.c.made_by == made_by))
        return _calibration.decode(row.body) if row else None

    async def put(self, calibration: Calibration) -> None:
        """Insert or replace."""
        await self._in.upsert(table, [{"company_id": self._company_id, "made_by": calibration.made_by, "body": calibration}])

    async def delete(self, made_by: str) -> bool:
        """Forget it; whether there was one."""
        return bool(await self._in.write(delete(table).where(table.c.company_id == self._company_id, table.c.made_by == made_by)))
