-- Derived from the events, and derived again when REL_INDEX_VERSION or the
-- number of events differs. It holds what is searched for; the rest of a row
-- is in its event. The first column of each table is unique: verify walks the
-- tables in its order.

-- How far this index goes.
CREATE TABLE derived (
	version INTEGER PRIMARY KEY,
	events INTEGER NOT NULL
) STRICT;

CREATE TABLE app (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE release (
	seq INTEGER PRIMARY KEY,
	app TEXT NOT NULL,
	number INTEGER NOT NULL,
	digest TEXT NOT NULL,
	artifact TEXT NOT NULL,
	ever_active INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	pinned INTEGER NOT NULL DEFAULT 0,
	UNIQUE (app, number)
) STRICT;

-- other: the nearest one further down the undo stack that has another artifact,
-- 0: there is none. So a run of config changes is one step.
CREATE TABLE activation (
	seq INTEGER PRIMARY KEY,
	app TEXT NOT NULL,
	number INTEGER NOT NULL,
	beneath INTEGER NOT NULL,
	content TEXT NOT NULL,
	other INTEGER NOT NULL
) STRICT;
CREATE INDEX activation_by_app ON activation (app, seq);

-- The newest scale event of each app.
CREATE TABLE formation (
	app TEXT PRIMARY KEY,
	seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE build (
	seq INTEGER PRIMARY KEY,
	artifact TEXT NOT NULL,
	revision TEXT NOT NULL,
	tree TEXT NOT NULL,
	origin TEXT NOT NULL
) STRICT;
CREATE INDEX build_by_artifact ON build (artifact, seq);
CREATE INDEX build_by_origin ON build (artifact, origin);
CREATE INDEX build_by_revision ON build (revision, seq);
CREATE INDEX build_by_revision_artifact ON build (revision, artifact);
CREATE INDEX build_by_tree ON build (tree, seq);
