"""Your code: what a text becomes. Replace it freely; project.yaml names what is used of it."""
