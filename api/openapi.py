"""Print the OpenAPI document of the API: `python -m api.openapi > docs/openapi.json`."""

import json
import sys

from api.app import described_app


def text() -> str:
    """Return the document as it is kept in docs/openapi.json."""
    return json.dumps(described_app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
