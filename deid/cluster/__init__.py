"""Past one machine: the functions of one machine, run by Ray on many. Imported only when asked for.

An extra, ``pip install 'deid-faces[cluster]'``. What it costs is in docs/scale.md.
"""
