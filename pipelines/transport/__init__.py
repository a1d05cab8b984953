"""Asking politely and keeping every answer: the HTTP session, screening, the archive and its ledger."""
