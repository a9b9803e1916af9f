"""The commands: their options, their help, and nothing heavy, so that `--help` is quick. The work is one import further."""
