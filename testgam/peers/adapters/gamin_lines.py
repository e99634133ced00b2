# Our module of Python: a watch of a tree. A line "sync N" on the input is answered with "synced N" once all that happened before is told.
import select
import sys

import gamin

with gamin.watch(sys.argv[1], recursive=True) as changes:
    print("READY", flush=True)
    while True:
        readable, _, _ = select.select([changes, sys.stdin], [], [])
        asked = sys.stdin.readline().split() if sys.stdin in readable else ["nothing"]
        if not asked:
            break  # the end of the input
        if asked[0] == "sync":
            changes.sync()
        for change in changes.take():
            print(change.event.name, change.path, sep="\t", flush=True)
        if asked[0] == "sync":
            print("synced", asked[1], flush=True)
