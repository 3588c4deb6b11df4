"""Pictures by URL, for servers that allow it: public addresses only, bounded in time and size.

Every address a host name has is looked at, the connection goes to the very address that was
looked at, and every redirect is a new question (SSRF, OWASP cheat sheet, cases 1 and 2).
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import SplitResult, urljoin, urlsplit

from skyreels_a2.errors import PictureError, one_line

_PORTS = {"http": 80, "https": 443}
_MAX_REDIRECTS = 3
_CHUNK = 65536
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def fetch(url: str, *, max_bytes: int, seconds: float = 15.0) -> bytes:
    """Get what a URL has.

    Args:
        url: http or https, on the usual port.
        max_bytes: More is refused.
        seconds: For all of it, redirects included.

    Raises:
        PictureError: A private address, another scheme or port, too much, too slow, or an error.
    """
    deadline = time.monotonic() + seconds
    for _ in range(_MAX_REDIRECTS + 1):
        try:
            answer = _get(url, max_bytes, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PictureError(f"{url[:200]} cannot be fetched: {one_line(error)}") from None
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise PictureError(f"{url[:200]} leads to more than {_MAX_REDIRECTS} redirects: give the last")


def public_address(host: str, port: int) -> str:
    """An address of a host, if all its addresses are public.

    Raises:
        PictureError: One is not, or there is none.
    """
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise PictureError(f"host {host!r} is not known: check the URL") from None
    for address in found:
        ip = ipaddress.ip_address(str(address).split("%")[0])
        if isinstance(ip, ipaddress.IPv6Address):
            inside = ipaddress.IPv4Address(int(ip) % 2**32) if ip in _NAT64 else None
            ip = ip.ipv4_mapped or ip.sixtofour or inside or ip
        if not ip.is_global or ip.is_multicast:
            raise PictureError(f"host {host!r} has a private address: upload the picture instead")
    return min(map(str, found))


def _get(url: str, max_bytes: int, deadline: float) -> bytes | str:
    """The body, or where a redirect leads."""
    parts = _parts(url)
    host, port = str(parts.hostname), _PORTS[parts.scheme]
    address = public_address(host, port)
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    plain = socket.create_connection((address, port), timeout=left)
    try:
        connection = http.client.HTTPConnection(host, port, timeout=left)
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            if parts.scheme == "https"
            else plain
        )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "image/*"})
        response = connection.getresponse()
        if response.status in (301, 302, 303, 307, 308):
            return response.headers.get("Location", "")
        if response.status != 200:
            raise OSError(f"the server answers {response.status}")
        return _body(response, max_bytes, deadline)
    finally:
        plain.close()


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise PictureError(f"{url[:200]!r} is no http or https URL")
    if parts.port not in (None, _PORTS[parts.scheme]) or parts.username is not None:
        raise PictureError(f"{url[:200]!r} names a port or a user: neither is allowed")
    return parts


def _body(response: http.client.HTTPResponse, max_bytes: int, deadline: float) -> bytes:
    chunks, size = [], 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise PictureError(f"the picture has more than {max_bytes:,} bytes: scale it down")
        if time.monotonic() > deadline:
            raise TimeoutError("it took too long")
        chunks.append(chunk)
    return b"".join(chunks)
