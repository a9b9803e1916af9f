"""What keeps secrets in and hostile text harmless."""
