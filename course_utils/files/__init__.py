"""Readers and writers, which trust no file and leave none half written."""
