"""`python -m nlp_gitops`: the same as the console script `nlp-gitops`."""

from nlp_gitops.cli.main import main

if __name__ == "__main__":
    main()
