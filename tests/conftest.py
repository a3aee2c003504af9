"""Here so that pytest puts this folder on the path: tests of all rooms share the helpers beside it."""
