# watchman: a server of its own, and a subscription, of whose answers each file becomes a line.
import json
import os
import socket
import subprocess
import sys
import time

directory, home = sys.argv[1:]
place = os.path.join(home, "sock")
files = [f"--sockname={place}", f"--statefile={home}/state", f"--logfile={home}/log", f"--pidfile={home}/pid"]
subprocess.Popen(["watchman", "--foreground", *files])
connection = socket.socket(socket.AF_UNIX)
while connection.connect_ex(place):  # there may be one that a server left behind which was killed
    time.sleep(0.01)
commands = [["watch", directory], ["subscribe", directory, "all", {"fields": ["name", "exists"]}]]
connection.sendall(json.dumps(commands.pop(0)).encode() + b"\n")
for line in connection.makefile():
    answer = json.loads(line)
    if "error" in answer or "warning" in answer:
        print("warning", " ".join((answer.get("error") or answer["warning"]).split()), sep="\t", flush=True)
    for file in answer.get("files", []):
        print("exists" if file["exists"] else "gone", file["name"], sep="\t", flush=True)
    if "subscribe" in answer:
        print("READY", flush=True)
    elif commands:  # a command for each answer: of two at once it reads one
        connection.sendall(json.dumps(commands.pop(0)).encode() + b"\n")
