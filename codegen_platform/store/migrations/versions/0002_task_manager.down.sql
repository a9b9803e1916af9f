DROP TABLE idempotency_keys, workflow_runs, unmet_dependencies;
ALTER TABLE agents DROP COLUMN started_at;
ALTER TABLE tasks
    DROP COLUMN turn_at, DROP COLUMN requirements, DROP COLUMN hold, DROP COLUMN on_dependency_failure, DROP COLUMN conditions,
    DROP COLUMN change_of, DROP COLUMN workflow_run_id, DROP COLUMN step, DROP COLUMN queued_at, DROP COLUMN validation,
    DROP COLUMN result,
    ADD COLUMN workflow_id uuid REFERENCES workflows,
    ADD COLUMN lease_until timestamptz;
UPDATE tasks SET lease_until = leases.until FROM leases WHERE leases.task_id = tasks.id;
DROP TABLE leases;
DROP INDEX tasks_page;
CREATE INDEX tasks_ready ON tasks (priority, created_at, run_at) WHERE status = 'pending' AND dispatched_at IS NULL;
CREATE INDEX tasks_due ON tasks (run_at) WHERE status = 'pending' AND dispatched_at IS NULL;
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX tasks_created ON tasks (created_at DESC);
ALTER TABLE task_events DROP COLUMN tx, DROP COLUMN position;
ALTER TABLE task_events ADD FOREIGN KEY (task_id) REFERENCES tasks;
DROP AGGREGATE jsonb_merge(jsonb);
DROP FUNCTION turn, feed_tx, feed_settled_before;
DROP TABLE feed;
