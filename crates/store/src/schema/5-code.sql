-- Source maps and what is told of releases. A map's content is a file beside the database, named by its SHA-256.

-- One row for each name that a map is asked for by: a debug id, or the URL of a script of a release and dist. What is not so is ''.
CREATE TABLE maps (
    project INTEGER NOT NULL, debug_id TEXT NOT NULL, release TEXT NOT NULL, dist TEXT NOT NULL, url TEXT NOT NULL,
    file TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (project, debug_id, release, dist, url)
) WITHOUT ROWID;
CREATE INDEX maps_file ON maps (file);
CREATE INDEX maps_used ON maps (used);

CREATE TABLE releases (
    project INTEGER NOT NULL, release TEXT NOT NULL, "commit" TEXT NOT NULL, previous TEXT NOT NULL, at INTEGER NOT NULL,
    -- The newest first: a list of commits as JSON.
    commits TEXT NOT NULL,
    PRIMARY KEY (project, release)
) WITHOUT ROWID;
CREATE INDEX releases_at ON releases (project, at);
