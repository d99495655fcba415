"""Readers, which trust no file, and writers, which never leave a file half written."""
