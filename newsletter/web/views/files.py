"""A table or a document as a file to keep."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from newsletter.reporting.tables import FileFormat, Table, plain


def as_file(table: Table, ending: FileFormat, name: str) -> Response:
    """Return a table as a download called after what it belongs to and itself."""
    return _download(ending.written(table), ending.media_type, f"{name}-{table.name}.{ending}")


def json_file(document: Any, name: str) -> Response:
    """Return a document as a JSON download."""
    return _download(
        json.dumps(document, ensure_ascii=False, indent=2, default=plain), "application/json", f"{name}.json"
    )


def _download(content: str, media_type: str, name: str) -> Response:
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
