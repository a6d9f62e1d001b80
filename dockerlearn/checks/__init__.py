"""The vocabulary of checks: one noun per file."""
