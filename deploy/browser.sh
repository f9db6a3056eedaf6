#!/bin/sh
# Finds Chromium and Firefox for the browser tests, or brings them: Debian's packages as root, else Playwright's own Chromium.
set -eu

found() {
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    apt-get update -q >/dev/null && apt-get install -qy "$1" >/dev/null
}

if ! found chromium chromium-browser google-chrome && ! install chromium && ! .venv/bin/python -m playwright install chromium; then
    echo "No Chromium was found and none could be installed. Install it (sudo apt install chromium), then run the same command again." >&2
    exit 1
fi
if ! found firefox-esr firefox && ! install firefox-esr; then
    echo "No Firefox was found and none could be installed. Install it (sudo apt install firefox-esr), then run the same command again." >&2
    exit 1
fi
