"""What the server of the studio does beside pages: uploads, pictures, which requests pass."""
