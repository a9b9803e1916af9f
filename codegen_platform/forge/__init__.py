"""Reading pull requests from GitHub or from a local git repository: one interface, two real implementations."""
