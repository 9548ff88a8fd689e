CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);
CREATE TABLE passage (               -- an alert that changed state
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX passage_at ON passage (at_ms);

CREATE TABLE notification (          -- the outbox
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    state TEXT NOT NULL,
    next_try_at_ms INTEGER NOT NULL,
    partner TEXT,                    -- id of the resolve that was dropped together with this firing
    doc BLOB NOT NULL
);
CREATE INDEX notification_waiting ON notification (receiver, seq) WHERE state IN ('queued', 'retry');
CREATE INDEX notification_alert ON notification (alert_id, receiver, seq);

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX delivery_receiver ON delivery (receiver, id);

CREATE TABLE silence (
    id TEXT PRIMARY KEY,
    ends_at_ms INTEGER NOT NULL,
    doc BLOB NOT NULL
);
CREATE TABLE receiver (
    name TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);

CREATE TABLE change (                -- the journal of limit changes
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    container_id TEXT NOT NULL,
    status TEXT NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX change_at ON change (at_ms, seq);
CREATE INDEX change_container ON change (container_id, at_ms, seq);

CREATE TABLE original (
    container_id TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);
CREATE TABLE policy (
    service TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail BLOB NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms);
CREATE TABLE value (
    key TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);
