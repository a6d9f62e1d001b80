"""Everything that talks to a Docker engine; the only importer of the Docker SDK."""
