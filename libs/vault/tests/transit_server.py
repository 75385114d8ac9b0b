"""A stand-in of HashiCorp Vault's transit engine: its HTTP protocol with real AES-GCM and key versions behind it.

As the real one does, it answers 400 with the results beside it when an item fails, knows no associated data in
`rewrap`, and says 503 while it is sealed.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.test-token"
_FAILED = "cipher: message authentication failed"


class TransitServer:
    """One mount with its keys; `sealed`, `slow_s` and `failures` are the faults that it can have."""

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {"cartulary": [os.urandom(32)]}
        self.sealed = False
        self.slow_s = 0.0
        self.failures = 0
        self.asked: list[str] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TransitServer]:
        """Serve on a free port of this machine."""
        app = web.Application()
        app.router.add_route("*", "/v1/transit/{action}/{name}", self._answer)
        app.router.add_route("*", "/v1/transit/{action}/{name}/rotate", self._rotate)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _refusal(self, request: web.Request) -> web.Response | None:
        self.asked.append(request.match_info["action"])
        await asyncio.sleep(self.slow_s)
        if self.sealed:
            return _errors(503, "Vault is sealed")
        if self.failures:
            self.failures -= 1
            return web.Response(status=502, text="<html>bad gateway</html>")
        if request.headers.get("X-Vault-Token") != TOKEN:
            return _errors(403, "permission denied")
        return None

    async def _rotate(self, request: web.Request) -> web.Response:
        refusal = await self._refusal(request)
        if refusal is None:
            self.keys[request.match_info["name"]].append(os.urandom(32))
        return refusal or web.Response(status=204)

    async def _answer(self, request: web.Request) -> web.Response:
        if refusal := await self._refusal(request):
            return refusal
        action, versions = request.match_info["action"], self.keys.get(request.match_info["name"])
        if action == "keys":
            if versions is None:
                return _errors(404)
            return web.json_response({"data": {"latest_version": len(versions), "type": "aes256-gcm96"}})
        if versions is None:
            return _errors(400, "encryption key not found")
        items = (await request.json()).get("batch_input")
        if not items:
            return _errors(400, "missing batch input to process")
        act: Callable[[dict[str, str], list[bytes]], dict[str, Any]] = getattr(self, f"_{action}_item")
        results = [act(item, versions) for item in items]
        status = 400 if any("error" in result for result in results) else 200
        return web.json_response({"data": {"batch_results": results}}, status=status)

    def _encrypt_item(self, item: dict[str, str], versions: list[bytes]) -> dict[str, Any]:
        nonce = os.urandom(12)
        associated = b64decode(item.get("associated_data", ""))
        content = nonce + AESGCM(versions[-1]).encrypt(nonce, b64decode(item["plaintext"]), associated)
        return {"ciphertext": f"vault:v{len(versions)}:{b64encode(content).decode()}", "key_version": len(versions)}

    def _decrypt_item(self, item: dict[str, str], versions: list[bytes]) -> dict[str, Any]:
        prefix, _, rest = item["ciphertext"].partition(":v")
        version, _, text = rest.partition(":")
        if prefix != "vault" or not version.isdecimal():
            return {"plaintext": "", "error": "invalid ciphertext: no prefix"}
        if int(version) > len(versions):
            return {"plaintext": "", "error": "invalid ciphertext: version is too new"}
        content = b64decode(text)
        try:
            clear = AESGCM(versions[int(version) - 1]).decrypt(
                content[:12], content[12:], b64decode(item.get("associated_data", ""))
            )
        except InvalidTag:
            return {"plaintext": "", "error": _FAILED}
        return {"plaintext": b64encode(clear).decode()}

    def _rewrap_item(self, item: dict[str, str], versions: list[bytes]) -> dict[str, Any]:
        opened = self._decrypt_item({"ciphertext": item["ciphertext"]}, versions)
        return opened if "error" in opened else self._encrypt_item({"plaintext": opened["plaintext"]}, versions)


def _errors(status: int, *reasons: str) -> web.Response:
    return web.json_response({"errors": list(reasons)}, status=status)
