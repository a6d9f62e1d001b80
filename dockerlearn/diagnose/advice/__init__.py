"""Advice on the docker client's command line."""
