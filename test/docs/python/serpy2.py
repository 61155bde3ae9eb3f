"""Stands for the original module in the tests of docs/how-to/from-python.md."""
from originals import of

Connection, Server = of('v2')
