#!/bin/sh
# Finds a Chromium for the browser tests, or brings one: Debian's package as root, else Playwright's own build.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -q >/dev/null && apt-get install -qy chromium >/dev/null && exit 0
fi
if .venv/bin/python -m playwright install chromium; then exit 0; fi
echo "No Chromium was found and none could be installed. Install it (sudo apt install chromium), then run the same command again." >&2
exit 1
