"""The command line: arguments in, library calls, one clear line out. No other room imports it."""
