"""The web process's pages, REST API and live stream. It has no privilege and asks the agent for every deed.

May import ``model``, ``config``, ``storage.api``; flask and plotly live here.
"""
