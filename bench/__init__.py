"""`./dev bench`: the platform measured on real changes, beside what this machine can do at best in the same run."""
