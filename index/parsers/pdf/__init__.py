"""Read PDF documents with pypdf.

`content` gets positioned text from a page, `columns` orders it, `document` joins the pages and finds the metadata,
`running_heads`, `titles` and `hyphens` decide what their names say.
"""

from .content import NO_TEXT
from .document import OCR_HINT, read_pdf

__all__ = ["NO_TEXT", "OCR_HINT", "read_pdf"]
