"""A lease around a transfer: what is being fetched is not collected meanwhile, and is again once the transfer
failed."""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from proto.errdefs import NotFound
from proto.failpoints import reached
from supervisor.core.labels import GC_EXPIRE
from supervisor.core.leases import Lease, LeaseStore, current_lease

logger = logging.getLogger(__name__)

_LIFE = timedelta(hours=24)  # should nobody be left to delete it


@contextmanager
def leased(leases: LeaseStore, namespace: str) -> Iterator[None]:
    """Hold a lease: the caller's own, when it named one, else a new one for the time being."""
    if current_lease.get():
        yield
        return
    expires = (datetime.now(UTC) + _LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
    lease = leases.create(namespace, Lease(f"{time.time_ns()}-{secrets.token_urlsafe(3)}", {GC_EXPIRE: expires}))
    reached("supervisor.lease.made")
    token = current_lease.set(lease.id)
    try:
        yield
    finally:
        current_lease.reset(token)
        try:
            leases.delete(namespace, lease.id)
        except NotFound:
            logger.warning("lease %s was deleted before its transfer had ended", lease.id)
