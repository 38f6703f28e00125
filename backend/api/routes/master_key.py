"""The master key, for the operator: wrap every company's data key with the newest one."""

from fastapi import APIRouter

from backend.api.deps import OperatorCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.master_key import RotatedOut, RotateIn, RotationOut
from backend.core.usecases import master_keys

router = APIRouter(prefix=f"{API}/master-key", tags=["tenants"])


@router.get("", response_model=RotationOut, responses=problems())
async def rotation(services: ServicesDep, _: OperatorCaller) -> master_keys.RotationState:
    """How many companies still need an older master key."""
    return await master_keys.rotation_state(services)


@router.post("/rotate", response_model=RotatedOut, responses=problems(body=True))
async def rotate(body: RotateIn, services: ServicesDep, caller: OperatorCaller) -> master_keys.Rotated:
    """Wrap the data keys of some companies with the newest master key; ask again with `after` until it is null."""
    return await master_keys.rotate_master_key(services, caller, limit=body.limit, after=body.after)
