"""Your code: what turns text into a label. Replace it freely; `nlp/model.py` says how."""
