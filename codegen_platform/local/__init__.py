"""Everything that `./dev up` runs on this machine: embedded servers, a process supervisor, the list of processes."""
