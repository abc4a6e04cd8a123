-- The control database, first version. Times are milliseconds since 1970, ids are text in the order of their making, bodies are
-- JSON in the form of this crate. Nothing here is a secret: passwords, sessions and tokens are stored as hashes, and what opens a
-- repository only as the place it is at.

CREATE TABLE repository (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE source (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE policy (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
-- What a policy names cannot be removed beneath it.
CREATE TABLE policy_source (policy_id TEXT NOT NULL REFERENCES policy(id) ON DELETE CASCADE, source_id TEXT NOT NULL REFERENCES source(id),
    PRIMARY KEY (policy_id, source_id)) STRICT;
CREATE INDEX policy_source_source ON policy_source(source_id);
CREATE TABLE policy_repository (policy_id TEXT PRIMARY KEY REFERENCES policy(id) ON DELETE CASCADE,
    repository_id TEXT NOT NULL REFERENCES repository(id)) STRICT;
CREATE INDEX policy_repository_repository ON policy_repository(repository_id);

-- policy_id, source_id and repository_id outlive what they name: history is kept. slot_s is null for what a person started.
CREATE TABLE run (id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner_id TEXT NOT NULL, source_id TEXT NOT NULL, repository_id TEXT NOT NULL,
    slot_s INTEGER, lane TEXT NOT NULL, attempt INTEGER NOT NULL, retry_of TEXT, state TEXT NOT NULL
    CHECK (state IN ('queued', 'running', 'complete', 'partial', 'failed', 'cancelled')), queued_ms INTEGER NOT NULL,
    started_ms INTEGER, finished_ms INTEGER, holder TEXT, lease_until_ms INTEGER, fence INTEGER NOT NULL, cancel_asked INTEGER NOT NULL,
    code TEXT, message TEXT, hint TEXT, snapshot_id TEXT, summary TEXT) STRICT;
-- A run starts at most once for its slot.
CREATE UNIQUE INDEX run_slot ON run(kind, owner_id, source_id, slot_s);
-- At most one run works in a lane.
CREATE UNIQUE INDEX run_lane ON run(lane) WHERE state = 'running';
CREATE INDEX run_queue ON run(state, id);
CREATE INDEX run_owner ON run(owner_id, id);
CREATE TABLE run_item (run_id TEXT NOT NULL, seq INTEGER NOT NULL, path TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)) STRICT;
CREATE TABLE run_event (run_id TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)) STRICT;

CREATE TABLE snapshot (repository_id TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, started TEXT NOT NULL, seen_ms INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (repository_id, id)) STRICT;
CREATE INDEX snapshot_order ON snapshot(started, id);
CREATE INDEX snapshot_source ON snapshot(source, started);

CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT NOT NULL, revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL) STRICT;
CREATE TABLE session (hash TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES person(id) ON DELETE CASCADE, csrf TEXT NOT NULL,
    created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL) STRICT;
CREATE INDEX session_person ON session(person_id);
CREATE TABLE token (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person_id TEXT NOT NULL REFERENCES person(id) ON DELETE CASCADE,
    name TEXT NOT NULL, scopes TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE INDEX token_person ON token(person_id);

CREATE TABLE audit (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, object TEXT NOT NULL,
    result TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
