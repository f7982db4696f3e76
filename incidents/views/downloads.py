"""Files that staff download."""

from collections.abc import Iterable
from itertools import chain

from django.http import StreamingHttpResponse


def csv_download(lines: Iterable[str], name: str) -> StreamingHttpResponse:
    # The mark tells Excel that this is UTF-8; reading such a file again leaves it out.
    response = StreamingHttpResponse(
        chain(["\N{ZERO WIDTH NO-BREAK SPACE}"], lines), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
