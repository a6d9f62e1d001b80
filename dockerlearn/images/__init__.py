"""The images that lessons use: which of them an engine has, and how they get there, with a registry and without one."""
