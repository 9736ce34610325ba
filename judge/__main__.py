"""``python -m judge`` is the command line."""

from judge.cli.app import main

if __name__ == "__main__":
    main()
