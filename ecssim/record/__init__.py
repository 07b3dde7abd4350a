"""What happened: packed append-only tables, the names behind their codes, and where the rows go.

The engine talks to one :class:`~ecssim.record.recorder.Recorder`; its tables are declared in ``schema``,
their rows leave for a sink (memory or a run folder), and ``ecssim.results`` reads them back as frames.
"""
