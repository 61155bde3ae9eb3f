"""Replaces the Python module in the tests of docs/how-to/from-python.md."""
from modules import of

Connection, Server = of('v1')
