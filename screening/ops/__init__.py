"""Operations over the same rows: ledger, trace, reprocess."""
