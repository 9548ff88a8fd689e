"""Tests of the push to InfluxDB and the way back."""
