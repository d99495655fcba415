"""The command line: arguments in, library calls, one clear line out. Nothing imports it."""
