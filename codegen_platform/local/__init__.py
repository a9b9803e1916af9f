"""Everything that `./dev up` runs on this machine: embedded servers, a process supervisor, the list of processes.

`services.ensure_services` for one process, `platform.Platform` for all of them, `platform.running` to find them.
"""
