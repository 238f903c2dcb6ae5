-- Secrets by which webhooks are signed, one per project. A signature is made anew with the secret itself, so no hash of it would do.
CREATE TABLE webhooks (project INTEGER PRIMARY KEY, secret TEXT NOT NULL, created INTEGER NOT NULL);

-- Deliveries and deployments that webhooks told of and that were taken, so that none is taken twice.
CREATE TABLE delivered (
    project INTEGER NOT NULL, what TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (project, what)
) WITHOUT ROWID;
CREATE INDEX delivered_at ON delivered (at);
