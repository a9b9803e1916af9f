CREATE OR REPLACE FUNCTION feed_settled_before() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + coalesce((SELECT base FROM feed), 0) $$;
CREATE INDEX events_unprocessed ON events (sequence) WHERE processed_at IS NULL;
DROP INDEX events_turn, events_page_of_disposition, events_page_of_type, model_calls_task, effects_reviews_of_repository,
    effects_reviews_of_change, effects_reviews, task_events_at, tasks_held, tasks_updated, tasks_page_of_assignee,
    tasks_page_of_priority, tasks_page_of_kind, tasks_page_of_repository, tasks_page_of_status;
-- A value of an enumeration cannot be taken away; nothing uses it any more.
UPDATE agents SET status = 'lost' WHERE status::text = 'unable';
ALTER TABLE events DROP COLUMN packed_body, DROP COLUMN unpacked_bytes;
ALTER TABLE agents DROP COLUMN status_reason, DROP COLUMN unclaimed, DROP COLUMN unclaimed_at;
ALTER TABLE tasks DROP COLUMN failures, DROP COLUMN unclaimed;
