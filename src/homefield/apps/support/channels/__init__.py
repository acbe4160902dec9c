"""Ways that messages come in and replies go out, each an adapter between somebody's format and a desk."""
