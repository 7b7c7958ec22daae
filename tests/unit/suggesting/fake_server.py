"""A stand-in for Dragonfly's server: answers with numbers, and dies, hangs, babbles or fails at given questions."""

import json
import os
import sys
import time
from pathlib import Path

trouble = json.loads(sys.argv[1])  # question number → what goes wrong, the first time (state lies in a folder)
state = sys.argv[2]
known = []
print("starting", file=sys.stderr, flush=True)
for text in sys.stdin:
    line = json.loads(text)
    reply = {"id": line["id"], "ready": True}
    if line["do"] == "ask":
        number = line["number"]
        known = [*known[: line["from"]], *line["results"]]
        what = trouble.get(str(number), "")
        mark = Path(state) / str(number)
        once = not what.startswith("always ") and mark.exists()
        if what and not once:
            mark.touch()
            what = what.removeprefix("always ")
            if what == "die":
                print("out of memory", file=sys.stderr, flush=True)
                os._exit(7)
            if what == "hang":
                time.sleep(600)
            if what == "babble":
                print("this is no JSON", flush=True)
                continue
        reply = {"id": line["id"], "config": {"x": number / 100 + len(known)}, "note": {}}
        if what == "error":
            reply = {"id": line["id"], "error": "LinAlgError: not positive definite"}
    print(json.dumps(reply), flush=True)
