"""What the platform is to reach, for the work that `work` makes: a first stage, and the goal."""

from __future__ import annotations

from bench.rows import Target

ACK_BUSY_P99_MS = Target(first_stage=100, goal=25)
INTAKE_SHARE = Target(first_stage=0.5, goal=0.6, at_least=True, of_ratio=True)
FIRST_REQUEST_P50_S = Target(first_stage=1.5, goal=0.5)
FIRST_REQUEST_P95_S = Target(first_stage=5.0, goal=1.0)
POSTED_16_P50_S = Target(first_stage=6.0, goal=2.8)
POSTED_16_P95_S = Target(first_stage=12.0, goal=3.5)
REVIEWS_A_MINUTE = Target(first_stage=90, goal=350, at_least=True)
ALL_32_S = Target(first_stage=25.0, goal=6.0)
GITHUB_CALLS = Target(first_stage=8, goal=6)
CPU_SECONDS = Target(first_stage=0.8, goal=0.15)
IDLE_MIB = Target(first_stage=1_200, goal=600)
WARM_START_S = Target(first_stage=20.0, goal=20.0)
ONCE = Target(first_stage=1, goal=1)
ALL_POSTED = Target(first_stage=1.0, goal=1.0, at_least=True)
NONE = Target(first_stage=0, goal=0)
AFTER_KILL_S = Target(first_stage=None, goal=15.0)
AFTER_OUTAGE_S = Target(first_stage=None, goal=10.0)
ANALYSIS_CPU_SECONDS = Target(first_stage=1.0, goal=0.5)
CHOICE_MS = Target(first_stage=None, goal=50.0)
CHOICE_SHARE = Target(first_stage=None, goal=2.0)
REBUILD_A_SECOND = Target(first_stage=None, goal=20_000, at_least=True)
LISTENERS = Target(first_stage=None, goal=1_000, at_least=True)
FALSE_FINDINGS = Target(first_stage=None, goal=0)
NEW_FINDINGS = Target(first_stage=None, goal=0)
RIGHT_FINDINGS = Target(first_stage=0.9, goal=0.95, at_least=True)
