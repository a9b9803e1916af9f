"""What starts work: each sensor asks the ledger and returns; a repeated or lost tick changes nothing."""

from sensors.github_events import github_events
from sensors.missed_deliveries import missed_deliveries
from sensors.ready_tasks import ready_tasks
from sensors.stuck_tasks import stuck_tasks

__all__ = ["github_events", "missed_deliveries", "ready_tasks", "stuck_tasks"]
