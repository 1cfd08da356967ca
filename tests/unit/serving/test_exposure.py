from __future__ import annotations

import pytest

from mlwright.errors import BindRefused
from mlwright.serving import check_exposure, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
@pytest.mark.promise("serve.no-auth")
def test_the_loopback_needs_nothing(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, has_auth=False, is_encrypted=False, allows_plain_text=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
@pytest.mark.promise("serve.no-auth")
def test_other_addresses_need_a_token_whatever_else_is_allowed(host: str) -> None:
    with pytest.raises(BindRefused, match="--no-auth"):
        check_exposure(host, has_auth=False, is_encrypted=False, allows_plain_text=True)


def test_other_addresses_without_tls_need_the_explicit_flag() -> None:
    with pytest.raises(BindRefused, match="unencrypted"):
        check_exposure("0.0.0.0", has_auth=True, is_encrypted=False, allows_plain_text=False)
    check_exposure("0.0.0.0", has_auth=True, is_encrypted=False, allows_plain_text=True)
    check_exposure("0.0.0.0", has_auth=True, is_encrypted=True, allows_plain_text=False)
