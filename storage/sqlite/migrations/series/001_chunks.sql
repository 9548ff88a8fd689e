-- Names and scales of columns. A chunk knows its columns by this id; a new resolution gets a new id.
CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    scale INTEGER NOT NULL,          -- stored integer / scale = value
    UNIQUE (name, scale)
);

-- One row a container (key: its full id) and one a host (key: empty).
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    runtime TEXT NOT NULL,
    image TEXT,
    grp TEXT,
    service TEXT,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,        -- valid once latest is not empty
    latest BLOB NOT NULL,            -- of one that is gone: JSON, metric name -> value; else empty
    UNIQUE (host, key)
);

-- The last minutes: one blob a tick, padded to whole pages. Slots are used again, so order is that of seq.
CREATE TABLE tail (
    slot INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    ticks BLOB NOT NULL
);

-- Sealed columns, one table a tier. t0_ms <= time of every row < end_ms.
CREATE TABLE chunk_1s (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    t0_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    tail_seq INTEGER NOT NULL,       -- this series' ticks up to here are sealed, though they still stand in the tail
    body BLOB NOT NULL
);
CREATE INDEX chunk_1s_place ON chunk_1s (series, t0_ms, end_ms, tail_seq);
CREATE TABLE chunk_10s (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    t0_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX chunk_10s_place ON chunk_10s (series, t0_ms, end_ms);
CREATE TABLE chunk_1m (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    t0_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX chunk_1m_place ON chunk_1m (series, t0_ms, end_ms);
CREATE TABLE chunk_1h (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    t0_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX chunk_1h_place ON chunk_1h (series, t0_ms, end_ms);

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    service TEXT,
    detail BLOB NOT NULL             -- JSON object
);
CREATE INDEX event_at ON event (at_ms);
CREATE INDEX event_container ON event (container_id, at_ms);
