"""Programs beside Python: PostgreSQL, PgBouncer, Redis, Orthanc, DCMTK, OpenSSL."""
