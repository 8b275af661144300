-- The truth: one append-only table. docs/formats.md, section 6.
-- SQLite keeps the text of each statement, and verify compares it: a change
-- here, of a space even, needs a new user_version and a migration.

CREATE TABLE event (
	seq INTEGER PRIMARY KEY,
	time INTEGER NOT NULL,
	app TEXT NOT NULL,
	kind TEXT NOT NULL,
	body TEXT NOT NULL,
	prev TEXT NOT NULL,
	hash TEXT NOT NULL
) STRICT;

CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event
BEGIN
	SELECT raise(ABORT, 'events are never changed');
END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN
	SELECT raise(ABORT, 'events are never deleted');
END;

-- INSERT OR REPLACE deletes without firing the trigger above, so whatever is
-- not the next seq is refused here.
CREATE TRIGGER event_is_only_appended BEFORE INSERT ON event
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM event)
BEGIN
	SELECT raise(ABORT, 'events are only appended');
END;

PRAGMA user_version = 1;
PRAGMA application_id = 1919249457; -- "rel1"
