"""Running what cannot be trusted, and the git plumbing that a hostile repository cannot turn against us."""
