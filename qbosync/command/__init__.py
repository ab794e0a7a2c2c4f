"""The commands by what they are for; `qbosync/cli.py` puts them together."""
