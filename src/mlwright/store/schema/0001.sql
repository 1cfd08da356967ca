-- Facts of one project. History tables only grow: a trigger refuses changes to what was written.

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    result TEXT                                   -- JSON: version, verdict, metrics, findings, error
);

CREATE TABLE run_steps (
    run_id TEXT NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'cached', 'failed')),
    seconds REAL NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE step_outputs (
    key TEXT PRIMARY KEY,
    step TEXT NOT NULL,
    outputs TEXT NOT NULL,                        -- JSON: name -> blob digest or value
    seconds REAL NOT NULL,
    made_at TEXT NOT NULL
);

CREATE TABLE file_index (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    digest TEXT NOT NULL
);

CREATE TABLE versions (
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    task TEXT NOT NULL,
    framework TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('run', 'import')),
    run_id TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
    training_key TEXT,
    compared_with INTEGER,                        -- champion at that time
    metrics TEXT NOT NULL,                        -- JSON
    created_at TEXT NOT NULL,
    PRIMARY KEY (name, number),
    UNIQUE (name, digest)
);

CREATE TABLE alias_moves (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    from_version INTEGER,
    to_version INTEGER,                           -- NULL: the alias points nowhere
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL                        -- JSON
);
CREATE INDEX alias_moves_by_alias ON alias_moves (name, alias, id);

CREATE TABLE deployment_epochs (
    epoch INTEGER PRIMARY KEY,                    -- of the whole document
    document TEXT NOT NULL,                       -- JSON, as the server reads it
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
);

CREATE TABLE rollouts (
    id INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    candidate INTEGER NOT NULL,
    champion INTEGER NOT NULL,
    plan TEXT NOT NULL,                           -- JSON
    at TEXT NOT NULL
);

CREATE TABLE rollout_events (
    id INTEGER PRIMARY KEY,
    rollout_id INTEGER NOT NULL REFERENCES rollouts (id),
    kind TEXT NOT NULL CHECK (kind IN ('started', 'advanced', 'held', 'promoted', 'rolled-back')),
    step INTEGER NOT NULL,
    share REAL NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL                        -- JSON
);
CREATE INDEX rollout_events_by_rollout ON rollout_events (rollout_id, id);

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    monitor TEXT NOT NULL,
    deployment TEXT NOT NULL,
    version INTEGER,
    kind TEXT NOT NULL CHECK (kind IN ('raised', 'cleared')),
    severity TEXT NOT NULL CHECK (severity IN ('page', 'ticket')),
    summary TEXT NOT NULL,
    at TEXT NOT NULL,
    evidence TEXT NOT NULL                        -- JSON
);
CREATE INDEX alerts_by_monitor ON alerts (deployment, monitor, id);

CREATE TABLE trigger_events (
    id INTEGER PRIMARY KEY,
    trigger_name TEXT NOT NULL,
    cause TEXT NOT NULL,
    alert_id INTEGER REFERENCES alerts (id),
    run_id TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN ('started', 'finished', 'failed')),
    at TEXT NOT NULL,
    evidence TEXT NOT NULL                        -- JSON
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    facts TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TRIGGER versions_no_update BEFORE UPDATE ON versions BEGIN SELECT RAISE(ABORT, 'versions is append-only'); END;
CREATE TRIGGER versions_no_delete BEFORE DELETE ON versions BEGIN SELECT RAISE(ABORT, 'versions is append-only'); END;
CREATE TRIGGER alias_moves_no_update BEFORE UPDATE ON alias_moves BEGIN SELECT RAISE(ABORT, 'alias_moves is append-only'); END;
CREATE TRIGGER alias_moves_no_delete BEFORE DELETE ON alias_moves BEGIN SELECT RAISE(ABORT, 'alias_moves is append-only'); END;
CREATE TRIGGER deployment_epochs_no_update BEFORE UPDATE ON deployment_epochs BEGIN SELECT RAISE(ABORT, 'deployment_epochs is append-only'); END;
CREATE TRIGGER deployment_epochs_no_delete BEFORE DELETE ON deployment_epochs BEGIN SELECT RAISE(ABORT, 'deployment_epochs is append-only'); END;
CREATE TRIGGER rollouts_no_update BEFORE UPDATE ON rollouts BEGIN SELECT RAISE(ABORT, 'rollouts is append-only'); END;
CREATE TRIGGER rollouts_no_delete BEFORE DELETE ON rollouts BEGIN SELECT RAISE(ABORT, 'rollouts is append-only'); END;
CREATE TRIGGER rollout_events_no_update BEFORE UPDATE ON rollout_events BEGIN SELECT RAISE(ABORT, 'rollout_events is append-only'); END;
CREATE TRIGGER rollout_events_no_delete BEFORE DELETE ON rollout_events BEGIN SELECT RAISE(ABORT, 'rollout_events is append-only'); END;
CREATE TRIGGER alerts_no_update BEFORE UPDATE ON alerts BEGIN SELECT RAISE(ABORT, 'alerts is append-only'); END;
CREATE TRIGGER alerts_no_delete BEFORE DELETE ON alerts BEGIN SELECT RAISE(ABORT, 'alerts is append-only'); END;
CREATE TRIGGER trigger_events_no_update BEFORE UPDATE ON trigger_events BEGIN SELECT RAISE(ABORT, 'trigger_events is append-only'); END;
CREATE TRIGGER trigger_events_no_delete BEFORE DELETE ON trigger_events BEGIN SELECT RAISE(ABORT, 'trigger_events is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
