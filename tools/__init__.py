"""What developers run: test servers, generators, benches, demo. Not shipped; may use subprocess and every room."""
