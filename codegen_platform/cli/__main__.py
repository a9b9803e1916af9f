"""`python -m codegen_platform.cli`: the same as `codegen-platform`."""

from codegen_platform.cli.entry import main

main()
