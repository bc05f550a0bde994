"""From one class to many: workers, clusters, rosters, archives, exports, reports."""
