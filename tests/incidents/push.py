"""For tests of the API: a pipeline with a token, and calls in its words."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests.accounts.test_tokens import make_token

ALL = (
    "read:incidents", "write:updates", "ask:publish", "write:affected", "confirm:affected", "read:rejected",
    "read:outcomes", "verify:steps",
    "read:notices", "open:notices",
)  # fmt: skip


@dataclass
class Pipeline:
    token: str
    slug: str = "api-keys-2018"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=True))

    def call(self, method: str, path: str = "", body: Any = None, *, raw: bytes | None = None,
             kind: str = "application/json", **headers: str) -> HttpResponse:  # fmt: skip
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, f"/api/incidents/{self.slug}{path}", content, content_type=kind,
            headers={"Authorization": f"Bearer {self.token}", **said},
        )  # fmt: skip

    def begin(self, key: str = "k1", **body: Any) -> HttpResponse:
        return self.call("POST", "/imports", body, Idempotency_Key=key)

    def put(self, piece: int, content: bytes, number: int = 1, kind: str = "application/octet-stream") -> HttpResponse:
        return self.call("PUT", f"/imports/{number}/pieces/{piece}", raw=content, kind=kind)

    def put_accounts(self, piece: int, accounts: list, number: int = 1) -> HttpResponse:
        return self.put(piece, json.dumps(accounts).encode(), number, "application/json")

    def read(self, number: int = 1) -> HttpResponse:
        return self.call("POST", f"/imports/{number}/read")

    def state(self, number: int = 1) -> dict:
        return self.call("GET", f"/imports/{number}").json()

    def confirm(self, number: int = 1, **body: Any) -> HttpResponse:
        return self.call("POST", f"/imports/{number}/confirm", body)

    def affected(self, *accounts: dict, key: str = "k1", **body: Any) -> HttpResponse:
        return self.call("POST", "/affected", {"accounts": accounts, **body}, Idempotency_Key=key)


def make_pipeline(by: User, *scopes: str, **fields: Any) -> Pipeline:
    return Pipeline(make_token(by, *(scopes or ALL), name=f"pipeline {len(scopes)} {fields}", **fields))
