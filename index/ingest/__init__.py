"""Files, folders and web addresses become indexed articles."""
