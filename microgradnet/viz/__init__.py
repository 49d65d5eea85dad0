"""Pictures of a recorded graph."""
