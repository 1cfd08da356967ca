"""Every malformed request gets its answer, nobody else notices, and no answer names the server's inside."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from mlwright.deployment import publish, target_of
from mlwright.serving import ServerProcess
from tests.serving.conftest import CONFIG, make_project, server_config
from tests.serving.malformed import json_text, native, others, tables, tensors, wire
from tests.serving.malformed.case import INFER, PREDICT, ROW, TOKEN, Case, post, row
from tests.serving.malformed.exchange import Connection, Lost
from tests.serving.packages import MATRIX_DEPLOYMENT, add_matrix_version

CASES = [case for module in (json_text, native, tensors, others, tables, wire) for case in module.cases()]
INSIDE = re.compile(
    rb"/(home|root|tmp|usr|var|work|src)/|\.rs\b|\.py\b|panicked|Traceback|\b(core|std|alloc|serde|hyper|tokio)::"
    rb"|mlwright_\w+::|Err\(|Some\(|`(Result|Option)|os error|[0-9a-f]{64}"
)
GOLDEN = {50.0: (0, 1.928749847963918e-22), 150.0: (1, 1.0)}


@dataclasses.dataclass(frozen=True)
class Server:
    """A server with a deployment of columns and one of a matrix."""

    process: ServerProcess

    @property
    def port(self) -> int:
        return self.process.server.port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = make_project(tmp_path_factory.mktemp("malformed") / "project", CONFIG + MATRIX_DEPLOYMENT)
    add_matrix_version(project)
    publish(project, target_of(project), actor="test", reason="start")
    config = dataclasses.replace(server_config(project), token=TOKEN)
    process = ServerProcess.start(config, folder=project.run_folder)
    yield Server(process)
    process.stop()


@pytest.fixture(scope="module")
def bystander(server: Server) -> Iterator[Connection]:
    """A caller who keeps one connection through all cases."""
    with Connection(server.port) as connection:
        yield connection


def check_golden(connection: Connection) -> None:
    """The server lives, and predicts what it has always predicted, to the last bit."""
    for amount, wanted in GOLDEN.items():
        (found,) = json.loads(connection.ask(post(PREDICT, row(amount=amount))).body)["predictions"]
        assert (found["prediction"], found["score"]) == wanted
    live = connection.ask(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (live.status, live.body) == (200, b'{"live":true}')


def check_answer(connection: Connection, case: Case) -> None:
    answer = connection.ask(case.sent, is_cut=case.is_cut)
    assert answer.status == case.status, answer
    assert not INSIDE.search(answer.body), answer
    if case.code is not None:
        found = json.loads(answer.body)
        assert found["code"] == case.code, found
        assert all(found[key] for key in ("hint", "message", "request_id")), found
    assert case.says in answer.body
    if answer.is_last or case.is_last:
        assert connection.is_ended()
    else:
        check_golden(connection)


@pytest.mark.promise("serve.bad-input", "serve.contract")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_malformed_request_gets_its_answer_and_harms_nobody(
    server: Server, bystander: Connection, case: Case
) -> None:
    with Connection(server.port) as connection:
        if case.status == 0:
            with pytest.raises(Lost):
                connection.ask(case.sent, is_cut=case.is_cut)
        else:
            check_answer(connection, case)
    check_golden(bystander)


def test_the_corpus_is_large_and_names_each_case_once() -> None:
    assert len(CASES) >= 300
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_a_contract_violation_names_column_and_row(server: Server) -> None:
    sent = json.dumps({"rows": [ROW, {**ROW, "kind": "z"}]}).encode()
    with Connection(server.port) as connection:
        found = json.loads(connection.ask(post(PREDICT, sent)).body)
    assert (found["column"], found["row"]) == ("kind", 1)
    assert "kind" in found["message"]


def test_open_inference_errors_carry_the_protocols_own_field(server: Server) -> None:
    with Connection(server.port) as connection:
        found = json.loads(connection.ask(post(INFER, b"{}")).body)
    assert found["error"] == found["message"]


def test_a_good_request_is_answered_though_garbage_follows_it(server: Server) -> None:
    with Connection(server.port) as connection:
        good = connection.ask(post(PREDICT, row()) + b"\x00garbage\r\n\r\n")
        assert (good.status, good.is_last) == (200, False)
        assert connection.ask(b"").status == 400
        assert connection.is_ended()


def test_a_good_request_is_answered_while_the_next_is_on_its_way(server: Server) -> None:
    with Connection(server.port) as connection:
        assert connection.ask(post(PREDICT, row()) + b"GET /v2 HT").status == 200
        assert connection.ask(b"TP/1.1\r\nhost: localhost\r\n\r\n").status == 200
