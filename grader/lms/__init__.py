"""In from a learning platform: rosters, archives, loose files, late hand-ins."""
