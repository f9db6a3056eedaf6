"""A step with every kind of ending, for the tests of the engine: `python -m tests.annotator.step KIND [ARGUMENT]`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlcore.progress import Progress, StepError, Stopped, run_step, say


def main() -> dict:
    kind, argument = sys.argv[1], (sys.argv[2:] or [""])[0]
    say(progress=0.1, phase=kind, left_s=None)
    match kind:
        case "done":
            Progress("counting").at(1.0)
            return {"n": 3}
        case "environment":
            return {
                "names": sorted(os.environ),
                "cwd": os.getcwd(),
                "nice": os.nice(0),
                "group": os.getpgid(0),
                "pid": os.getpid(),
            }
        case "refuse":
            raise StepError("too_long", minutes=7)
        case "crash":
            sys.stderr.write("x" * 20_000 + "the last words\n")
            os.abort()
        case "raise":
            raise RuntimeError("a defect")
        case "oom":
            os.kill(os.getpid(), signal.SIGKILL)
        case "babble":
            print("hello", flush=True)
            time.sleep(60)
        case "quiet":
            print(json.dumps({"neither": 1}), flush=True)
            time.sleep(60)
        case "silent":
            time.sleep(60)
        case "checkpoint":
            asked: list[bool] = []
            signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
            say(progress=0.2, phase="ready", left_s=1.0)
            while not asked:
                time.sleep(0.05)
            for k in range(20):  # the batch in hand is finished first, and says how far it is
                say(progress=0.2 + k / 100, phase="batch", left_s=1.0)
                sys.stderr.write("still here\n")
            Path(argument).write_text("saved")
            raise Stopped(epoch=2)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen(["sleep", "60"])
            Path(argument).write_text(f"{os.getpid()} {child.pid}")
            say(progress=0.2, phase="ready", left_s=1.0)
            time.sleep(60)
        case "truncated":
            sys.stdout.write('{"done": {"n"')
            sys.stdout.flush()
            os._exit(0)
    return {}


if __name__ == "__main__":
    raise SystemExit(run_step(main))
