"""A token service for docker-registry: who asks with the right password gets what it asks for, anybody else may read.

`asked` remembers each request: its scopes, and whether it came with the password.
"""

import base64
import json
import secrets
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "me", "hunter2"
_BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class TokenServer:
    """The service, on loopback, with a key of its own."""

    service = "registry.test"
    issuer = "tests"

    def __init__(self, folder: Path, life: int = 300) -> None:
        self.folder = folder
        self.life = life
        self.certificate = folder / "token-cert.pem"
        self.asked: list[tuple[list[str], bool]] = []
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def realm(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def token(self, scopes: list[str], trusted: bool) -> str:
        """A JSON web token for what the asker may do of what it asks for."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            granted = [one for one in actions.split(",") if trusted or one == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": USER if trusted else "",
            "aud": self.service,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.life,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        der = base64.b64encode(base64.b64decode("".join(self.certificate.read_text().splitlines()[1:-1]))).decode()
        head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
        words = ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "token-key.pem")]
        signature = subprocess.run(words, input=signed.encode(), capture_output=True, check=True).stdout
        return f"{signed}.{_encode(signature)}"

    def __enter__(self) -> "TokenServer":
        self.folder.mkdir(parents=True, exist_ok=True)
        words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tokens -keyout token-key.pem"
        subprocess.run([*words.split(), "-out", "token-cert.pem"], cwd=self.folder, check=True, capture_output=True)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                authorization = self.headers.get("Authorization")
                outer.asked.append((query.get("scope", []), authorization == _BASIC))
                if authorization not in (None, _BASIC):
                    self.send_error(401)
                    return
                token = outer.token(query.get("scope", []), authorization == _BASIC)
                body = json.dumps({"token": token, "expires_in": outer.life}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests look at `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
