"""Make a dataset version of files of your own.

Reads   CSV, TSV, JSONL or Parquet files.
Writes  data/*.jsonl and data/dataset.yaml.
Decides how rows are split; the test split is pinned by its digest.
"""

if __name__ == "__main__":
    from door import run

    run("import_dataset")
