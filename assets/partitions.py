"""What an asset is partitioned by."""

import dagster as dg

pull_requests = dg.DynamicPartitionsDefinition(name="pull_requests")
"""One partition per pull request, `owner.repository.number`: the asset page of a pull request is its review history."""
