"""A small OpenID Connect provider on a port of its own: signs in whoever `person` says, keeps to code flow and PKCE."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "relaypost", "a secret of the client"


class Provider:
    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person = {"sub": "42", "email": "anton@relaypost.example", "email_verified": True}
        self.token_says: dict = {}
        self.page_says: dict = {}
        self.codes: dict[str, dict] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"provider": self}))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Door(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        at, asked = urlsplit(self.path), {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        issuer = self.provider.issuer
        if at.path == "/.well-known/openid-configuration":
            self._say({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "jwks_uri": f"{issuer}/keys",
                "token_endpoint": f"{issuer}/token", "userinfo_endpoint": f"{issuer}/userinfo",
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            })  # fmt: skip
        elif at.path == "/authorize":
            assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (
                CLIENT, "code", "S256",
            )  # fmt: skip
            code = secrets.token_urlsafe()
            self.provider.codes[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            self.end_headers()
        elif at.path == "/userinfo" and self.headers["Authorization"] == "Bearer a-token":
            self._say(self.provider.person | self.provider.page_says)
        else:
            self._say({}, status=404)

    def do_POST(self) -> None:
        said = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        asked = self.provider.codes.pop(said["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(said.get("code_verifier", "").encode()).digest())
        if not asked or challenge.decode().rstrip("=") != asked["code_challenge"] or said["client_secret"] != SECRET:
            self._say({"error": "invalid_grant"}, status=400)
            return
        now = int(time.time())
        claims = {"iss": self.provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, **self.provider.person}
        token = jwt.encode(claims | self.provider.token_says, self.provider.key, algorithm="RS256")
        self._say({"access_token": "a-token", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def _say(self, what: dict, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(what).encode())

    def log_message(self, *args) -> None:
        """Not into the test's output."""
