-- How long requests that went well took: so many of a route, in so many minutes, in a bucket of durations (see durations.rs). span: the
-- minutes that a row is of. The shape has neither status nor release nor environment.
CREATE TABLE durations (
    project INTEGER NOT NULL, span INTEGER NOT NULL, minute INTEGER NOT NULL, shape INTEGER NOT NULL, bucket INTEGER NOT NULL,
    n INTEGER NOT NULL, PRIMARY KEY (project, span, minute, shape, bucket)
) WITHOUT ROWID;
