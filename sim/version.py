"""The version of meshquake: it decides the bytes of a run, so it is in each manifest."""

VERSION = "0.1.0"
