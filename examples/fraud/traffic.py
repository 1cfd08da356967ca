"""Replay a market's live days as traffic: one request for each purchase, chargebacks when they arrive."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from chargebacks import MATURITY_DAYS
from product import Service
from simulate import START

CLIENTS = 4
FEEDBACK_BATCH = 400
TIMEOUT_SECONDS = 20.0
NOT_SENT, FAILED = 0, -1


class Connection:
    """One keep-alive connection that sends a request and waits for its answer."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._socket: socket.socket | None = None
        self._head = f"host: {service.host}\r\nauthorization: Bearer {service.token}\r\n".encode()

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Give status and body of the answer; raises `OSError` when there is none."""
        if self._socket is None:
            address = (self._service.host, self._service.port)
            self._socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            kind = b"content-type: application/json\r\n"
            length = f"content-length: {len(body)}\r\n\r\n".encode()
            self._socket.sendall(f"POST {path} HTTP/1.1\r\n".encode() + self._head + kind + length + body)
            return self._read(self._socket)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, connection: socket.socket) -> tuple[int, bytes]:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += _receive(connection)
        head = data[:end].lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = data[end + 4 :]
        while len(body) < length:
            body += _receive(connection)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body


@dataclass
class Answers:
    """What came back for each live purchase, by its place in the table."""

    status: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    alert: npt.NDArray[np.bool_]
    version: npt.NDArray[np.int64]
    id: list[str]
    refusals: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    feedback_sent: int = 0
    feedback_failed: int = 0

    @classmethod
    def none_yet(cls, rows: int) -> Answers:
        """Begin with nothing sent."""
        zeros = np.zeros(rows, dtype=np.int64)
        return cls(zeros.copy(), np.full(rows, np.nan), np.zeros(rows, dtype=bool), zeros.copy(), [""] * rows)

    @property
    def sent(self) -> int:
        """Count the prediction requests sent."""
        return int((self.status != NOT_SENT).sum())

    @property
    def refused(self) -> int:
        """Count the requests that the data contract refused."""
        return int((self.status == 422).sum())

    @property
    def failed(self) -> int:
        """Count everything that is neither an answer nor a refusal by contract, feedback included."""
        good = np.isin(self.status, (NOT_SENT, 200, 422))
        return int((~good).sum()) + self.feedback_failed


class Replay:
    """Sends purchases hour by hour, and the labels that have arrived by then."""

    def __init__(
        self, service: Service, live: pl.DataFrame, labels: pl.DataFrame, *, deployment: str
    ) -> None:
        self.day = _days(live["ts"])
        self.answers = Answers.none_yet(live.height)
        self._service = service
        self._path = f"/v1/predict/{deployment}"
        self._live = live
        self._due, self._of, self._label = label_events(live, labels, self.day)
        self._next_label = 0
        self._work: queue.SimpleQueue[tuple[list[int], list[bytes]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        self._teller = Connection(service)

    def play(self, begin: float, end: float) -> None:
        """Send the purchases of [begin, end) in days, then the labels that arrived before `end`."""
        first, last = np.searchsorted(self.day, (begin, end))
        bodies = write_bodies(self._live[int(first) : int(last)])
        places = list(range(int(first), int(last)))
        parts = [(places[at::CLIENTS], bodies[at::CLIENTS]) for at in range(CLIENTS)]
        for part in parts:
            self._work.put(part)
        for _ in parts:
            self._done.get()
        self._tell_labels(end)

    def close(self) -> None:
        """End the clients."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        self._teller.close()

    def _client(self) -> None:
        connection = Connection(self._service)
        while (part := self._work.get()) is not None:
            for place, body in zip(*part, strict=True):
                self._predict(connection, place, body)
            self._done.put(len(part[0]))
        connection.close()

    def _predict(self, connection: Connection, place: int, body: bytes) -> None:
        answers = self.answers
        try:
            status, text = connection.post(self._path, body)
        except OSError as problem:
            answers.status[place] = FAILED
            answers.problems[repr(problem)] += 1
            return
        answers.status[place] = status
        if status != 200:
            _count_refusal(answers, status, text)
            return
        found = json.loads(text)["predictions"][0]
        answers.id[place] = found["id"]
        answers.score[place] = found["score"]
        answers.alert[place] = found["prediction"] == 1
        answers.version[place] = int(found["version"])

    def _tell_labels(self, now: float) -> None:
        """Send labels that are due and whose prediction was answered."""
        end = int(np.searchsorted(self._due, now))
        places, labels = self._of[self._next_label : end], self._label[self._next_label : end]
        self._next_label = end
        entries = [
            {"id": self.answers.id[place], "label": label}
            for place, label in zip(places.tolist(), labels.tolist(), strict=True)
            if self.answers.id[place]
        ]
        for at in range(0, len(entries), FEEDBACK_BATCH):
            batch = entries[at : at + FEEDBACK_BATCH]
            try:
                status, text = self._teller.post("/v1/feedback", json.dumps(batch).encode())
            except OSError as problem:
                status, text = FAILED, repr(problem).encode()
            if status == 200 or status == 202:
                self.answers.feedback_sent += len(batch)
            else:
                self.answers.feedback_failed += 1
                self.answers.problems[f"feedback {status}: {text[:200].decode(errors='replace')}"] += 1


def label_events(
    live: pl.DataFrame, labels: pl.DataFrame, day: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give times, places and labels: 1 when a chargeback arrives, 0 when a purchase matures without one."""
    known = live.select("transaction_id").join(labels, on="transaction_id", how="left", maintain_order="left")
    is_fraud = known["arrived"].is_not_null().to_numpy()
    due = np.where(is_fraud, _days(known["arrived"]), day + MATURITY_DAYS)
    order = np.argsort(due, kind="stable")
    return due[order], order.astype(np.int64), is_fraud[order].astype(np.int64)


def write_bodies(rows: pl.DataFrame) -> list[bytes]:
    """Write one request for each row; the customer is the unit that stays on one variant."""
    dated = rows.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S"))
    row = pl.struct(dated.columns).struct.json_encode()
    body = pl.concat_str(pl.lit('{"rows":['), row, pl.lit('],"unit":"'), pl.col("customer_id"), pl.lit('"}'))
    return [text.encode() for text in dated.select(body.alias("body"))["body"]]


def _count_refusal(answers: Answers, status: int, text: bytes) -> None:
    try:
        problem = json.loads(text)
    except ValueError:
        problem = {}
    code = str(problem.get("code", status))
    if status == 422:
        answers.refusals[f"{code} {problem.get('column', '')}".strip()] += 1
    else:
        answers.problems[f"{status} {code}: {problem.get('message', '')}"] += 1


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionResetError("the server closed the connection before it answered")
    return data


def _days(moments: pl.Series) -> npt.NDArray[np.float64]:
    since = (moments - START).dt.total_seconds()
    return since.cast(pl.Float64).to_numpy() / 86_400
