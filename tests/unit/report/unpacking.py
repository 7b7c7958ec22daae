"""What a page's script does with the data in it, for tests of pages."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any


def unpacked(text: str) -> Any:
    """The inverse of ``perch.report.asking.page_data.packed``."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
