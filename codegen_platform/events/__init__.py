"""Intake of GitHub deliveries: signature, routing of the ledger's events to tasks, recovery of what was missed."""
