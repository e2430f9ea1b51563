"""A service that makes videos for others: accepted over HTTP, kept in a database, then made."""
