"""Where our own data lies: one folder per technology, each behind a port of core."""
