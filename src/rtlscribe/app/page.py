"""The web page: its files, as they are. Knows nothing of what they ask."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter
from fastapi.responses import Response

FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
}


def router() -> APIRouter:
    """The routes of the page."""
    found = APIRouter(include_in_schema=False)
    for path, (name, kind) in FILES.items():
        content = (resources.files("rtlscribe.app") / "static" / name).read_bytes()
        response = Response(content, media_type=f"{kind}; charset=utf-8")
        found.add_api_route(path, lambda response=response: response, methods=["GET"], response_model=None)
    return found
