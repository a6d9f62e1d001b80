"""Tests against a real engine, the fixture ``engine_socket``."""
