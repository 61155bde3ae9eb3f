"""Stands for the original module in the tests of docs/from-python.md."""
from originals import of

Connection, Server = of('v2')
