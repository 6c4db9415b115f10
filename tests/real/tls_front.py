"""A TLS front before a Temporal server, as of a cluster far away: it asks for a client certificate and an API key."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hpack import Decoder
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame

PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
HEAD = 9
CHUNK = 65_536


class Authority:
    """An authority and its certificates, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        self.file = folder / "ca.pem"
        made = self._certificate(self._name, self._key.public_key(), is_authority=True)
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def certify(self, name: str) -> tuple[Path, Path]:
        """Return the files of a certificate and its key, for a client or for this machine."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key.public_key(), is_authority=False)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
        return files

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([
            x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ])  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )


class Calls:
    """Reads the headers of every call in a client's bytes; the bytes pass unchanged."""

    def __init__(self, api_key: str) -> None:
        self._wanted = f"Bearer {api_key}"
        self._decoder = Decoder()
        self._bytes = bytearray()
        self._block = bytearray()
        self._skip = PREFACE
        self.seen = 0

    def are_allowed(self, data: bytes) -> bool:
        """Take bytes; say whether every call in them has the key."""
        self._bytes += data
        if self._skip:
            taken = min(self._skip, len(self._bytes))
            del self._bytes[:taken]
            self._skip -= taken
        while len(self._bytes) >= HEAD:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self._bytes[:HEAD])))
            if len(self._bytes) < HEAD + length:
                break
            body = bytes(self._bytes[HEAD : HEAD + length])
            del self._bytes[: HEAD + length]
            if isinstance(frame, HeadersFrame | ContinuationFrame) and not self._takes(frame, body):
                return False
        return True

    def _takes(self, frame: HeadersFrame | ContinuationFrame, body: bytes) -> bool:
        frame.parse_body(memoryview(body))
        self._block += frame.data
        if "END_HEADERS" not in frame.flags:
            return True
        headers = {str(name): str(value) for name, value in self._decoder.decode(bytes(self._block))}
        self._block.clear()
        self.seen += 1
        return headers.get("authorization") == self._wanted


class TlsFront:
    """What came in: calls with the key, and connections that were turned away."""

    def __init__(self) -> None:
        self.calls = 0
        self.refused = 0


@asynccontextmanager
async def tls_front(port: int, target: str, authority: Authority, api_key: str) -> AsyncIterator[TlsFront]:
    """Serve on a port of this machine; a client without a certificate of the authority does not get in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify("server"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    front, open_now = TlsFront(), set[asyncio.Task[None]]()

    async def accept(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        host, _, far_port = target.rpartition(":")
        far_reads, far_writes = await asyncio.open_connection(host, int(far_port))
        back = asyncio.create_task(_copy(far_reads, writes))
        calls = Calls(api_key)
        try:
            while data := await reads.read(CHUNK):
                before = calls.seen
                if not calls.are_allowed(data):
                    front.refused += 1
                    return
                front.calls += calls.seen - before
                far_writes.write(data)
                await far_writes.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            back.cancel()
            far_writes.close()
            writes.close()
            open_now.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=context)
    try:
        yield front
    finally:
        server.close()
        for task in open_now:
            task.cancel()


async def _copy(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reads.read(CHUNK):
            writes.write(data)
            await writes.drain()
        writes.close()
