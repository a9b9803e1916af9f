-- The order in which everybody reads task events: by transaction, since a serial number alone is not a safe watermark: with two
-- writers in flight, the smaller number may be committed last. `base` continues the count where the ledger moved to another server,
-- whose own transactions are numbered from the start.
CREATE TABLE feed (base bigint NOT NULL);
INSERT INTO feed (base) VALUES (0);
CREATE FUNCTION feed_tx() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_current_xact_id()::text::bigint + coalesce((SELECT base FROM feed), 0) $$;
CREATE FUNCTION feed_settled_before() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + coalesce((SELECT base FROM feed), 0) $$;

-- The history is the source and the row its projection, so the history refers to nothing.
ALTER TABLE task_events
    DROP CONSTRAINT task_events_task_id_fkey,
    ADD COLUMN tx bigint NOT NULL DEFAULT feed_tx(),
    ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX task_events_feed ON task_events (tx, position);

CREATE AGGREGATE jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');

-- Who works on a task now. Renewed every second or so, so it is not part of the task, whose every change is an event.
CREATE TABLE leases (
    task_id uuid PRIMARY KEY REFERENCES tasks,
    fence   bigint NOT NULL,
    until   timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO leases (task_id, fence, until) SELECT id, fence, lease_until FROM tasks WHERE lease_until IS NOT NULL;

-- A task of priority p is in turn as if it had come (p - 1) * 10 minutes later; minutes are the same in every time zone.
CREATE FUNCTION turn(queued_at timestamptz, priority smallint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT queued_at + (priority - 1) * interval '10 minutes' $$;

DROP INDEX tasks_ready, tasks_due, tasks_leased;
ALTER TABLE tasks
    DROP COLUMN lease_until,
    DROP COLUMN workflow_id,
    ADD COLUMN requirements text[] NOT NULL DEFAULT '{}',
    ADD COLUMN hold text CHECK (hold IN ('dependencies', 'parked')),
    ADD COLUMN on_dependency_failure text NOT NULL DEFAULT 'fail' CHECK (on_dependency_failure IN ('fail', 'park')),
    ADD COLUMN conditions jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN change_of uuid,
    ADD COLUMN workflow_run_id uuid,
    ADD COLUMN step text,
    ADD COLUMN queued_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN validation jsonb,
    ADD COLUMN result jsonb;

-- What a task still waits for; a row goes when that is complete.
CREATE TABLE unmet_dependencies (
    task_id    uuid NOT NULL REFERENCES tasks,
    depends_on uuid NOT NULL REFERENCES tasks,
    PRIMARY KEY (task_id, depends_on)
);
CREATE INDEX unmet_dependencies_on ON unmet_dependencies (depends_on);
INSERT INTO unmet_dependencies (task_id, depends_on)
    SELECT DISTINCT task.id, needed.id FROM tasks AS task
    CROSS JOIN LATERAL unnest(task.dependencies) AS needed_id
    JOIN tasks AS needed ON needed.id = needed_id
    WHERE task.status = 'pending' AND needed.status <> 'complete';

-- Tell the history of every task what the row has gained, so that rows and histories agree from here on.
UPDATE tasks SET
    queued_at = created_at, requirements = ARRAY[kind], assignee = NULL,
    hold = CASE WHEN id IN (SELECT task_id FROM unmet_dependencies) THEN 'dependencies' END,
    -- Work that was done under the old rules is not done again.
    validation = CASE WHEN status IN ('validation', 'complete') THEN '{"passed": true, "checks": []}'::jsonb END;
INSERT INTO task_events (task_id, sequence, type, data, actor, fence, at)
    SELECT id, version + 1, 'migrated',
           jsonb_build_object(
               'status', status, 'queued_at', queued_at, 'requirements', requirements, 'assignee', assignee, 'hold', hold,
               'on_dependency_failure', on_dependency_failure, 'conditions', conditions, 'change_of', change_of,
               'workflow_run_id', workflow_run_id, 'step', step, 'validation', validation, 'result', result),
           'migration', fence, statement_timestamp()
    FROM tasks;
UPDATE tasks SET version = version + 1, updated_at = statement_timestamp();

ALTER TABLE tasks
    ALTER COLUMN queued_at DROP DEFAULT,
    ADD COLUMN turn_at timestamptz NOT NULL GENERATED ALWAYS AS (turn(queued_at, priority)) STORED;
CREATE INDEX tasks_free ON tasks (kind, requirements, repository, turn_at, id)
    WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL;
CREATE INDEX tasks_turn ON tasks (kind, requirements, turn_at, id)
    WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL;
CREATE INDEX tasks_due ON tasks (run_at) WHERE status = 'pending' AND dispatched_at IS NULL AND hold IS NULL;
CREATE INDEX tasks_page ON tasks (created_at DESC, id DESC);
DROP INDEX tasks_created;
CREATE INDEX tasks_of_run ON tasks (workflow_run_id) WHERE workflow_run_id IS NOT NULL;

-- One session of an agent begins when its process does; what was given to an earlier one and not begun is given out again.
ALTER TABLE agents ADD COLUMN started_at timestamptz NOT NULL DEFAULT now();

CREATE TABLE workflow_runs (
    id          uuid PRIMARY KEY,
    workflow_id uuid NOT NULL REFERENCES workflows,
    forge       text NOT NULL,
    repository  text NOT NULL,
    number      integer NOT NULL,
    priority    smallint NOT NULL,
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX workflow_runs_page ON workflow_runs (created_at DESC, id DESC);

-- A request that is repeated with the same key gets what the first one made.
CREATE TABLE idempotency_keys (
    operation      text NOT NULL,
    key            text NOT NULL,
    request_sha256 bytea NOT NULL,
    made_id        uuid NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation, key)
);
