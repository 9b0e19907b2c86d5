"""Take labels in that came later.

Reads   a file of request ids and labels.
Writes  the folder of delayed labels.
Decides nothing; drift_report joins them with predictions.
"""

if __name__ == "__main__":
    from door import run

    run("feedback")
