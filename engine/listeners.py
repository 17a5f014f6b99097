"""Sockets to listen on: unix://path, tcp://host:port (with TLS where asked for), fd:// from systemd."""

import contextlib
import grp
import logging
import os
import socket
import ssl

from engine.config import Config, environment
from proto.errdefs import InvalidArgument

logger = logging.getLogger(__name__)

_FIRST_FD = 3  # sd_listen_fds(3)


def listen(config: Config) -> list[tuple[socket.socket, ssl.SSLContext | None]]:
    """Every socket of the configuration, bound; TLS contexts for the TCP ones."""
    found: list[tuple[socket.socket, ssl.SSLContext | None]] = []
    for host in config.hosts:
        scheme, separator, rest = host.partition("://")
        if not separator:
            raise InvalidArgument(f"invalid bind address ({host}): use unix://, tcp:// or fd://")
        match scheme:
            case "unix":
                found.append((_unix(rest, config.group), None))
            case "tcp":
                context = _tls(config)
                found.append((_tcp(rest, tls=context is not None), context))
            case "fd":
                found += [(inherited, None) for inherited in _inherited(rest)]
            case _:
                raise InvalidArgument(f"invalid protocol ({scheme}): use unix, tcp or fd")
    return found


def _unix(path: str, group: str) -> socket.socket:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if os.path.lexists(path):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            if probe.connect_ex(path) == 0:
                raise InvalidArgument(f"can't create unix socket {path}: another daemon listens there")
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    try:
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        os.chown(path, 0, gid)
        os.chmod(path, 0o660)
    except KeyError:
        if group != "docker":
            listener.close()
            raise InvalidArgument(f"group {group} not found") from None
        logger.info("no group docker on this host: only root may use %s", path)
    listener.listen(512)
    return listener


def _tcp(address: str, *, tls: bool) -> socket.socket:
    host, separator, port = address.rpartition(":")
    if not separator:
        host, port = address, "2376" if tls else "2375"
    host = host.strip("[]") or "127.0.0.1"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(512)
    if not tls:
        logger.warning("binding to %s:%s without --tlsverify: whoever reaches it is root on this host", host, port)
    return listener


def _tls(config: Config) -> ssl.SSLContext | None:
    if not (config.tls or config.tlsverify):
        return None
    if not (config.tlscert and config.tlskey):
        raise InvalidArgument("--tls needs --tlscert and --tlskey")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tlscert, config.tlskey)
    if config.tlsverify:
        if not config.tlscacert:
            raise InvalidArgument("--tlsverify needs --tlscacert")
        context.load_verify_locations(config.tlscacert)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _inherited(wanted: str) -> list[socket.socket]:
    """fd:// takes all of systemd's sockets, fd://<number or name> one of them."""
    if environment("LISTEN_PID") != str(os.getpid()):
        raise InvalidArgument("no sockets found via socket activation: make sure the service was started by systemd")
    count = int(environment("LISTEN_FDS", "0"))
    names = environment("LISTEN_FDNAMES").split(":")
    chosen = []
    for index in range(count):
        fd = _FIRST_FD + index
        name = names[index] if index < len(names) else ""
        if wanted in ("", "*") or wanted in (str(fd), name):
            os.set_inheritable(fd, False)
            chosen.append(socket.socket(fileno=fd))
    if not chosen:
        raise InvalidArgument(f"no sockets found via socket activation for fd://{wanted}")
    return chosen


def notify(state: str) -> None:
    """sd_notify(3)."""
    path = environment("NOTIFY_SOCKET")
    if not path:
        return
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    with contextlib.closing(channel), contextlib.suppress(OSError):
        channel.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
