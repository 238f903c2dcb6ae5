-- Who may send and who may see.

CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL);

-- Ingest keys stand in every client's configuration, browsers' too: they are no secrets, and are kept as they are.
CREATE TABLE keys (
    key TEXT PRIMARY KEY, project INTEGER NOT NULL, label TEXT NOT NULL, created INTEGER NOT NULL, revoked INTEGER
) WITHOUT ROWID;
CREATE INDEX keys_project ON keys (project);

CREATE TABLE users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT, admin INTEGER NOT NULL, created INTEGER NOT NULL
);

-- Of what is secret only the SHA-256 is kept. Secrets are long and random, so a plain hash is enough.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY, user INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, project INTEGER,
    created INTEGER NOT NULL, expires INTEGER, used INTEGER
);
CREATE TABLE links (
    hash BLOB PRIMARY KEY, purpose TEXT NOT NULL, user INTEGER, created INTEGER NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
