"""What a model answers on pinned rows, and how good that is."""
