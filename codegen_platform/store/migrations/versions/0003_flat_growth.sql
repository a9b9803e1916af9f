-- Tries are counted by kind, so that one kind does not pay for another: `failures` counts failed tries by error code, `unclaimed` the
-- runs that were asked for and never came, since the task was last (re)opened. Events of before do not tell them; a fold begins with
-- these defaults. Adding a column with a constant default rewrites nothing.
ALTER TABLE tasks
    ADD COLUMN failures jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN unclaimed integer NOT NULL DEFAULT 0;

-- An agent that cannot run what it is given: because it says so, or because its runs did not come, `unclaimed` times in a row.
ALTER TYPE agent_status_enum ADD VALUE 'unable';
ALTER TABLE agents
    ADD COLUMN status_reason text,
    ADD COLUMN unclaimed integer NOT NULL DEFAULT 0,
    ADD COLUMN unclaimed_at timestamptz;

-- Each of these keeps writers of its table out while it is made: about 0.1 s for 50,000 tasks, 2 s for a million, all of them together
-- five times that.
CREATE INDEX tasks_page_of_status ON tasks (status, created_at DESC, id DESC);
CREATE INDEX tasks_page_of_repository ON tasks (repository, created_at DESC, id DESC);
CREATE INDEX tasks_page_of_kind ON tasks (kind, created_at DESC, id DESC);
CREATE INDEX tasks_page_of_priority ON tasks (priority, created_at DESC, id DESC);
CREATE INDEX tasks_page_of_assignee ON tasks (assignee, created_at DESC, id DESC) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_updated ON tasks (updated_at);
CREATE INDEX tasks_held ON tasks (id) WHERE status = 'pending' AND hold IS NOT NULL;
CREATE INDEX task_events_at ON task_events (at);

CREATE INDEX effects_reviews ON effects (created_at DESC, id DESC) WHERE kind = 'review';
CREATE INDEX effects_reviews_of_change ON effects (repository, number, created_at DESC, id DESC) WHERE kind = 'review';
CREATE INDEX effects_reviews_of_repository ON effects (repository, created_at DESC, id DESC) WHERE kind = 'review';
CREATE INDEX model_calls_task ON model_calls (task_id, created_at, id) INCLUDE (cost_usd);

CREATE INDEX events_page_of_type ON events (event_type, sequence DESC);
CREATE INDEX events_page_of_disposition ON events (disposition, sequence DESC) WHERE disposition IS NOT NULL;
-- Small deliveries are routed before large ones.
CREATE INDEX events_turn ON events ((octet_length(body) > 262144), sequence) WHERE processed_at IS NULL;
DROP INDEX events_unprocessed;

-- What is settled is seldom read again: it is kept compressed (zlib) in `packed_body`. `body` is then the SHA-256 of what it was, so that
-- the same body is recognised, and `unpacked_bytes` its length.
ALTER TABLE events
    ADD COLUMN packed_body bytea,
    ADD COLUMN unpacked_bytes integer;
ALTER TABLE events ALTER COLUMN packed_body SET STORAGE EXTERNAL;

-- Everything before this number is settled: no transaction of this database that is under way could put something before it. A number
-- belongs to one transaction of one database, so one that runs in another database (Dagster's, somebody's backup) is passed over.
CREATE OR REPLACE FUNCTION feed_settled_before() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT min(running.id::text::bigint) FROM pg_snapshot_xip(pg_current_snapshot()) AS running (id)
         WHERE NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) AS backend JOIN pg_database ON pg_database.oid = backend.datid
                           WHERE backend.backend_xid = running.id::xid AND pg_database.datname <> current_database())
           AND NOT EXISTS (SELECT FROM pg_prepared_xacts AS prepared
                           WHERE prepared.transaction = running.id::xid AND prepared.database <> current_database())),
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    ) + coalesce((SELECT base FROM feed), 0)
$$;
