"""QR codes of ticket codes, as SVG and as PNG."""

from io import BytesIO
from typing import Literal

import segno

ERRORS = "m"  # repairs 15 % of the picture: paper gets folded, glass breaks
PIXELS = 8  # of one module of a PNG
QUIET = 4  # modules of light border that scanners need


def drawn(code: str, form: Literal["svg", "png"]) -> bytes:
    """Return the QR code of a text as a picture."""
    out = BytesIO()
    segno.make_qr(code, error=ERRORS).save(out, kind=form, scale=PIXELS, border=QUIET)
    return out.getvalue()
