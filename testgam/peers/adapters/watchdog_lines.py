# watchdog's Observer, with a handler of everything. What it logs goes to standard error.
import logging
import sys
import time

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer


class Handler(FileSystemEventHandler):
    def on_any_event(self, event):
        print(event.event_type, event.src_path, event.dest_path, sep="\t", flush=True)


logging.basicConfig()
observer = Observer()
observer.schedule(Handler(), sys.argv[1], recursive=True)
observer.start()
print("READY", flush=True)
while observer.is_alive():
    time.sleep(1)
