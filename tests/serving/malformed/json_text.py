"""Bytes that are not the JSON of RFC 8259, as a value and as the document, on every route."""

from __future__ import annotations

from tests.serving.malformed.case import CLASSIFY, FEEDBACK, INFER, PREDICT, TENSORFLOW, Case, post

SYNTAX = "request.json"
ID = b"0" * 26
PLACES = [
    ("native", PREDICT, b'{"rows": [{"amount": %s, "kind": "a", "at": null}]}'),
    ("tensors", INFER, b'{"inputs": [{"name": "amount", "datatype": "FP64", "shape": [1], "data": [%s]}]}'),
    ("instances", TENSORFLOW, b'{"instances": [{"amount": %s, "kind": "a", "at": null}]}'),
    ("examples", CLASSIFY, b'{"examples": [{"amount": %s, "kind": "a", "at": null}]}'),
    ("feedback", FEEDBACK, b'[{"id": "' + ID + b'", "label": %s}]'),
]
VALUES = [
    ("nothing", b""),
    ("NaN", b"NaN"),
    ("minus NaN", b"-NaN"),
    ("nan", b"nan"),
    ("Infinity", b"Infinity"),
    ("minus Infinity", b"-Infinity"),
    ("inf", b"inf"),
    ("overflow", b"1e400"),
    ("negative overflow", b"-1e400"),
    ("overflow without exponent", b"9" * 400),
    ("overflow of the exponent", b"1e99999999999999999999"),
    ("leading zero", b"01"),
    ("leading zeros", b"00"),
    ("minus zero one", b"-01"),
    ("leading plus", b"+1"),
    ("two minus", b"--1"),
    ("minus alone", b"-"),
    ("plus alone", b"+"),
    ("point alone", b"."),
    ("point first", b".5"),
    ("point last", b"5."),
    ("point before exponent", b"5.e1"),
    ("two points", b"1.2.3"),
    ("exponent without digits", b"1e"),
    ("exponent with a sign only", b"1e+"),
    ("exponent with a point", b"1e1.5"),
    ("exponent with two signs", b"1e+-1"),
    ("hexadecimal", b"0x10"),
    ("octal", b"0o17"),
    ("binary", b"0b11"),
    ("underscore", b"1_000"),
    ("thousands", b"1,000"),
    ("suffix", b"1f"),
    ("decimal comma", b"1,5"),
    ("fullwidth digit", "\uff11".encode()),
    ("arabic digit", "\u0661".encode()),
    ("no-break space", "\u00a01".encode()),
    ("vertical tab", b"\x0b1"),
    ("form feed", b"\x0c1"),
    ("NUL", b"\x00"),
    ("delete", b"\x7f"),
    ("escape character", b"\x1b[0m1"),
    ("True", b"True"),
    ("TRUE", b"TRUE"),
    ("None", b"None"),
    ("undefined", b"undefined"),
    ("nul", b"nul"),
    ("nulll", b"nulll"),
    ("tru", b"tru"),
    ("single quotes", b"'a'"),
    ("no quotes", b"a"),
    ("open text", b'"a'),
    ("text with a line feed", b'"a\nb"'),
    ("text with a tab", b'"a\tb"'),
    ("text with NUL", b'"a\x00b"'),
    ("unknown escape", b'"\\a"'),
    ("escaped NUL of C", b'"\\0"'),
    ("hex escape of C", b'"\\x41"'),
    ("short unicode escape", b'"\\u12"'),
    ("unicode escape with a sign", b'"\\u+123"'),
    ("unicode escape without hex", b'"\\u00zz"'),
    ("capital unicode escape", b'"\\U00000041"'),
    ("lone high surrogate", b'"\\ud800"'),
    ("lone low surrogate", b'"\\udc00"'),
    ("two high surrogates", b'"\\ud800\\ud800"'),
    ("surrogates the wrong way round", b'"\\udc00\\ud800"'),
    ("high surrogate before a letter", b'"\\ud800a"'),
    ("high surrogate before an escape", b'"\\ud800\\n"'),
    ("invalid UTF-8", b'"\xff"'),
    ("UTF-8 continuation alone", b'"\x80"'),
    ("UTF-8 cut off", b'"\xe2\x82"'),
    ("overlong UTF-8", b'"\xc0\xaf"'),
    ("overlong NUL", b'"\xc0\x80"'),
    ("surrogate in UTF-8", b'"\xed\xa0\x80"'),
    ("beyond Unicode", b'"\xf4\x90\x80\x80"'),
    ("Latin-1", b'"\xe9"'),
    ("UTF-16", '"a"'.encode("utf-16-le")),
    ("trailing comma in a list", b"[1,]"),
    ("leading comma in a list", b"[,1]"),
    ("comma twice in a list", b"[1,,2]"),
    ("list without a comma", b"[1 2]"),
    ("list closed by a brace", b"[1}"),
    ("object closed by a bracket", b'{"a":1]'),
    ("object without a colon", b'{"a" 1}'),
    ("object with two colons", b'{"a"::1}'),
    ("object without a value", b'{"a":}'),
    ("object without a key", b"{:1}"),
    ("key without quotes", b"{a:1}"),
    ("number as a key", b"{1:1}"),
    ("null as a key", b"{null:1}"),
    ("trailing comma in an object", b'{"a":1,}'),
    ("object with a key alone", b'{"a"}'),
    ("key twice", b'{"a":1,"a":1}'),
    ("key twice by an escape", b'{"a":1,"\\u0061":1}'),
    ("key twice deep inside", b'[[{"b":{"a":1,"a":1}}]]'),
    ("line comment", b"1 // one"),
    ("block comment", b"1 /* one */"),
    ("hash comment", b"1 # one"),
    ("function call", b'Date("1")'),
    ("template", b"`a`"),
]
DOCUMENTS = [
    ("empty", b""),
    ("white space", b" \r\n\t "),
    ("NUL bytes", b"\x00" * 16),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16 with a mark", "\ufeff{}".encode("utf-16-le")),
    ("UTF-32", "{}".encode("utf-32-le")),
    ("a brace", b"{"),
    ("a bracket", b"["),
    ("a closing brace", b"}"),
    ("a form", b"rows=1&unit=2"),
    ("XML", b'<?xml version="1.0"?><rows/>'),
    ("YAML", b"rows:\n- amount: 1\n"),
    ("CSV", b"amount,kind\n1,a\n"),
    ("pickle", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x04rows\x94]\x94s."),
    ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"),
    ("MessagePack", b"\x81\xa4rows\x90"),
    ("CBOR", b"\xa1drows\x80"),
    ("protocol buffer", b"\x0a\x0aproduction\x12\x011"),
    ("another HTTP request", b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("multipart", b'--x\r\ncontent-disposition: form-data; name="rows"\r\n\r\n[]\r\n--x--\r\n'),
]
TAILS = [
    ("a letter", b" x"),
    ("NUL", b"\x00"),
    ("a closing brace", b"}"),
    ("a closing bracket", b"]"),
    ("a comma", b","),
    ("a second document", b"{}"),
    ("a second line", b"\n[]\n"),
    ("a comment", b" // that is all"),
    ("a byte order mark", b"\xef\xbb\xbf"),
]
DEEP = [
    ("101 lists", b"[" * 101 + b"]" * 101),
    ("120 lists", b"[" * 120 + b"]" * 120),
    ("120 objects", b'{"a":' * 120 + b"1" + b"}" * 120),
    ("250 000 lists", b"[" * 250_000 + b"]" * 250_000),
    ("250 000 lists that stay open", b"[" * 250_000),
    ("250 000 objects", b'{"a":' * 250_000 + b"1" + b"}" * 250_000),
    ("lists and objects in turn", b'[{"a":' * 60_000 + b"1" + b"}]" * 60_000),
]


# Nothing in a list is an empty list, a comma there parts two values, and lists in lists are dimensions;
# the kind of a label is judged before what follows it.
OTHERWISE = {
    ("tensors", "nothing"): "request.shape",
    ("tensors", "decimal comma"): "request.shape",
    ("tensors", "101 lists"): "request.shape",
    ("tensors", "120 lists"): "request.shape",
    ("tensors", "250 000 lists"): "request.shape",
    ("tensors", "250 000 lists that stay open"): "request.shape",
    ("feedback", "nulll"): "request.shape",
}


def cases() -> list[Case]:
    """Put every value, document and tail on every route."""
    found = []
    for group, path, template in PLACES:
        before, after = template.split(b"%s")

        def add(
            kind: str, name: str, body: bytes, code: str = SYNTAX, *, group: str = group, path: str = path
        ) -> None:
            wanted = OTHERWISE.get((group, name), code)
            found.append(Case(f"{group}, {kind}: {name}", post(path, body), 400, wanted))

        for name, value in VALUES:
            add("value", name, before + value + after)
        for name, body in DOCUMENTS:
            add("document", name, body)
        for name, tail in TAILS:
            add("tail", name, before + b"1" + after + tail)
        for name, value in DEEP:
            add("depth", name, before + value + after, "request.too-deep")
    return found
