"""The figures of speed: ``python -m benchmarks`` (as root, for an engine of its own).

Every figure is a ratio of two things measured by turns in one run, so that the machine does not matter much. It is
never part of the tests: a machine that is busy with something else makes any of them fail.
"""
