"""The push to InfluxDB and the way back: line protocol, disk spool, sender, dialects, reader.

``line.py`` and ``influxql.py`` and ``answer.py`` are pure; ``spool.py`` and ``segment.py`` know files and no
network; ``client.py`` alone speaks HTTP (through ``influxdb_client``, imported inside functions because it
costs 290 ms). To add a server: a row in ``dialect.py`` and a fixture in the contract tests.
"""
