"""One id per promise. A test names the promises it proves with `@pytest.mark.promise("id", …)`.

`tests/unit/test_requirements.py` fails when a promise has no test, when a test names an unknown promise, and
when a journey proves nothing that is promised.
"""

from __future__ import annotations

PROMISES: dict[str, str] = {
    # the repository
    "repo.lock": "Python dependencies are locked with hashes and without registry URLs; Cargo.lock is committed",
    "repo.layers": "imports point down; every package is declared in the contracts",
    "repo.map": "ARCHITECTURE.md has at most 120 lines and names every package and crate",
    "repo.generated": "reference pages and schemas are generated and current",
    "repo.links": "no link in the documents is dead",
    "repo.errors": "every error code has a hint and a reference row",
    # init
    "init.formats": "init reads Parquet, CSV and Arrow",
    "init.infers": "init infers task, types and roles and says what it assumed and could not know",
    "init.writes": "init writes a commented mlwright.toml and a data contract",
    "init.empty": "init --empty makes a project without data",
    "init.folder": "init NAME makes the folder NAME and refuses one that is there",
    # run
    "run.steps": "run goes load, contract, split, train, evaluate, gate, package, parity, register",
    "run.cached": "the same inputs again: every step a cache hit, without importing a learning library",
    "run.resumes": "a killed run resumes where it stopped",
    "run.split": "the held-out rows are the future when there is time, whole groups when there are groups",
    "run.gate": "gates answer pass, fail or inconclusive by intervals; inconclusive never passes",
    "run.exit-3": "a gate's no is exit code 3 and the version is registered as candidate",
    "run.champion": "the first version that passes becomes champion, later ones become candidate",
    "run.package": "a package is a folder named by its digest with manifest, signature, contract, reference cells, "
    "evaluation and card",
    "run.parity": "the packaged model answers as the trained one on real and edge rows, or is refused",
    "run.baseline": "LightGBM is fitted beside a logistic baseline and a constant",
    # models
    "model.import": "LightGBM text models and ONNX files are imported, checked against their library and registered",
    "import.float32": "a float64 threshold decides as the float32 comparison of the library, for every double",
    "import.catboost": "CatBoost models (JSON) with numbers and one-hot categories answer as CatBoost",
    "import.scikit-learn": "scikit-learn trees, forests and boosting answer as the estimator does",
    "import.xgboost": "XGBoost models (JSON, UBJSON) reach every leaf that XGBoost reaches",
    "model.references": "name@3, name@champion, name@candidate and name@latest mean one version",
    "model.predict": "predict writes prediction and score or score_<class>",
    "serve.kernels": "every tree kernel of the processor gives the bits of the readable walk on forests of any shape",
    "model.trees-exact": "the tree kernel equals LightGBM with missing values and categorical splits",
    # server
    "serve.native": "POST /v1/predict/{deployment} answers one row or many with id, prediction, score, model, "
    "version, variant",
    "serve.oip": "Open Inference Protocol v2 JSON: infer, metadata, ready, live",
    "serve.binary-tensors": "Triton's binary tensors, in and out, get the answers of JSON",
    "serve.triton": "Triton's model configuration, statistics and repository; callers cannot change what is served",
    "serve.grpc": "gRPC of the Open Inference Protocol v2 on --grpc-port, with the token, limits and errors of HTTP",
    "serve.grpc-malformed": "malformed calls get the right status class, and the next good one is right",
    "serve.grpc-clients": "tritonclient, kserve and the stubs of tensorflow-serving-api call by gRPC",
    "serve.perf-analyzer": "perf_analyzer measures the server over OIP HTTP, OIP gRPC and TensorFlow Serving",
    "serve.grpc-wire": "the protocol definitions have no wire difference to those of Triton and TensorFlow Serving",
    "serve.grpc-tensorflow": "gRPC of TensorFlow Serving: predict, classify, regress, metadata and status",
    "serve.grpc-conduct": "calls need the token, keep deadlines and limits, and are counted",
    "serve.tensorflow": "TensorFlow Serving REST: predict, classify, regress, status and metadata, by version or label",
    "serve.sagemaker": "SageMaker's /ping and invocations, with its headers, and a token beside a signature",
    "serve.guide": "every command of the guide to serving runs and gets the answer below it",
    "serve.rest-clients": "tritonclient, kserve and boto3 ask over REST as they do their own servers",
    "serve.csv": "tables as strict CSV, by column order or by header, in and out",
    "serve.vertex": "Vertex AI's prediction bodies, on the routes that AIP_* variables name",
    "serve.azure": "Azure ML's /score and liveness, with its header for the variant",
    "serve.mlflow-scoring": "MLflow's scoring bodies: dataframe_split and dataframe_records",
    "serve.kserve": "KServe v1 and v2 clients find models and their readiness in the bodies they parse",
    "serve.feedback": "POST /v1/feedback takes labels and events by prediction id",
    "serve.metrics": "GET /metrics is Prometheus text",
    "serve.admin": "the admin listener has its own port and token",
    "serve.sticky": "a unit stays on its variant; salted XXH64; propensity is written with every prediction",
    "serve.contract": "a contract violation is a 4xx that names the column",
    "serve.bad-input": "malformed requests get a 4xx with a stable code and a hint, and the next good one is right",
    "serve.fuzz": "40 000 mutated requests of every route: no crash, no 5xx, no hang over 2 s, memory bounded",
    "serve.fuzz-parsers": "every reader of bytes of others refuses damage or reads what an independent reader reads",
    "serve.no-auth": "without a token only on the loopback",
    "serve.swap": "swap and rollback under load fail none of at least 100 000 requests",
    "serve.corrupt": "a corrupt package is refused before it is parsed and the old one keeps serving",
    "serve.restart": "a restart under load fails no request; a server that cannot serve does not replace one that does",
    "serve.crash": "a killed server costs the requests in flight only",
    "serve.batches": "rows that wait for a slow model are asked together; a request that leaves or fails harms no other",
    "serve.deadline": "a model is not asked after the caller's deadline, and the caller is told",
    "serve.sheds": "more than can be answered in time is refused at once with 503 and Retry-After",
    "serve.cache": "a bounded cache answers what was asked before, bit for bit, and counts hits and misses",
    "serve.slow-clients": "a caller that sends its request too slowly is ended and keeps nobody out",
    "serve.routes-declare": "every route declares its authorisation",
    # prediction log
    "log.kill": "a killed server loses no acknowledged prediction record",
    "log.full-disk": "a full disk fails no prediction; drops are counted exactly; the log goes on when there is room",
    "log.torn": "a torn tail is cut on open; drops are counted",
    "log.frame": "the log is read as a polars frame joined with labels",
    # watching
    "monitor.quality": "quality is watched on labels with a stated mean time between false alarms",
    "monitor.drift": "drift is watched on counters and makes a ticket only",
    "monitor.coverage": "metrics are shown with their label coverage",
    # loop
    "loop.renews": "alert, run, candidate, canary, promotion: without a person, with evidence in the history",
    "loop.rolls-back": "a canary that harms is rolled back on label or error evidence",
    "loop.false-rollback": "a harmless candidate is rolled back no more often than stated",
    "loop.second-up": "a second up on the same project says so",
    "loop.status": "status shows what is live, since when, by whose decision, at which share, its health and what "
    "a rollback would do",
    "loop.rollback": "rollback restores the previous champion, audited, without a failed request",
    # example
    "fraud.simulator": "the simulator is seeded and has schemes, seasons, late chargebacks and incidents",
    "fraud.no-future": "no feature of the simulator knows the future",
    # command line
    "cli.json": "every command has --json",
    "cli.light": "--version and --help import no numpy, Arrow, dataframe or learning library",
    "cli.exit-codes": "0 done, 1 error, 2 wrong usage, 3 a gate said no",
    "cli.errors": "an error says what happened and a hint names a way out",
    "config.strict": "a wrong key names its line and the nearest right one",
    "label.add": "label add joins labels from a file",
    # measuring
    "bench.coordinated-omission": "a stall is charged with every arrival that waited, not with the requests it caught",
    "bench.rate": "the offered rate is the asked one over all threads, whatever the server does",
    "bench.arrivals": "Poisson arrivals have the asked rate, exponential gaps, and repeat with their seed",
    "bench.histogram": "percentiles are within 1 % of the sorted durations",
    "bench.outcomes": "every request is counted once by how it ended",
    "bench.answers": "answers are read right however they are cut into pieces",
    "bench.time-outs": "requests out of time stay in the percentiles",
    "bench.verifies": "nothing is measured before one request is answered as it should be",
    "bench.project": "bench serve measures the running server of a project with rows that it accepts",
    "bench.grpc": "gRPC calls are made at the asked rate, and rows reach the model through them",
    "bench.knee": "the largest rate that holds an objective is found to 5 %, through a hiccup",
    "bench.report": "the report has charts, machine, settings and every step, and no secret",
    "bench.gate": "an objective that is not held is exit code 3",
    "bench.stops": "Ctrl-C ends a load at once",
    # store
    "store.idempotent": "publishing again after any crash succeeds",
    "store.append-only": "history cannot be changed, and the audit chain shows it if it was",
    "store.writers": "many writers lose nothing",
    # the whole
    "real.flights": "flights data through init, run, serve, a request, a second version and rollback",
}
