"""Stand-ins for public images, made as files on disk without any engine, where no registry can be reached.

One image a file; its docstring is its contract: what lessons may rely on, held by tests.
"""
