"""What is known of an image, what follows from it, and what to do about it (pure)."""
