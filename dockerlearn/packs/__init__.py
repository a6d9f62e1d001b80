"""Packs of lessons by others: fetched, looked at, and kept; nothing of them is run."""
