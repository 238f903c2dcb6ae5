-- What was observed and what was made of it. Rows of failures are many, so all that repeats is a small integer:
-- names, and the combinations in which they occur (shapes).

CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- kind: see names.rs.
CREATE TABLE names (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,
    UNIQUE (project, kind, name)
);

-- What failures and counts have in common. 0 stands for "not known".
CREATE TABLE shapes (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, status INTEGER NOT NULL, method INTEGER NOT NULL,
    route INTEGER NOT NULL, service INTEGER NOT NULL, release INTEGER NOT NULL, environment INTEGER NOT NULL,
    UNIQUE (project, status, method, route, service, release, environment)
);

-- hex: the 16 hex digits as a signed integer. harm: see harm.rs. state: see state.rs.
CREATE TABLE problems (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, hex INTEGER NOT NULL,
    title TEXT NOT NULL, class TEXT NOT NULL, cause TEXT NOT NULL, culprit TEXT, trigger TEXT,
    confidence REAL NOT NULL, explained INTEGER NOT NULL,
    count INTEGER NOT NULL DEFAULT 0, forgotten INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL DEFAULT 0, last_seen INTEGER NOT NULL DEFAULT 0, harm REAL NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, state_at INTEGER NOT NULL, state_count INTEGER NOT NULL DEFAULT 0,
    muted_until INTEGER, muted_count INTEGER,
    resolved_release TEXT, resolved_names INTEGER NOT NULL DEFAULT 0,
    assigned TEXT, superseded_by INTEGER,
    UNIQUE (project, hex)
);
CREATE INDEX problems_last ON problems (project, last_seen);
CREATE INDEX problems_first ON problems (project, first_seen);
CREATE INDEX problems_count ON problems (project, count);
CREATE INDEX problems_harm ON problems (project, harm);
CREATE INDEX problems_superseded ON problems (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE documents (problem INTEGER PRIMARY KEY, document TEXT NOT NULL);

-- New problems by hour of the clock, for the limit.
CREATE TABLE births (
    project INTEGER NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (project, hour)
) WITHOUT ROWID;

-- target: NULL where it is the route.
CREATE TABLE failures (
    problem INTEGER NOT NULL, at INTEGER NOT NULL, id INTEGER NOT NULL, shape INTEGER NOT NULL, target TEXT,
    PRIMARY KEY (problem, at, id)
) WITHOUT ROWID;

-- Where failures that were digested lately lie, see ids.rs.
CREATE TABLE ids_0 (
    id INTEGER NOT NULL, problem INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (id, problem)
) WITHOUT ROWID;
CREATE TABLE ids_1 (
    id INTEGER NOT NULL, problem INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (id, problem)
) WITHOUT ROWID;

-- Failures by problem, shape and minute (after a while: the first minute of the hour), by problem and shape in all, and by
-- project, shape and minute.
CREATE TABLE counts (
    problem INTEGER NOT NULL, minute INTEGER NOT NULL, shape INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (problem, minute, shape)
) WITHOUT ROWID;
CREATE TABLE totals (
    problem INTEGER NOT NULL, shape INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (problem, shape)
) WITHOUT ROWID;
CREATE TABLE failed (
    project INTEGER NOT NULL, minute INTEGER NOT NULL, shape INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (project, minute, shape)
) WITHOUT ROWID;

-- Requests; a shape here has neither release nor environment.
CREATE TABLE requests (
    project INTEGER NOT NULL, minute INTEGER NOT NULL, shape INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (project, minute, shape)
) WITHOUT ROWID;

CREATE TABLE examples (
    id INTEGER PRIMARY KEY, problem INTEGER NOT NULL, failure INTEGER NOT NULL, at INTEGER NOT NULL,
    odd INTEGER NOT NULL, records BLOB NOT NULL, text TEXT NOT NULL
);
-- All that the choice of examples looks at, so that it reads no example.
CREATE UNIQUE INDEX examples_choice ON examples (problem, failure, at, odd);
CREATE INDEX examples_failure ON examples (failure);
CREATE INDEX examples_at ON examples (at);

CREATE TABLE states (
    id INTEGER PRIMARY KEY, problem INTEGER NOT NULL, at INTEGER NOT NULL, state INTEGER NOT NULL,
    by TEXT, reason TEXT NOT NULL
);
CREATE INDEX states_problem ON states (problem);

-- Earlier verdicts: in force from since until the instant in until.
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY, problem INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
    title TEXT NOT NULL, class TEXT NOT NULL, cause TEXT NOT NULL, culprit TEXT, trigger TEXT, confidence REAL NOT NULL
);
CREATE INDEX revisions_problem ON revisions (problem);

CREATE TABLE notes (
    id INTEGER PRIMARY KEY, problem INTEGER NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, kind INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX notes_problem ON notes (problem);

CREATE TABLE marks (
    project INTEGER NOT NULL, id INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL,
    PRIMARY KEY (project, id)
) WITHOUT ROWID;
CREATE INDEX marks_at ON marks (project, at);

CREATE TABLE dropped (
    project INTEGER NOT NULL, wire TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (project, wire, reason)
) WITHOUT ROWID;
