"""Bytes that are not HTTP/1.1 (RFC 9112), or that are and try to smuggle, flood or starve."""

from __future__ import annotations

from tests.serving.malformed.case import INFER, JSON, PREDICT, TOKEN, Case, head, post, row

LONG = 200_000
CHUNKED = (JSON, "transfer-encoding: chunked")
SMUGGLED = b"GET /admin/status HTTP/1.1\r\nhost: x\r\n\r\n"
GOOD = post(PREDICT, row())


def _chunks(body: bytes) -> bytes:
    return head("POST", PREDICT, *CHUNKED) + body


def _chunk(data: bytes, size: str | None = None) -> bytes:
    return (
        f"{len(data):x}".encode() + b"\r\n" + data + b"\r\n"
        if size is None
        else size.encode() + b"\r\n" + data + b"\r\n"
    )


def _lengths(*lengths: str, body: bytes | None = None) -> bytes:
    given = row() if body is None else body
    return head("POST", PREDICT, JSON, *(f"content-length: {length}" for length in lengths)) + given


def _line(line: bytes) -> bytes:
    return line + f"\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()


def _header(line: bytes) -> bytes:
    return b"GET /v2 HTTP/1.1\r\nhost: localhost\r\n" + line + b"\r\n\r\n"


END = b"0\r\n\r\n"
LENGTH = len(row())
# HTTP/1.1 is broken: what follows cannot be parsed, so the connection ends after the answer.
BROKEN = [
    ("bytes", b"\x00\x01\x02\r\n\r\n", 400),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", 400),
    ("an SSH greeting", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400),
    ("a command of Redis", b"*1\r\n$4\r\nPING\r\n\r\n", 400),
    ("a socks greeting", b"\x05\x01\x00\r\n\r\n", 400),
    ("a line without a version", _line(b"GET /v2"), 400),
    ("a line without a path", _line(b"GET HTTP/1.1"), 400),
    ("a line of spaces", _line(b"   "), 400),
    ("two spaces", _line(b"GET  /v2 HTTP/1.1"), 400),
    ("a tab", _line(b"GET\t/v2 HTTP/1.1"), 400),
    ("a space first", _line(b" GET /v2 HTTP/1.1"), 400),
    ("a fourth word", _line(b"GET /v2 HTTP/1.1 x"), 400),
    ("version 9.9", _line(b"GET /v2 HTTP/9.9"), 400),
    ("version 2.0", _line(b"GET /v2 HTTP/2.0"), 400),
    ("version 0.9", _line(b"GET /v2 HTTP/0.9"), 400),
    ("version in small letters", _line(b"GET /v2 http/1.1"), 400),
    ("version 1.1 and more", _line(b"GET /v2 HTTP/1.12"), 400),
    ("NUL in the path", _line(b"GET /v2\x00 HTTP/1.1"), 400),
    ("a control character in the path", _line(b"GET /v2\x01 HTTP/1.1"), 400),
    ("NUL in the method", _line(b"GE\x00T /v2 HTTP/1.1"), 400),
    ("a method of brackets", _line(b"<GET> /v2 HTTP/1.1"), 400),
    ("a method of 200 000 letters", _line(b"G" * LONG + b" /v2 HTTP/1.1"), 431),
    ("a URL of 200 000 letters", _line(b"GET /" + b"a" * LONG + b" HTTP/1.1"), 431),
    ("a header without a colon", _header(b"x-a"), 400),
    ("a header without a name", _header(b": b"), 400),
    ("a space before the colon", _header(b"x-a : b"), 400),
    ("a space in a name", _header(b"x a: b"), 400),
    ("a folded header", _header(b"x-a: b\r\n c"), 400),
    ("a header that begins with a space", b"GET /v2 HTTP/1.1\r\n x-a: b\r\nhost: x\r\n\r\n", 400),
    ("NUL in a name", _header(b"x\x00a: b"), 400),
    ("NUL in a value", _header(b"x-a: b\x00c"), 400),
    ("a control character in a value", _header(b"x-a: b\x01c"), 400),
    ("a carriage return in a value", _header(b"x-a: b\rc"), 400),
    ("a name in another alphabet", _header("\u0445-a: b".encode()), 400),
    ("5 000 headers", _header(b"\r\n".join([b"x-a: b"] * 5_000)), 431),
    ("101 headers", _header(b"\r\n".join([b"x-a: b"] * 101)), 431),
    ("a header of 200 000 letters", _header(b"x-a: " + b"b" * LONG), 431),
    ("a name of 200 000 letters", _header(b"x" * LONG + b": b"), 431),
    ("a length below zero", _lengths("-1"), 400),
    ("a length with a sign", _lengths(f"+{LENGTH}"), 400),
    ("a length in hex", _lengths("0x10"), 400),
    ("a length with a fraction", _lengths("10.0"), 400),
    ("a length that is a word", _lengths("many"), 400),
    ("a length of nothing", _lengths(""), 400),
    ("a length beyond 64 bits", _lengths("99999999999999999999999"), 400),
    ("a length that wraps around", _lengths(str(2**64 + LENGTH)), 400),
    ("two lengths", _lengths("3", "4", body=b"abcd"), 400),
    ("two lengths in one header", _lengths("3, 4", body=b"abcd"), 400),
    ("a length in other digits", _lengths("\u0661\u0660"), 400),
    ("an encoding that is not", head("POST", PREDICT, JSON, "transfer-encoding: gzip") + row(), 400),
    (
        "chunked and then another",
        head("POST", PREDICT, JSON, "transfer-encoding: chunked, identity") + END,
        400,
    ),
    ("an encoding before and after", head("POST", PREDICT, JSON, "transfer-encoding: xchunked") + END, 400),
    ("chunked in HTTP/1.0", _chunks(_chunk(row()) + END).replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
]
# The head is good, the chunks are not: the server answers with its own words and ends the connection.
CHUNKS = [
    ("a size that is a word", _chunks(_chunk(row(), "many") + END)),
    ("a size of nothing", _chunks(_chunk(row(), "") + END)),
    ("a size below zero", _chunks(_chunk(row(), "-1") + END)),
    ("a size with a sign", _chunks(_chunk(row(), f"+{LENGTH:x}") + END)),
    ("a size in C", _chunks(_chunk(row(), f"0x{LENGTH:x}") + END)),
    ("a size beyond 64 bits", _chunks(_chunk(row(), "f" * 17) + END)),
    ("a size that wraps around", _chunks(_chunk(row(), f"1{LENGTH:016x}") + END)),
    ("a size too small", _chunks(_chunk(row(), "1") + END)),
    ("a size without a carriage return", _chunks(f"{LENGTH:x}".encode() + b"\n" + row() + b"\r\n" + END)),
    ("a carriage return alone", _chunks(f"{LENGTH:x}".encode() + b"\r" + row() + b"\r\n" + END)),
    ("no line after a chunk", _chunks(f"{LENGTH:x}".encode() + b"\r\n" + row() + END)),
    ("an extension of 200 000 letters", _chunks(_chunk(row(), f"{LENGTH:x};" + "a" * LONG) + END)),
    ("a trailer of 200 000 letters", _chunks(_chunk(row()) + b"0\r\nx-a: " + b"b" * LONG + b"\r\n\r\n")),
    ("5 000 trailers", _chunks(_chunk(row()) + b"0\r\n" + b"x-a: b\r\n" * 5_000 + b"\r\n")),
]
CUT = [
    ("nothing", b""),
    ("half a line", b"GET /v"),
    ("a line", b"GET /v2 HTTP/1.1\r\n"),
    ("half a header", b"GET /v2 HTTP/1.1\r\nhost: loc"),
    ("no empty line", b"GET /v2 HTTP/1.1\r\nhost: localhost\r\n"),
    ("line feeds", b"\r\n\r\n\r\n"),
]
CUT_BODIES = [
    ("no body", GOOD[: -len(row())]),
    ("half a body", GOOD[:-20]),
    ("all but a byte", GOOD[:-1]),
    ("no chunk", _chunks(b"")),
    ("half a size", _chunks(b"f")),
    ("half a chunk", _chunks(_chunk(row())[:20])),
    ("no last chunk", _chunks(_chunk(row()))),
    ("half a last chunk", _chunks(_chunk(row()) + b"0\r\n")),
]
GOOD_WIRE = [
    ("line feeds before the line", b"\r\n\r\n" + GOOD, 200, b'"prediction":0'),
    ("lines that end in a line feed", GOOD.replace(b"\r\n", b"\n"), 200, b'"prediction":0'),
    ("an absolute URL", GOOD.replace(b"POST /", b"POST http://localhost/", 1), 200, b'"prediction":0'),
    ("the same length twice", _lengths(str(LENGTH), str(LENGTH)), 200, b'"prediction":0'),
    ("100 headers", _header(b"\r\n".join([b"x-a: b"] * 99)), 200, b'"name":"mlwright"'),
    ("a header of 50 000 letters", _header(b"x-a: " + b"b" * 50_000), 200, b'"name":"mlwright"'),
    ("a value of other bytes", _header(b"x-a: \xff\xfe"), 200, b'"name":"mlwright"'),
    ("an empty value", _header(b"x-a:"), 200, b'"name":"mlwright"'),
    ("one chunk", _chunks(_chunk(row()) + END), 200, b'"prediction":0'),
    (
        "a chunk for each byte",
        _chunks(b"".join(_chunk(bytes([byte])) for byte in row()) + END),
        200,
        b'"prediction":0',
    ),
    ("a size with leading zeros", _chunks(_chunk(row(), f"000{LENGTH:x}") + END), 200, b'"prediction":0'),
    ("a size in capitals", _chunks(_chunk(row(), f"{LENGTH:X}") + END), 200, b'"prediction":0'),
    ("an extension", _chunks(_chunk(row(), f"{LENGTH:x};a=b") + END), 200, b'"prediction":0'),
    ("a trailer", _chunks(_chunk(row()) + b"0\r\nx-a: b\r\n\r\n"), 200, b'"prediction":0'),
    ("Expect", post(PREDICT, row(), JSON, "expect: 100-continue"), 200, b'"prediction":0'),
    ("Expect of something else", post(PREDICT, row(), JSON, "expect: a-miracle"), 200, b'"prediction":0'),
    (
        "an upgrade to HTTP/2",
        post(
            PREDICT,
            row(),
            JSON,
            "connection: upgrade, http2-settings",
            "upgrade: h2c",
            "http2-settings: AAMAAABk",
        ),
        200,
        b'"prediction":0',
    ),
    (
        "an upgrade to a web socket",
        post(PREDICT, row(), JSON, "connection: upgrade", "upgrade: websocket"),
        200,
        b'"prediction":0',
    ),
    ("a range", post(PREDICT, row(), JSON, "range: bytes=0-0"), 200, b'"prediction":0'),
    (
        "a body where none is read",
        head("GET", "/v2", f"content-length: {len(SMUGGLED)}") + SMUGGLED,
        200,
        b'"name":"mlwright"',
    ),
]
REFUSED = [
    ("no host", b"GET /v2 HTTP/1.1\r\n\r\n", 400, "request.host"),
    ("two hosts", _header(b"host: elsewhere"), 400, "request.host"),
    ("the same host twice", _header(b"host: localhost"), 400, "request.host"),
    ("a path without a slash", head("GET", "v2"), 404, "request.not-found"),
    ("a URL of 9 000 letters", head("GET", "/" + "a" * 9_000), 413, "request.too-large"),
]
TOO_LARGE = [
    ("a length of 1 TB", head("POST", PREDICT, JSON, "content-length: 999999999999")),
    ("a length of one byte beyond the limit", head("POST", INFER, JSON, f"content-length: {(64 << 20) + 1}")),
    ("a length of 2^63", head("POST", PREDICT, JSON, f"content-length: {2**63}")),
]


def cases() -> list[Case]:
    both = head("POST", PREDICT, *CHUNKED, "content-length: 4") + _chunk(row()) + END
    return [
        *(Case(f"wire: {name}", sent, status, is_last=True) for name, sent, status in BROKEN),
        *(Case(f"chunks: {name}", sent, 400, "request.shape", is_last=True) for name, sent in CHUNKS),
        *(Case(f"cut: {name}", sent, 0, is_cut=True, is_last=True) for name, sent in CUT),
        *(
            Case(f"cut: {name}", sent, 400, "request.shape", is_cut=True, is_last=True)
            for name, sent in CUT_BODIES
        ),
        *(Case(f"wire: {name}", sent, status, None, says) for name, sent, status, says in GOOD_WIRE),
        *(Case(f"wire: {name}", sent, 413, "request.too-large", is_last=True) for name, sent in TOO_LARGE),
        *(Case(f"wire: {name}", sent, status, code) for name, sent, status, code in REFUSED),
        # RFC 9112, 6.1: the chunks count, and the connection ends, whatever a proxy took for the body.
        Case("wire: chunked and a length", both, 200, None, b'"prediction":0', is_last=True),
    ]
