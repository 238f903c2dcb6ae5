-- What problems are searched by: each three letters that follow each other in title, class and cause, culprit and id. Only that they
-- are there is kept, neither the text (content='') nor the place in it (detail=none): 130 bytes a problem. What is found so is
-- looked at again. Kept up to date by triggers, so that whatever writes a problem writes this with it.
CREATE VIRTUAL TABLE searched USING fts5 (text, content='', detail=none, tokenize='trigram');

CREATE TRIGGER searched_new AFTER INSERT ON problems BEGIN
    INSERT INTO searched (rowid, text) VALUES (new.id, new.title || char(10) || new.class || '/' || new.cause || char(10)
        || COALESCE(new.culprit, '') || char(10) || printf('%016x', new.hex));
END;
CREATE TRIGGER searched_changed AFTER UPDATE OF title, class, cause, culprit ON problems
WHEN new.title != old.title OR new.class != old.class OR new.cause != old.cause OR new.culprit IS NOT old.culprit BEGIN
    INSERT INTO searched (searched, rowid, text) VALUES ('delete', old.id, old.title || char(10) || old.class || '/' || old.cause
        || char(10) || COALESCE(old.culprit, '') || char(10) || printf('%016x', old.hex));
    INSERT INTO searched (rowid, text) VALUES (new.id, new.title || char(10) || new.class || '/' || new.cause || char(10)
        || COALESCE(new.culprit, '') || char(10) || printf('%016x', new.hex));
END;
CREATE TRIGGER searched_gone AFTER DELETE ON problems BEGIN
    INSERT INTO searched (searched, rowid, text) VALUES ('delete', old.id, old.title || char(10) || old.class || '/' || old.cause
        || char(10) || COALESCE(old.culprit, '') || char(10) || printf('%016x', old.hex));
END;

INSERT INTO searched (rowid, text) SELECT id, title || char(10) || class || '/' || cause || char(10)
    || COALESCE(culprit, '') || char(10) || printf('%016x', hex) FROM problems;

-- Which problems show on a route.
CREATE INDEX totals_shape ON totals (shape);
