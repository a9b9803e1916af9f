"""Everything that changes the ledger, and the reads that whoever changes it must make first."""
