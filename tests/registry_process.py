"""Debian's docker-registry on loopback for a test: open, with a password and TLS, or with tokens; ended by its pid."""

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.token_server import TokenServer

# user `me`, password `hunter2`; bcrypt at its lowest cost
HTPASSWD = "me:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n"


class DockerRegistry:
    """A registry with its storage below a folder."""

    def __init__(self, folder: Path, *, secure: bool = False, tokens: TokenServer | None = None) -> None:
        self.folder = folder
        self.secure = secure
        self.tokens = tokens
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def _config(self) -> str:
        text = f"""\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {self.folder}/data}}, delete: {{enabled: true}}}}
http:
  addr: {self.host}
  secret: test
"""
        if self.secure:
            text += f"""\
  tls: {{certificate: {self.folder}/cert.pem, key: {self.folder}/key.pem}}
auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}
"""
        if self.tokens is not None:
            text += f"""auth:
  token:
    realm: {self.tokens.realm}
    service: {self.tokens.service}
    issuer: {self.tokens.issuer}
    rootcertbundle: {self.tokens.certificate}
"""
        return text

    def _certificate(self) -> None:
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        words += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
        subprocess.run(["openssl", *words.split()], cwd=self.folder, check=True, capture_output=True)

    def __enter__(self) -> "DockerRegistry":
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.secure:
            self._certificate()
            (self.folder / "htpasswd").write_text(HTPASSWD)
        config = self.folder / "config.yml"
        config.write_text(self._config())
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.__exit__(None, None, None)
        raise AssertionError((self.folder / "log").read_text())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)
