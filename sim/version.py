"""The version of meshquake, which every manifest records: it determines the bytes of a run."""

VERSION = "0.1.0"
