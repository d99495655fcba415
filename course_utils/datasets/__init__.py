"""Points, images, furniture and captioned shapes: the data that the models learn from."""
