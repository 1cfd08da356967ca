"""Every command of mlwright, one row each; the reference page is generated from here."""

from __future__ import annotations

from pathlib import Path

from mlwright.cli.command import Argument, Command

IMPORT_FORMATS = (
    *("lightgbm", "xgboost", "catboost", "onnx"),
    *("torch-export", "keras", "saved-model", "torch", "pickle"),
)
REASON = Argument(("--reason",), "why; kept for ever beside the change", metavar="TEXT")
DEPLOYMENT = Argument(
    ("deployment",), "which deployment, if the project has several", nargs="?", metavar="DEPLOYMENT"
)
HOST = Argument(("--host",), "address to listen on (default: [serving] host)", metavar="H")
PORT = Argument(("--port",), "port for predictions; 0 takes any free one", type=int, metavar="N")
ADMIN_PORT = Argument(
    ("--admin-port",), "port of the admin listener; 0 takes any free one", type=int, metavar="N"
)
GRPC_PORT = Argument(
    ("--grpc-port",), "port for gRPC; 0 takes any free one (default: no gRPC)", type=int, metavar="N"
)
SQL = Argument(("--sql",), "query that gives the rows, when --data is a database", metavar="QUERY")
WORKERS = Argument(("--workers",), "server threads; 0 is one per core", type=int, metavar="N")
NO_AUTH = Argument(("--no-auth",), "answer without a token; only on the loopback", is_flag=True)
TLS_CERTIFICATE = Argument(
    ("--tls-certificate",),
    "speak TLS with this certificate (PEM); needs --tls-key too",
    type=Path,
    metavar="FILE",
)
TLS_KEY = Argument(("--tls-key",), "the key of the certificate (PEM)", type=Path, metavar="FILE")
INSECURE = Argument(
    ("--insecure-no-tls",),
    "allow an address that others can reach, without TLS; written to the audit log",
    is_flag=True,
)

BENCH = (
    Argument(
        ("--url",),
        "http://HOST:PORT/PATH or grpc://HOST:PORT/package.Service/Method "
        "(default: the running server of this project, with rows of its data)",
        metavar="URL",
    ),
    Argument(
        ("--grpc",), "ask the gRPC listener of the project's server, which takes --grpc-port", is_flag=True
    ),
    Argument(
        ("--rate",), "requests a second (default: 1000), or where a search begins", type=float, metavar="N"
    ),
    Argument(
        ("--ramp",), "measure so many rates between two, for example 1000:50000:10", metavar="FROM:TO:STEPS"
    ),
    Argument(("--find-knee",), "search the largest rate that holds the objective, to 5 %", is_flag=True),
    Argument(
        ("--p99-ms",),
        "objective: 99 % answered within this time of being due; exit code 3 when it is not held "
        "(a search without one takes 10)",
        type=float,
        metavar="MS",
    ),
    Argument(
        ("--max-wrong",),
        "objective: share of requests that may go wrong",
        type=float,
        default=0.001,
        metavar="SHARE",
    ),
    Argument(
        ("--seconds",),
        "how long each rate is measured (default: 10, of several rates 3)",
        type=float,
        metavar="S",
    ),
    Argument(("--warm-up",), "seconds of load before each measurement", type=float, default=1.0, metavar="S"),
    Argument(
        ("--connections",),
        "open connections; busy ones make requests wait",
        type=int,
        default=64,
        metavar="N",
    ),
    Argument(("--streams",), "requests at a time on one gRPC connection", type=int, default=1, metavar="N"),
    Argument(("--threads",), "threads of the generator", type=int, default=1, metavar="N"),
    Argument(
        ("--arrivals",),
        "equal gaps, or random ones as from many independent callers",
        choices=("constant", "poisson"),
        default="constant",
    ),
    Argument(("--seed",), "seed of the arrivals and of the drawn rows", type=int, default=7, metavar="N"),
    Argument(
        ("--timeout-ms",),
        "longest wait from the time a request is due",
        type=int,
        default=10_000,
        metavar="MS",
    ),
    Argument(("--path",), "path to ask instead of the one in the URL", metavar="PATH"),
    Argument(("--method",), "HTTP method", default="POST", metavar="NAME"),
    Argument(("--header",), "one more header; repeat for more", is_repeated=True, metavar="'NAME: VALUE'"),
    Argument(("--body",), "one body for every request: text, or @FILE", metavar="TEXT"),
    Argument(
        ("--bodies",), "file with one body a line, sent in turn; for gRPC messages in base64", metavar="FILE"
    ),
    Argument(("--rows",), "rows in each request to the project's server", type=int, default=1, metavar="N"),
    Argument(("--expect",), "text that every good answer holds; others count as wrong", metavar="TEXT"),
    Argument(
        ("--pid",),
        "process of the server, for its CPU time (default: that of the project)",
        type=int,
        metavar="N",
    ),
    Argument(
        ("--report",),
        "write a page with charts and numbers: a folder, or a file ending with .md",
        metavar="PATH",
    ),
)

COMMANDS = (
    Command(
        ("init",),
        "make a project from a table, or an empty one",
        "mlwright.cli.learning:init",
        (
            Argument(("name",), "name of the project and of the folder to make", metavar="NAME"),
            Argument(
                ("--data",),
                "table to learn from: Parquet, CSV, Arrow, a folder of them, or a database's URL",
                is_repeated=True,
                metavar="FILE",
            ),
            SQL,
            Argument(("--label",), "column to predict", metavar="COL"),
            Argument(
                ("--time",),
                "column that says when a row was known; `none` for none (default: guessed)",
                metavar="COL",
            ),
            Argument(
                ("--group",),
                "column whose rows stay together; `none` for none (default: guessed)",
                metavar="COL",
            ),
            Argument(
                ("--query",),
                "column that names the list in which rows are ranked: NDCG is told",
                metavar="COL",
            ),
            Argument(("--weight",), "column that says how much a row counts, or `none`", metavar="COL"),
            Argument(("--id",), "column that names rows, or `none`", metavar="COL"),
            Argument(
                ("--label-time",), "column that says when the label became known, or `none`", metavar="COL"
            ),
            Argument(
                ("--sensitive",),
                "column between whose values results are compared, or `none`; repeat for more",
                is_repeated=True,
                metavar="COL",
            ),
            Argument(
                ("--ignore",),
                "column that is never a feature; repeat for more",
                is_repeated=True,
                metavar="COL",
            ),
            Argument(("--positive",), "value of the label that counts as positive", metavar="VALUE"),
            Argument(
                ("--task",),
                "what is predicted (default: inferred)",
                choices=("binary", "multiclass", "regression"),
            ),
            Argument(
                ("--template",), "defaults to start from", default="tabular", choices=("fraud", "tabular")
            ),
            Argument(("--empty",), "no data: a project for imported models", is_flag=True),
        ),
    ),
    Command(
        ("run",),
        "validate, train, evaluate, gate, package and register a version",
        "mlwright.cli.learning:run",
        (
            Argument(("--budget-cpu-s",), "CPU seconds of the whole run", type=float, metavar="N"),
            Argument(("--trials",), "try N candidates without a clock: equal bytes", type=int, metavar="N"),
            Argument(
                ("--seed",),
                "seed of what is random in training; the held-out rows follow `[training] seed`",
                type=int,
                metavar="N",
            ),
            REASON,
            Argument(("--dry-run",), "show which steps would run, and run none", is_flag=True),
        ),
    ),
    Command(
        ("predict",),
        "predict a table with a version",
        "mlwright.cli.learning:predict",
        (
            Argument(
                ("--model",),
                "NAME@3, NAME@champion, NAME@candidate or NAME@latest",
                is_required=True,
                metavar="REF",
            ),
            Argument(("--data",), "table to predict, or a database's URL", is_required=True, metavar="FILE"),
            SQL,
            Argument(
                ("--out",), "file to write (.csv, .parquet or .arrow)", is_required=True, metavar="FILE"
            ),
        ),
    ),
    Command(
        ("model", "import"),
        "register a model that was trained elsewhere",
        "mlwright.cli.learning:model_import",
        (
            Argument(
                ("source",),
                "a file of LightGBM, XGBoost, CatBoost, ONNX, PyTorch, Keras or TensorFlow, or a pickle",
                metavar="FILE",
            ),
            Argument(
                ("--framework",),
                "what wrote the file (default: it is recognised)",
                choices=IMPORT_FORMATS,
            ),
            Argument(("--name",), "name of the model (default: the project's)", metavar="NAME"),
            Argument(
                ("--data",),
                "table of real rows that the check asks too, beside those it makes",
                metavar="FILE",
            ),
            Argument(
                ("--trust",),
                "run the program that a pickle is, in a process without network",
                is_flag=True,
            ),
            Argument(
                ("--python",),
                "the interpreter that has the library of the file (default: this one)",
                metavar="PATH",
            ),
            Argument(
                ("--input",),
                'shape of an input that the file does not tell, such as "FP32[-1,20]"; once for each',
                is_repeated=True,
                metavar="SHAPE",
            ),
        ),
    ),
    Command(
        ("model", "export"),
        "write a version as one ONNX graph, raw columns in and answers out, for other servers",
        "mlwright.cli.learning:model_export",
        (
            Argument(("reference",), "NAME@3, NAME@champion, NAME@candidate or NAME@latest", metavar="REF"),
            Argument(("--to",), "format of the file", is_required=True, choices=("onnx",)),
            Argument(("--out",), "file to write (.onnx)", is_required=True, metavar="FILE"),
            Argument(("--dry-run",), "lower and compare, and write nothing", is_flag=True),
        ),
    ),
    Command(("model", "list"), "list models and their versions", "mlwright.cli.learning:model_list"),
    Command(
        ("model", "show"),
        "show one version: what it is, how good, who made it what it is",
        "mlwright.cli.learning:model_show",
        (Argument(("reference",), "NAME or NAME@VERSION", metavar="REF"),),
    ),
    Command(
        ("model", "report"),
        "write the page of a version again: how it was chosen, what it looks at, what it is worth",
        "mlwright.cli.learning:model_report",
        (
            Argument(("reference",), "NAME or NAME@VERSION", metavar="REF"),
            Argument(("--out",), "file to write (.html; default: where the run put it)", metavar="FILE"),
        ),
    ),
    Command(
        ("serve",),
        "serve versions, or the project's deployments, without the control loop",
        "mlwright.cli.operating:serve",
        (
            Argument(
                ("references",),
                "versions to serve (default: the project's deployments)",
                nargs="*",
                metavar="REF",
            ),
            HOST,
            PORT,
            ADMIN_PORT,
            GRPC_PORT,
            WORKERS,
            NO_AUTH,
            INSECURE,
            TLS_CERTIFICATE,
            TLS_KEY,
        ),
    ),
    Command(
        ("up",),
        "serve, watch, retrain, roll out and roll back, until Ctrl-C",
        "mlwright.cli.operating:up",
        (HOST, PORT, ADMIN_PORT, GRPC_PORT, WORKERS, NO_AUTH, INSECURE, TLS_CERTIFICATE, TLS_KEY),
    ),
    Command(
        ("restart",),
        "put a new server process in the place of the one that `up` runs, without one failed request",
        "mlwright.cli.operating:restart",
    ),
    Command(
        ("status",), "what is live, since when, by whose decision, how it is", "mlwright.cli.operating:status"
    ),
    Command(
        ("rollback",),
        "put the previous champion back, without one failed request",
        "mlwright.cli.operating:rollback",
        (DEPLOYMENT, REASON),
    ),
    Command(
        ("rollout", "start"),
        "give a candidate its first share of traffic",
        "mlwright.cli.operating:rollout_start",
        (DEPLOYMENT, Argument(("--model",), "which version (default: the candidate)", metavar="REF"), REASON),
    ),
    Command(
        ("rollout", "promote"),
        "end a rollout: its candidate becomes champion",
        "mlwright.cli.operating:rollout_promote",
        (DEPLOYMENT, REASON),
    ),
    Command(
        ("rollout", "abort"),
        "end a rollout: its candidate gets no traffic",
        "mlwright.cli.operating:rollout_abort",
        (DEPLOYMENT, REASON),
    ),
    Command(
        ("rollout", "list"),
        "list rollouts and how they ended",
        "mlwright.cli.operating:rollout_list",
        (DEPLOYMENT,),
    ),
    Command(
        ("label", "add"),
        "add labels from a file with columns id, label and optionally an arrival time",
        "mlwright.cli.operating:label_add",
        (Argument(("file",), "CSV, Parquet or Arrow", metavar="FILE"),),
    ),
    Command(
        ("monitor",),
        "ask every monitor once and say what it found",
        "mlwright.cli.operating:monitor",
        (DEPLOYMENT,),
    ),
    Command(
        ("bench", "serve"),
        "measure a server: latency at a fixed rate, over a ramp, or the largest rate that it holds",
        "mlwright.cli.benching:bench_serve",
        BENCH,
    ),
    Command(
        ("config", "show"),
        "every setting, its value and where it comes from",
        "mlwright.cli.settings:config_show",
    ),
)
