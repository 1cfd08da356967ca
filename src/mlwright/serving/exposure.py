"""Which addresses may be opened: the loopback freely, anything wider only on purpose."""

from __future__ import annotations

import ipaddress

from mlwright.errors import BindRefused


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, *, has_auth: bool, is_encrypted: bool, allows_plain_text: bool) -> None:
    """Refuse to open an address that others can reach without a token, or without TLS unless that is meant.

    Raises `BindRefused`.
    """
    if is_loopback(host):
        return
    if not has_auth:
        raise BindRefused(
            f"{host!r} can be reached from other machines, and --no-auth would let them all in",
            hint="drop --no-auth, or listen on 127.0.0.1",
            host=host,
        )
    if not is_encrypted and not allows_plain_text:
        raise BindRefused(
            f"{host!r} can be reached from other machines, and tokens would travel unencrypted",
            hint="pass --tls-certificate and --tls-key, listen on 127.0.0.1 behind a TLS proxy, or pass "
            "--insecure-no-tls (it is audited)",
            host=host,
        )
