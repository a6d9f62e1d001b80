"""Tests; those in ``live`` need an engine, the others none."""
