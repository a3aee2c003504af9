"""An object store for tests: `bucket://NAME/...`, whose files are in this process. It has no folders of its own."""

from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem


class Bucket(MemoryFileSystem):
    protocol = "bucket"
    store, pseudo_dirs = {}, [""]

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("bucket://", "memory://", 1))


def contents(root):
    """Return the files at `bucket://ROOT`, by name."""
    files = Bucket()
    return {name.removeprefix(f"/{root}/"): files.cat_file(name) for name in files.find(f"/{root}")}


register_implementation("bucket", Bucket, clobber=True)
