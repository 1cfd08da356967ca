from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from mlwright.errors import ServerError
from mlwright.serving import (
    AdminClient,
    RunningServer,
    ServerConfig,
    find_server,
    wait_until_ready,
    wait_until_written,
)


def _config(folder: Path) -> ServerConfig:
    return ServerConfig(
        "127.0.0.1", 0, 0, 1, None, "secret", folder / "d", folder / "p", folder / "l", folder / "s"
    )


def test_the_configuration_is_json_with_paths_as_text(tmp_path: Path) -> None:
    config = _config(tmp_path)
    found = json.loads(config.to_json())
    assert found["token"] is None
    assert found["document"] == str(tmp_path / "d")
    assert found["limits"]["json_depth"] == 100


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"pid": 1}', '{"pid": "x", "host": 1}'])
def test_a_missing_or_damaged_server_file_means_no_server(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "server.json"
    if text is not None:
        path.write_text(text)
    assert find_server(path, "secret") is None


def test_a_file_that_a_dead_server_left_means_no_server(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    facts = {"pid": os.getpid(), "host": "127.0.0.1", "port": 1, "admin_port": 1, "epoch": 1}
    path.write_text(json.dumps(facts))
    assert find_server(path, "secret") is None
    assert not RunningServer(os.getpid(), "127.0.0.1", 1, 1).is_ready()


def test_an_admin_listener_that_is_not_there_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ServerError, match="port 1") as caught:
        AdminClient(1, "secret").reload()
    assert "server.log" in caught.value.hint


def test_waiting_ends_when_the_process_ends(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="ended before it was ready"):
        wait_until_ready(_config(tmp_path), 1, is_running=lambda: False)


def test_a_server_knows_its_own_file_from_that_of_an_earlier_process_with_its_number(tmp_path: Path) -> None:
    config = _config(tmp_path)
    facts = {"pid": 7, "host": "127.0.0.1", "port": 80, "admin_port": 81, "epoch": 1, "started_us": 100}
    config.server_file.write_text(json.dumps(facts))
    later = threading.Timer(0.1, config.server_file.write_text, [json.dumps({**facts, "started_us": 200})])
    later.start()
    found = wait_until_written(config, 7, since_us=150)
    later.join()
    assert found is not None
    assert found.started_us == 200


def test_a_server_that_serves_nothing_is_not_announced(tmp_path: Path) -> None:
    config = _config(tmp_path)
    facts = {"pid": 7, "host": "127.0.0.1", "port": 80, "admin_port": 81, "epoch": 0, "started_us": 100}
    config.server_file.write_text(json.dumps(facts))
    assert wait_until_written(config, 7, since_us=100) is None


def test_an_address_for_all_interfaces_is_reached_on_the_loopback() -> None:
    assert RunningServer(1, "0.0.0.0", 80, 81).url == "http://127.0.0.1:80"
