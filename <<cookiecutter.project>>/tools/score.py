"""Label files of texts.

Reads   files of texts and a version.
Writes  one file for each part under --out; a second call goes on after a stop.
Decides nothing.
"""

if __name__ == "__main__":
    from door import run

    run("score")
