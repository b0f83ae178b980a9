"""The web app: routers, the answers to errors, static files and what holds for every request."""

from __future__ import annotations

import gc
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from newsletter.bootstrap import Container
from newsletter.errors import Conflict, Forbidden, InvalidInput, NewsletterError, NotFound, Unavailable
from newsletter.logs import configure_logs, logger
from newsletter.web.deps import NotSignedIn, is_fragment, render
from newsletter.web.routers.admin import ROUTERS as ADMIN_ROUTERS
from newsletter.web.routers.public import ROUTERS as PUBLIC_ROUTERS
from newsletter.web.routers.public.following import LinkDoor
from newsletter.web.security import SecurityMiddleware, loggable, refuse_nul

log = logger(__name__)

STATIC = Path(__file__).with_name("static")
STATUS: dict[type[NewsletterError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    Unavailable: 503,
}


def create_app(parts: Container) -> FastAPI:
    """Return the app of one installation."""
    configure_logs()
    app = FastAPI(
        title="newsletter",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(refuse_nul)],
        lifespan=_lifespan,
    )
    app.state.container = parts
    app.add_middleware(LinkDoor)
    app.add_middleware(SecurityMiddleware, base_url=parts.settings.base_url)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (*ADMIN_ROUTERS, *PUBLIC_ROUTERS):
        app.include_router(router)
    _answer_errors(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Write the clicks that are still in hand when the server ends."""
    gc.freeze()  # the app itself stays: no collection among the requests need walk through it
    yield
    await run_in_threadpool(app.state.container.clicks.close)


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(NotSignedIn, _not_signed_in)
    app.add_exception_handler(NewsletterError, _expected)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _fault)


def _not_signed_in(request: Request, _error: Exception) -> Response:
    """Send the browser to the door, and back here afterwards."""
    if is_fragment(request):
        return PlainTextResponse("", status_code=401, headers={"HX-Redirect": "/sign-in"})
    following = request.url.path if request.method == "GET" else "/admin/"
    return RedirectResponse(f"/sign-in?next={following}", status_code=303)


def _expected(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return _page(request, status, str(error))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = {404: "There is nothing at this address.", 405: "This address does not take that kind of request."}
    return _page(request, error.status_code, told.get(error.status_code, str(error.detail)))


def _malformed(request: Request, _error: Exception) -> Response:
    return _page(request, 422, "A value in this address or form cannot be read.")


def _database(request: Request, error: Exception) -> Response:
    log.error("database_refused", path=loggable(request.url.path), error=str(error)[:500])
    return _page(request, 503, "The database does not answer. Nothing was changed; try again in a minute.")


def _fault(request: Request, error: Exception) -> Response:
    # Formatted here: a log's own traceback may print local variables, and those hold people's addresses.
    log.error("fault", path=loggable(request.url.path), trace="".join(traceback.format_exception(error)))
    return _page(
        request, 500, "This is our fault, not yours. Nothing was changed; the log says what happened."
    )


def _page(request: Request, status: int, message: str) -> Response:
    context: dict[str, Any] = {"code": status, "message": message}
    if not is_fragment(request):
        return render(request, "error.html", status, **context)
    answer = render(request, "error_fragment.html", status, **context)
    # Whatever part of the page was asked for, the sentence goes where trouble is told.
    answer.headers.update({"HX-Retarget": "#trouble", "HX-Reselect": ".note", "HX-Reswap": "innerHTML"})
    return answer
