"""Documents of investors: raw bodies checked by their first bytes, stored encrypted outside the event (TA-I-2)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from libs.edge.auth import CallerOf
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.edge.problems import UnsupportedMedia
from libs.edge.settings import Settings
from libs.kernel.errors import InvalidValue
from libs.messages.investors import DocumentKind, MediaType
from services.investors import views
from services.investors.domain.commands import FileDocument
from services.investors.people import People
from services.investors.queries import listed, person
from services.investors.sending import send

# The paths whose bodies may be larger than JSON may.
PATH = "/investors/[^/]+/documents"
_MAGIC: dict[MediaType, bytes] = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
_LIST = "select document, kind, media_type, size_bytes, filed_at from documents"
_READS = [needs("investors:documents")]
_CONTENT = {media: {"schema": {"type": "string", "format": "binary"}} for media in _MAGIC}


class DocumentQuery(PageQuery):
    """Filters of the list of documents."""

    kind: DocumentKind | None = None


def router(people: People, settings: Settings) -> APIRouter:
    """`/investors/{investor}/documents`."""
    routes = APIRouter(tags=["documents"], dependencies=_READS)

    @routes.post(
        "/investors/{investor}/documents", openapi_extra={"requestBody": {"required": True, "content": _CONTENT}}
    )
    async def file_document(
        request: Request, investor: UUID, kind: Annotated[DocumentKind, Query()], caller: CallerOf, now: Now
    ) -> Response:
        """File a document: PDF, PNG or JPEG as the whole body."""
        content = await request.body()
        media_type = media_type_of(request.headers.get("content-type", ""), content)
        await person(people, caller, investor)
        document = await people.vault.put_document(
            caller.tenant, str(investor), content, media_type, limit_bytes=settings.max_document_bytes
        )
        created = f"/investors/{investor}/documents/{document}"
        facts = {"document": document, "kind": kind, "media_type": media_type, "size_bytes": len(content)}
        return await send(request, caller, now, FileDocument, {"investor": investor, **facts}, created)

    @routes.get("/investors/{investor}/documents", response_model=PageOf[views.DocumentView])
    async def list_documents(
        request: Request, investor: UUID, query: Annotated[DocumentQuery, Query()], caller: CallerOf
    ) -> Response:
        """The documents of an investor."""
        await person(people, caller, investor)
        select, after = f"{_LIST} join (select $1::uuid as investor) i using (investor)", query.after(request, str)
        rows = await listed(people, caller, select, query, ("document",), after, given=(investor,))
        return page(request, query, rows, ("document",))

    @routes.get(
        "/investors/{investor}/documents/{document}", response_class=Response,
        responses={200: {"content": _CONTENT}},
    )  # fmt: skip
    async def read_document(
        investor: UUID, document: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], caller: CallerOf
    ) -> Response:
        """A document's content."""
        await person(people, caller, investor)
        sql = "select media_type from documents where investor = $2 and document = $1"
        await people.one(caller.scope, sql, "document", document, investor)
        found = await people.vault.get_document(caller.tenant, str(investor), document)
        # Whatever it holds, a browser shows it as nothing of ours.
        headers = {
            "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"
        }  # fmt: skip
        return Response(found.content, headers=headers, media_type=found.media_type)

    return routes


def media_type_of(declared: str, content: bytes) -> MediaType:
    """The kind of a document by its header and its first bytes, which must agree; raises what tells why not."""
    said = declared.partition(";")[0].strip().lower()
    for media_type, magic in _MAGIC.items():
        if media_type == said:
            if content.startswith(magic):
                return media_type
            raise InvalidValue(f"the body does not begin as {media_type} does", field="body")
    raise UnsupportedMedia(f"a document is one of: {', '.join(_MAGIC)}", field="Content-Type", value=said[:100])
