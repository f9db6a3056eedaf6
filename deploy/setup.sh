#!/bin/sh
# Makes .venv and installs the pinned requirements, only when they changed. Usage: deploy/setup.sh requirements.txt [more.txt]
# Each missing prerequisite is named with its remedy. PYTHON=... chooses the interpreter.
set -eu

cd "$(dirname "$0")/.."
needed_mb=4096

fail() {
    printf '\n%s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
    exit 1
}

[ $# -ge 1 ] || set -- requirements.txt
for file in "$@"; do
    [ -f "$file" ] || fail "There is no file $file here." "Run this from a whole copy of the repository."
done

find_python() {
    for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$name" ] || continue
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# Whether file $1 was installed as it is now, by itself or by a file that includes it ("-r ...").
installed() {
    for stamp in .venv/stamp-*; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] || continue
        name=${stamp#.venv/stamp-}
        if [ "$name" = "$1" ] || { [ -f "$name" ] && grep -q "^-r $1\$" "$name"; }; then
            return 0
        fi
    done
    return 1
}

if [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=.venv/bin/python
else
    python=$(find_python) || fail "Topspin needs Python 3.11 or newer, and there is none here." "sudo apt install python3 python3-venv"
    rm -rf .venv
fi

wanted=$(cat requirements*.txt | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
missing=""
for file in "$@"; do
    installed "$file" || missing="$missing -r $file"
done
[ -n "$missing" ] || exit 0

free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
[ "$free_mb" -ge "$needed_mb" ] || fail "Only $free_mb MB are free here; setting up takes $needed_mb MB." "Free some space, or move this folder to a larger disk."

if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv module is missing." "sudo apt install python3-venv"
    echo "Making .venv ..."
    "$python" -m venv .venv || { rm -rf .venv; fail "The virtual environment could not be made." "sudo apt install python3-venv"; }
fi

echo "Installing the requirements (the first time this takes some minutes) ..."
# shellcheck disable=SC2086 # the list is meant to be split
.venv/bin/python -m pip install --quiet --disable-pip-version-check $missing ||
    fail "The requirements could not be installed; pip's lines above say why." "Check the network connection (or your pip index) and run the same command again."
for file in "$@"; do
    printf '%s\n' "$wanted" >".venv/stamp-$file"
done
