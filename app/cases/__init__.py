"""Cases: the state machine, its audit trail and its service."""
