"""A small OpenID Connect provider on loopback, strict with its clients; and what an attacker makes of its answers.

Authorization code flow alone (OpenID Connect Core 1.0, 3.1): codes work once, for one redirect URI, with the verifier
of their challenge (RFC 7636) and the client's own secret. Identity tokens are signed by an RSA key that it publishes.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

import requests
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

Claims = dict[str, Any]
Forge = Callable[[str], str]
"""A genuine identity token → what is sent instead."""

CLIENT: Final = "wharf"
SECRET: Final = "a secret of sixteen or more"
LIFE_S: Final = 300


class Quiet(WSGIRequestHandler):
    """A server whose log is nobody's business."""

    def log(self, *_: Any) -> None:
        pass


class OidcProvider:
    """``url`` is its issuer; ``people`` are the claims of everybody by subject. While ``down``, it answers 503."""

    def __init__(self, people: Mapping[str, Claims]) -> None:
        self._people = people
        self._codes: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._bearers: dict[str, str] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})
        self.keys = KeySet([self.key])
        self.forge: Forge | None = None
        self.down = False
        self.asked: list[str] = []
        """Paths of the requests, in order."""
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def sign_in(self, address: str, subject: str) -> str:
        """A person signs in at ``address``; where the browser is led back to."""
        return self._decide(address, {"subject": subject})

    def deny(self, address: str) -> str:
        return self._decide(address, {"deny": "yes"})

    def signed(self, claims: Claims, key: RSAKey | None = None, **header: str) -> str:
        """A token with these claims by our key."""
        return jwt.encode({"alg": "RS256", "kid": "ours", **header}, claims, key or self.key)

    def changed(self, **claims: object) -> Forge:
        """A forgery with other claims that the provider itself has signed; None leaves a claim out."""

        def forge(token: str) -> str:
            merged = {**claims_of(token), **claims}
            return self.signed({name: value for name, value in merged.items() if value is not None})

        return forge

    def _decide(self, address: str, form: Mapping[str, str]) -> str:
        answer = requests.post(address, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def _serve(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.asked.append(request.path)
        pages = {
            "/.well-known/openid-configuration": self._described,
            "/keys": lambda _: told(self.keys.as_dict(private=False)),
            "/authorize": self._authorized,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }
        page = (lambda _: Response("down", 503)) if self.down else pages.get(request.path, lambda _: Response("", 404))
        return page(request)(environ, start_response)

    def _described(self, _: Request) -> Response:
        return told(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _authorized(self, request: Request) -> Response:
        asked = request.args.to_dict()
        wanted = {"client_id": CLIENT, "response_type": "code", "code_challenge_method": "S256"}
        if (
            not wanted.items() <= asked.items()
            or not {"state", "nonce", "code_challenge", "redirect_uri"} <= asked.keys()
        ):
            return Response(f"a client must not ask so: {asked}", 400)
        if request.method == "GET":
            form = '<form method="post"><input name="subject"><button>Yes</button></form>'
            return Response(form, mimetype="text/html")
        answer = {"state": asked["state"], "iss": self.url}
        if "deny" in request.form:
            answer |= {"error": "access_denied", "error_description": "not today"}
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self._codes[answer["code"]] = request.form["subject"], asked
        return Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(answer)}"})

    def _token(self, request: Request) -> Response:
        login = request.authorization
        if login is None or (login.username, login.password) != (CLIENT, SECRET):
            return told({"error": "invalid_client"}, 401)
        subject, asked = self._codes.pop(request.form["code"], ("", {}))
        challenge = encoded(hashlib.sha256(request.form["code_verifier"].encode()).digest())
        if challenge != asked.get("code_challenge") or request.form["redirect_uri"] != asked["redirect_uri"]:
            return told({"error": "invalid_grant", "error_description": "this code is not for you"}, 400)
        bearer, now_s = secrets.token_urlsafe(16), int(time.time())
        self._bearers[bearer] = subject
        about = {"iss": self.url, "aud": CLIENT, "iat": now_s, "exp": now_s + LIFE_S, "nonce": asked["nonce"]}
        half = encoded(hashlib.sha256(bearer.encode()).digest()[:16])
        genuine = self.signed({**self._people[subject], **about, "sub": subject, "at_hash": half})
        token = self.forge(genuine) if self.forge else genuine
        return told({"access_token": bearer, "token_type": "Bearer", "expires_in": LIFE_S, "id_token": token})

    def _userinfo(self, request: Request) -> Response:
        subject = self._bearers.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return Response("", 401) if subject is None else told({**self._people[subject], "sub": subject})


def told(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def encoded(octets: bytes) -> str:
    """base64url without padding, as JOSE has it."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def part(value: object) -> str:
    """A part of a token."""
    return encoded(json.dumps(value).encode())


def claims_of(token: str) -> Claims:
    """What a token says, whoever signed it."""
    payload = token.split(".")[1]
    return dict(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@contextmanager
def oidc_provider(people: Mapping[str, Claims]) -> Iterator[OidcProvider]:
    provider = OidcProvider(people)
    try:
        yield provider
    finally:
        provider.close()
