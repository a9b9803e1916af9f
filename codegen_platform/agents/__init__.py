"""Agents: what asks a model, checks what it says, and keeps only what proves itself."""
