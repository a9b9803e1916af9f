"""What is written to a forge: the gate on outgoing text, and the publisher, the only holder of a write token."""
