"""Measure what one prediction over HTTP costs the server, beside nginx answering a constant in the same run.

    python benchmarks/serving/run.py [--seconds 8] [--repetitions 5] [--connections 64]

Needs wrk and nginx (Debian: `apt-get install wrk nginx-light`) and two cores.
Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from load import Load, measure, write_script
from machine import describe_machine, describe_versions
from page import NGINX, Results, verdicts, write_page
from servers import NAME, Server, ask, start_mlwright, start_nginx
from workload import BODIES, FEATURES, LEAVES, TREES, Workload, make_workload

HERE = Path(__file__).parent
TENSORFLOW, NATIVE = "mlwright, TensorFlow route", "mlwright, native route"
PATHS = {TENSORFLOW: f"/v1/models/{NAME}:predict", NATIVE: f"/v1/predict/{NAME}"}
SERVER_CORE, CLIENT_CORE = 0, 1
TOLERANCE = 1e-9


def main() -> int:
    """Verify, measure, write."""
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="mlwright-bench-") as name:
        results = _measure_all(Path(name), options)
    print(json.dumps(results["settings"]))
    for what, (value, holds) in (bars := verdicts(results)).items():
        print(f"{'holds ' if holds else 'MISSED'} {what}: {value:.2f}")
    if options.write:
        (HERE / "results").mkdir(exist_ok=True)
        text = json.dumps(results, indent=1, ensure_ascii=False)
        (HERE / "results" / f"{results['date']}.json").write_text(text + "\n", encoding="utf-8")
        write_page(HERE / "README.md", results)
    return 0 if all(holds for _, holds in bars.values()) else 1


def _measure_all(folder: Path, options: argparse.Namespace) -> Results:
    machine = describe_machine()
    print("training the model …", flush=True)
    workload = make_workload(folder, seed=7)
    served = start_mlwright(folder, workload.model_file, core=SERVER_CORE)
    try:
        largest = verify(served, workload)
        print(f"{BODIES} answers on each route agree with LightGBM within {largest:.1e}", flush=True)
        sample = ask(served, PATHS[TENSORFLOW], workload.tensorflow_bodies()[0])
        constant = start_nginx(folder, json.dumps(sample, separators=(",", ":")), core=SERVER_CORE)
        try:
            measurements = _alternate(folder, options, workload, served, constant)
        finally:
            constant.stop()
    finally:
        served.stop()
    bodies = workload.tensorflow_bodies()
    settings = {
        "trees": TREES,
        "leaves": LEAVES,
        "features": FEATURES,
        "bodies": BODIES,
        "body_bytes": round(statistics.mean(map(len, bodies))),
        "connections": options.connections,
        "seconds": options.seconds,
        "repetitions": options.repetitions,
        "server_core": SERVER_CORE,
        "client_core": CLIENT_CORE,
    }
    date = datetime.now(UTC).date().isoformat()
    found = {
        "date": date,
        "machine": machine,
        "versions": describe_versions(),
        "settings": settings,
        "largest_error": largest,
        "measurements": measurements,
    }
    return cast("Results", found)


def verify(served: Server, workload: Workload) -> float:
    """Compare every answer on both routes with LightGBM's; give the largest difference."""
    largest = 0.0
    bodies = {TENSORFLOW: workload.tensorflow_bodies(), NATIVE: workload.native_bodies()}
    for route, path in PATHS.items():
        for body, expected in zip(bodies[route], workload.expected, strict=True):
            answer = cast("list[object]", ask(served, path, body)["predictions"])[0]
            output = answer["output"] if isinstance(answer, dict) else answer
            largest = max(largest, abs(float(cast("list[float]", output)[1]) - float(expected)))
    if largest > TOLERANCE:
        raise SystemExit(f"answers differ from LightGBM's by up to {largest:g}: nothing is measured")
    return largest


def _alternate(
    folder: Path, options: argparse.Namespace, workload: Workload, served: Server, constant: Server
) -> dict[str, list[dict[str, float]]]:
    """Measure the targets in turn, so that a busy minute of the machine hits all of them."""
    tensorflow, native = workload.tensorflow_bodies(), workload.native_bodies()
    targets = {
        NGINX: (constant, write_script(folder, "nginx", "/", tensorflow)),
        TENSORFLOW: (served, write_script(folder, "tensorflow", PATHS[TENSORFLOW], tensorflow)),
        NATIVE: (served, write_script(folder, "native", PATHS[NATIVE], native)),
    }
    for server, script in targets.values():
        measure(server, script, Load(options.connections, 1, CLIENT_CORE))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
    for repetition in range(options.repetitions):
        for name, (server, script) in targets.items():
            one = measure(server, script, Load(options.connections, options.seconds, CLIENT_CORE))
            found[name].append(asdict(one))
            served.drop_old_log()
            print(
                f"{repetition + 1}/{options.repetitions} {name}: {one.cpu_us_per_request:.1f} µs CPU,"
                f" {one.requests_per_second:,.0f}/s, p99 {one.p99_us / 1000:.2f} ms, {one.peak_mb:.1f} MB,"
                f" {one.failed} failed",
                flush=True,
            )
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the server beside nginx.")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="keep README and results as they are"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
