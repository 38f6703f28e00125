"""The API's description as a page to read and try: every file of it comes from here, so it works without the internet."""

from functools import cache
from importlib import resources
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

VIEWER_PATH: Final = "/docs"
VIEWER_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The viewer sets styles on its elements; scripts come from our own files only."""
_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Desklore API</title>
<link rel="icon" href="{VIEWER_PATH}/favicon-32x32.png">
<link rel="stylesheet" href="{VIEWER_PATH}/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<noscript>This page needs JavaScript; the same description is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="{VIEWER_PATH}/swagger-ui-bundle.js"></script>
<script src="{VIEWER_PATH}/start.js"></script>
</body>
</html>
"""
# The key that somebody enters stays in the page's memory: a browser's storage would outlive the visit.
# Every field of the dialog for keys asks for the focus as it appears, so the last one gets it, far below those that most people fill in:
# once all are there it is the first one's (https://github.com/swagger-api/swagger-ui/blob/master/docs/customization/plug-points.md).
_START: Final = """const beginAtTheTop = () => ({
  wrapComponents: {
    authorizationPopup: (Popup, { React }) => class extends React.Component {
      componentDidMount() {
        const fields = document.querySelector(".modal-ux-content");
        fields.scrollTop = 0;
        fields.querySelector("input")?.focus();
      }
      render() {
        return React.createElement(Popup, this.props);
      }
    },
  },
});

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  displayRequestDuration: true,
  validatorUrl: null,
  persistAuthorization: false,
  plugins: [beginAtTheTop],
});
"""

router = APIRouter(include_in_schema=False)


@router.get("/")
async def go_to_viewer() -> RedirectResponse:
    """Whoever opens the bare address finds something to read."""
    return RedirectResponse(VIEWER_PATH)


@router.get(VIEWER_PATH)
async def show_viewer() -> HTMLResponse:
    """The page."""
    return HTMLResponse(_PAGE)


@router.get(VIEWER_PATH + "/start.js")
async def start_viewer() -> Response:
    """What the page runs."""
    return Response(_START, media_type="text/javascript")


def _serve(name: str, media_type: str) -> None:
    @router.get(f"{VIEWER_PATH}/{name}")
    async def viewer_file() -> Response:
        return Response(_read(name), media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})


@cache
def _read(name: str) -> bytes:
    return resources.files("fastapi_swagger.resources").joinpath(name).read_bytes()


for _name, _media_type in _FILES.items():
    _serve(_name, _media_type)
