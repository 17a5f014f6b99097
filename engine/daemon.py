"""The composition root: builds every object once, hands it down, starts in order and stops in order."""

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from engine import ground, listeners, log, reload, restore
from engine.api.app import Api, Route, announce_experimental
from engine.api.routes import auth as auth_routes
from engine.api.routes import build as build_routes
from engine.api.routes import build_channel
from engine.api.routes import buildkit as buildkit_routes
from engine.api.routes import commit as commit_routes
from engine.api.routes import image_transfer as image_transfer_routes
from engine.api.routes import images as image_routes
from engine.api.routes import networks as network_routes
from engine.api.routes import swarm as swarm_routes
from engine.api.routes.checkpoints import CheckpointRoutes
from engine.api.routes.container_files import ContainerFileRoutes
from engine.api.routes.container_io import ContainerIoRoutes
from engine.api.routes.containers import ContainerRoutes
from engine.api.routes.events import EventRoutes
from engine.api.routes.exec import ExecRoutes
from engine.api.routes.system import SystemRoutes
from engine.api.routes.volumes import VolumeRoutes
from engine.api.server import Server
from engine.background import Background
from engine.builder.service import Builder
from engine.buildkit.endpoints import BuildKit
from engine.config import Config
from engine.containers import stop, system_info
from engine.containers.execs import Execs
from engine.containers.exits import FILTERS, Exits
from engine.containers.registry import Registry
from engine.containers.room import Room, Supervisor
from engine.containers.runtimes import Runtimes
from engine.containers.store import ContainerStore, connect
from engine.events.bus import Bus
from engine.ground import Ground
from engine.host import look
from engine.images import hosts
from engine.images.assemble import Assembler
from engine.images.hosts import Access
from engine.images.names import Names
from engine.images.registry_client import RegistryClient
from engine.images.removal import ImageUser
from engine.images.service import Images as ImageService
from engine.metrics import page
from engine.metrics import server as metrics_server
from engine.networks.service import Networks
from engine.pacing import Pace
from engine.security import apparmor_profile, selinux
from engine.security.labels import Labeller
from engine.spec.build import Host, Policy
from engine.supervisor_client.channel import Channel
from engine.supervisor_client.containers import Containers
from engine.supervisor_client.content import Content
from engine.supervisor_client.diff import Diff
from engine.supervisor_client.events import Events
from engine.supervisor_client.images import Images as ImageRecords
from engine.supervisor_client.leases import Leases
from engine.supervisor_client.snapshots import Snapshots
from engine.supervisor_client.tasks import Tasks
from engine.supervisor_client.transfer import Transfer
from engine.supervisor_client.version import Version, require_transfers
from engine.tls import Terminator
from engine.users import remapped_root
from engine.users.idmap import IdMap
from engine.volumes.store import Volumes
from proto.errdefs import Fault

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes are made of."""

    room: Room
    images: ImageService
    networks: Networks
    version: Version
    access: Access
    builder: Builder
    buildkit: BuildKit


class Daemon:
    """One engine."""

    def __init__(self, base: Ground, reread: Callable[[], Config] | None = None) -> None:
        self.config = base.config
        self.paths = base.paths
        self._sockets = base.sockets
        self._managed = base.managed
        self._reread = reread
        self.background = Background()
        self._pace = Pace()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        self._pace.install(loop)
        for number in ground.ENDINGS:
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, logger.info, "not yet up: the configuration was just read")
        ground.heard()
        async with contextlib.AsyncExitStack() as stack:
            channel = Channel(await self._supervisor_address(), self.config.containerd_namespace)
            stack.push_async_callback(channel.close)
            parts = await self._build(channel)
            room = parts.room
            stack.push_async_callback(parts.networks.close)
            stack.callback(parts.builder.close)
            stack.callback(room.keeper.close)
            stack.push_async_callback(self.background.close)
            stack.push_async_callback(parts.buildkit.close)
            below = await parts.version.get(patient=True, timeout=20)
            require_transfers(below.version, channel.address)
            events = Events(channel)
            self.background.spawn("supervisor's events", self._follow(room, events, parts.builder))
            await restore.restore(room)
            await parts.images.sweep()
            await parts.builder.sweep()
            await parts.networks.reconcile({live.container.id for live in room.registry if live.container.state.alive})
            self.background.spawn("restart policies", restore.start_policies(room))
            runner = await self._serve(parts, stack)
            stack.push_async_callback(runner.cleanup)
            await self._serve_metrics(parts, stack)
            if self._reread is not None:
                loop.add_signal_handler(signal.SIGHUP, self._reload, parts, self._reread)
            gc.collect()
            gc.freeze()  # what is there by now stays: a collection need not look at it again and again
            logger.info("API listen on %s", ", ".join(self.config.hosts))
            listeners.notify("READY=1")
            await self._stopping.wait()
            listeners.notify("STOPPING=1")
            room.bus.close()
            await self._shut_down(room)

    async def _supervisor_address(self) -> str:
        return self.config.containerd if self._managed is None else await self._managed.ensure()

    async def _build(self, channel: Channel) -> Parts:
        bus, connection = Bus(), connect(self.paths.database)
        access = hosts.access(self.paths.registry_hosts, self.config.insecure_registries, self.config.registry_mirrors)
        supervisor = Supervisor(
            Containers(channel),
            Tasks(channel),
            Snapshots(channel, self.config.storage_driver),
            Content(channel),
            Leases(channel),
        )
        registry = Registry(ContainerStore(connection))
        users = ImageUsers(registry)
        records, differences = ImageRecords(channel), Diff(channel)
        images = ImageService(
            records=records,
            content=supervisor.content,
            snapshots=supervisor.snapshots,
            leases=supervisor.leases,
            transfers=Transfer(channel),
            users=users,
            announce=lambda action, actor, attributes: bus.publish("image", action, actor, attributes),
            snapshotter=self.config.storage_driver,
            access=access,
            differences=differences,
        )
        volumes = Volumes(connection, self.paths.volumes, bus)
        volumes.users = lambda name: [
            live.container.id for live in registry if any(mount.name == name for mount in live.container.mounts)
        ]
        networks = Networks(
            self.config,
            self.paths,
            lambda action, actor, attributes: bus.publish("network", action, actor, attributes),
            name_of=lambda container: live.container.name if (live := registry.get(container)) else "",
        )
        await networks.open()
        room = Room(
            config=self.config,
            paths=self.paths,
            host=self._host(),
            policy=self._policy(),
            runtimes=Runtimes(self.config.runtimes, self.config.default_runtime),
            registry=registry,
            supervisor=supervisor,
            images=images,
            networks=networks,
            volumes=volumes,
            bus=bus,
            background=self.background,
            supervisor_namespace=self.config.containerd_namespace,
            supervisor_address=channel.address,
            remap=self._remap(),
            labeller=Labeller(policy) if (policy := selinux.find(wanted=self.config.selinux_enabled)) else None,
        )
        room.execs = Execs(room)
        assembler = Assembler(supervisor.content, supervisor.snapshots, differences, self.config.storage_driver)
        names = Names(records, supervisor.leases, images.catalog)
        builder = Builder(room, images, differences, assembler, names)
        buildkit = BuildKit(room, builder, images, lambda: _gateway(networks))
        return Parts(room, images, networks, Version(channel), access, builder, buildkit)

    def _host(self) -> Host:
        found = look()
        apparmor_profile.ensure(enabled=found.apparmor)
        return found

    def _remap(self) -> IdMap | None:
        found = remapped_root.resolve(self.config.userns_remap)
        if found is not None:
            remapped_root.require_way(self.paths.exec_root, found)
            remapped_root.close_to_others(self.paths.data_root)
        return found

    def _policy(self) -> Policy:
        return Policy(
            cgroup_parent=self.config.cgroup_parent,
            ulimits=self.config.default_ulimits,
            no_new_privileges=self.config.no_new_privileges,
            init=self.config.init,
            init_path=self.config.init_path or shutil.which("docker-init") or shutil.which("tini") or "",
        )

    async def _follow(self, room: Room, events: Events, builder: Builder) -> None:
        """The supervisor's events for as long as the engine lives; after a break, what was missed is looked up."""
        exits = Exits(room)
        while True:
            try:
                async for envelope in events.subscribe(*FILTERS):
                    exits.handle(envelope)
            except Fault as fault:
                logger.warning("the supervisor's event stream broke: %s", fault)
            await asyncio.sleep(0.2)
            try:
                if self._managed is not None:
                    await self._managed.ensure()  # it died: start another, as dockerd does with its containerd
                await exits.catch_up()
                await restore.repair(room)
                await builder.repair()
                self.background.spawn("what was missed meanwhile", self._look_again(exits))
            except Fault as fault:
                logger.warning("asking the supervisor what was missed: %s", fault)

    async def _look_again(self, exits: Exits) -> None:
        """A new stream tells nobody when it has begun: an exit just before it would go unheard."""
        await asyncio.sleep(1)
        with contextlib.suppress(Fault):
            await exits.catch_up()

    async def _serve(self, parts: Parts, stack: contextlib.AsyncExitStack) -> web.ServerRunner:
        loop = asyncio.get_running_loop()
        if self.config.experimental:
            announce_experimental()
        api = Api(self._routes(parts), self.background, self._pace)
        server = Server(api.handle)
        runner = web.ServerRunner(server, shutdown_timeout=1)
        await runner.setup()
        for listener, context in self._sockets:
            if context is None:
                await web.SockSite(runner, listener, backlog=512).start()
                continue
            terminator = Terminator(context, lambda client: loop.connect_accepted_socket(server, client))
            await terminator.start(listener)
            stack.push_async_callback(terminator.close)
        return runner

    async def _serve_metrics(self, parts: Parts, stack: contextlib.AsyncExitStack) -> None:
        if not self.config.metrics_addr:
            return
        room = parts.room

        def collect() -> str:
            statuses = (live.container.state.status for live in room.registry)
            info = system_info.info(room, images=0)  # which the page does not show
            return page.page(room.metrics, info, statuses, (room.bus.published, room.bus.listeners))

        runner = await metrics_server.serve(self.config.metrics_addr, collect)
        stack.push_async_callback(runner.cleanup)

    def _reload(self, parts: Parts, reread: Callable[[], Config]) -> None:
        """SIGHUP."""
        room = parts.room
        try:
            config, waiting = reload.merge(self.config, reread())
            runtimes = Runtimes(config.runtimes, config.default_runtime)
            access = hosts.access(self.paths.registry_hosts, config.insecure_registries, config.registry_mirrors)
        except (Fault, OSError) as fault:
            logger.error("reloading the configuration: %s; it stays as it was", fault)
            return
        parts.access.become(access)
        self.config = room.config = config
        room.runtimes = runtimes
        log.set_level("debug" if config.debug else config.log_level)
        if waiting:
            logger.warning("changes that need a restart of the engine: %s", ", ".join(waiting))
        about = reload.attributes(config, os.uname().nodename)
        room.bus.publish("daemon", "reload", system_info.engine_id(room), about)
        logger.info("reloaded the configuration: %s", about)

    def _routes(self, parts: Parts) -> list[Route]:
        room, images, version = parts.room, parts.images, parts.version

        async def supervisor_version() -> dict[str, Any]:
            answer = await version.get()
            return {"version": answer.version, "revision": answer.revision}

        groups: tuple[Any, ...] = (
            SystemRoutes(room, supervisor_version, images, parts.builder.usage),
            CheckpointRoutes(room),  # before the containers: the name of one may have slashes
            ContainerRoutes(room),
            ContainerIoRoutes(room),
            ContainerFileRoutes(room),
            ExecRoutes(room),
            EventRoutes(room.bus),
            VolumeRoutes(room.volumes),
        )
        own = [route for group in groups for route in group.table()]
        return [
            *own,
            *image_routes.routes(images),
            *image_transfer_routes.routes(images),
            *network_routes.routes(parts.networks, room),
            *commit_routes.routes(images, room),
            *build_routes.routes(parts.builder, parts.buildkit),
            *build_channel.routes(parts.builder.channels, parts.builder.temporary),
            *buildkit_routes.routes(parts.buildkit),
            *swarm_routes.routes(),
            *auth_routes.routes(RegistryClient(parts.access)),
        ]

    async def _shut_down(self, room: Room) -> None:
        """With live-restore off, containers end with the engine, as with dockerd."""
        running = [live for live in room.registry if live.container.state.alive]
        room.closing = True
        if not self.config.live_restore:
            stopped = [live.container.manually_stopped for live in running]
            halts = (stop.halt(room, live, timeout=self.config.shutdown_timeout) for live in running)
            await asyncio.gather(*halts, return_exceptions=True)
            for live, manually in zip(running, stopped, strict=True):
                live.container.manually_stopped = manually  # the engine stopped it, not a person
                if room.registry.get(live.container.id) is not None:
                    room.save(live)
            running = []
        for live in running:
            abandon = getattr(live.stdio, "abandon", None)
            if abandon is not None:
                abandon()
        if self._managed is not None and not running:
            self._managed.stop()


class ImageUsers:
    """Tells the images' room which containers hold on to which image."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def image_users(self) -> list[ImageUser]:
        """Every container."""
        return [
            ImageUser(live.container.id, live.container.image_id, live.container.state.running)
            for live in self._registry
        ]


def _gateway(networks: Networks) -> str:
    """What `host-gateway` means: the default bridge's address, where there is one."""
    return next((one.gateway for one in networks.all() if one.name == "bridge"), "")
