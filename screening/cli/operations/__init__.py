"""Commands of operators: bundles, database, backfills, retention, settings."""
