"""Networks, endpoints and sandboxes on disk, with a copy in memory that readers use.

    networks   (id, name, document)              name is unique
    endpoints  (id, network_id, container_id, address, document)   an address is given once in a network
    sandboxes  (container_id, document)

SQLite with a write-ahead log, not flushed at each commit: endpoints and sandboxes do not survive a power cut anyway,
and a network made in the last moment before one is made again by its user. Written by the network thread only; readers
see whole objects, as those never change.
"""

import json
import sqlite3
from collections.abc import Iterable

from engine.networks.model import Endpoint, Json, Network, Sandbox

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS networks (id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS endpoints (
    id TEXT PRIMARY KEY, network_id TEXT NOT NULL, container_id TEXT NOT NULL, address TEXT, document TEXT NOT NULL,
    UNIQUE (network_id, address), UNIQUE (network_id, container_id)
);
CREATE TABLE IF NOT EXISTS sandboxes (container_id TEXT PRIMARY KEY, document TEXT NOT NULL);
"""


class Store:
    """The three tables."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._networks = {one.id: one for one in (Network(**document) for document in self._all("networks"))}
        self._endpoints = {one.id: one for one in map(Endpoint.from_json, self._all("endpoints"))}
        self.version = 0  # changes whenever anything does
        self._sandboxes = {one.container_id: one for one in (Sandbox(**doc) for doc in self._all("sandboxes"))}

    def networks(self) -> list[Network]:
        return list(self._networks.values())

    def network(self, network_id: str) -> Network | None:
        return self._networks.get(network_id)

    def put_network(self, network: Network) -> None:
        self._database.execute(
            "INSERT INTO networks VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
            "document = excluded.document",
            (network.id, network.name, json.dumps(network.to_json())),
        )
        self._networks[network.id] = network
        self.version += 1

    def drop_network(self, network_id: str) -> None:
        self._database.execute("DELETE FROM networks WHERE id = ?", (network_id,))
        self._networks.pop(network_id, None)
        self.version += 1

    def endpoints(self, *, network_id: str = "", container_id: str = "") -> list[Endpoint]:
        """The endpoints of a network, of a container, or all."""
        return [
            one
            for one in list(self._endpoints.values())
            if network_id in ("", one.network_id) and container_id in ("", one.container_id)
        ]

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        return self._endpoints.get(endpoint_id)

    def put_endpoint(self, endpoint: Endpoint) -> None:
        self._database.execute(
            "INSERT INTO endpoints VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document",
            (
                endpoint.id,
                endpoint.network_id,
                endpoint.container_id,
                endpoint.address.partition("/")[0] or None,
                json.dumps(endpoint.to_json()),
            ),
        )
        self._endpoints[endpoint.id] = endpoint
        self.version += 1

    def drop_endpoints(self, endpoints: Iterable[Endpoint]) -> None:
        gone = [endpoint.id for endpoint in endpoints]
        self._database.executemany("DELETE FROM endpoints WHERE id = ?", [(one,) for one in gone])
        for one in gone:
            self._endpoints.pop(one, None)
        self.version += 1

    def sandboxes(self) -> list[Sandbox]:
        return list(self._sandboxes.values())

    def sandbox(self, container_id: str) -> Sandbox | None:
        return self._sandboxes.get(container_id)

    def put_sandbox(self, sandbox: Sandbox) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO sandboxes VALUES (?, ?)", (sandbox.container_id, json.dumps(sandbox.to_json()))
        )
        self._sandboxes[sandbox.container_id] = sandbox
        self.version += 1

    def drop_sandbox(self, container_id: str) -> None:
        self._database.execute("DELETE FROM sandboxes WHERE container_id = ?", (container_id,))
        self._sandboxes.pop(container_id, None)
        self.version += 1

    def close(self) -> None:
        self._database.close()

    def _all(self, table: str) -> list[Json]:
        rows = self._database.execute(f"SELECT document FROM {table} ORDER BY rowid")  # noqa: S608 (our own names)
        return [json.loads(document) for (document,) in rows]
