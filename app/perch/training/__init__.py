"""Training a network of Perch: the plain loop, and a thin Ray trainable around it."""
