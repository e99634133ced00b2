# watchfiles, with its own delays, and without its filter, which leaves out what editors and compilers make.
import sys

from watchfiles import watch

for changes in watch(sys.argv[1], watch_filter=None):
    for change, path in changes:
        print(change.name, path, sep="\t", flush=True)
