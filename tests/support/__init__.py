"""What many tests use: waiting for a real server, tiny trees, servers that misbehave on request."""
