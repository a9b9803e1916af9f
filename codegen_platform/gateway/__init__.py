"""The HTTP door: signed deliveries in, a read-only API, health and metrics out."""
