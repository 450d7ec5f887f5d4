"""What `pullproof doctor` looks at: an installation, examined one thing at a time (I/O).

Each module looks at one thing and returns Lines; what may not be read is a warning, never an error, so that one missing
right hides nothing else.
"""
