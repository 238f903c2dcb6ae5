-- What people are told of: one row per subject (a problem, a deploy, a service's budget), with what the rules remember of it.
-- subject: `problem 4f1d0c2b9a7e6d58`, `deploy 123`, `budget checkout`. lead: the alert whose message names this one too.
-- notice: JSON of what was last to be told; memory: JSON, the rules' own.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, subject TEXT NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL,
    open INTEGER NOT NULL, since INTEGER NOT NULL, changed INTEGER NOT NULL, lead INTEGER,
    memory TEXT NOT NULL, notice TEXT NOT NULL,
    UNIQUE (project, subject)
);
CREATE INDEX alerts_changed ON alerts (project, changed);
CREATE INDEX alerts_open ON alerts (open) WHERE open = 1;

-- What waits to be sent: one row per alert and channel, so that what changes meanwhile is told once. number: counts what was put
-- in, so that what was changed while it was being sent is not taken off. dead: since when nobody tries any more.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, channel TEXT NOT NULL, number INTEGER NOT NULL, event TEXT NOT NULL,
    notice TEXT NOT NULL, made INTEGER NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, error TEXT,
    dead INTEGER,
    UNIQUE (alert, channel)
);
CREATE INDEX outbox_due ON outbox (channel, due) WHERE dead IS NULL;

-- What was said: the last on each channel, with what the other side calls the message.
CREATE TABLE told (
    alert INTEGER NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, at INTEGER NOT NULL, reference TEXT,
    PRIMARY KEY (alert, channel)
) WITHOUT ROWID;
