# The two commands: `make run` and `make test`. Everything else is a part of them.
PY := .venv/bin/python
HOST ?= localhost
PORT ?= 8000

.PHONY: help run setup setup-dev browser test test-fast lint scenes bench bench-timeline soak soak-timeline soak-upload soak-faults keystrokes real soak-seeks bench-latency messages screens clean

help:
	@sed -n 's/^# //p;s/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

run: setup ## set up what is missing, then site and worker on http://localhost:8000
	@exec $(PY) manage.py start --host $(HOST) --port $(PORT)

setup:
	@sh deploy/setup.sh requirements.txt

setup-dev:
	@sh deploy/setup.sh requirements-dev.txt

browser: setup-dev
	@sh deploy/browser.sh

lint: setup-dev ## style, types, arrows between the packages
	.venv/bin/ruff check .
	.venv/bin/mypy annotator strokes mlcore
	.venv/bin/lint-imports --no-cache

test: browser lint ## everything that gates
	$(PY) -m pytest -n 2 --dist loadfile

test-fast: setup-dev ## one minute: no browser, no slow tests
	$(PY) -m pytest -n 2 --dist loadfile -m "not slow and not browser" -x

scenes: setup-dev ## train and measure on drawn scenes split by player (about an hour on two cores)
	$(PY) -m benchmarks.scenes

bench: browser keystrokes ## every claim about cost, both sides in one run, into docs/benchmarks.md (about an hour, alone on the machine)
	$(PY) -m benchmarks.bench
	$(MAKE) bench-timeline

bench-timeline: browser ## pan and zoom with 10,000 strokes in Chromium: dropped frames, work of the main thread
	$(PY) -m benchmarks.timeline

soak-timeline: browser ## what somebody does in an hour, with 10,000 strokes: the page's memory stays flat
	$(PY) -m benchmarks.timeline --memory

keystrokes: browser ## keys per stroke in the real workspace, and in other tools, into docs/keystrokes.md
	$(PY) -m benchmarks.keystrokes --write

soak: setup-dev soak-upload soak-faults soak-timeline soak-seeks ## trainings killed fifty times end with the same bits, and the soaks below
	$(PY) -m benchmarks.soak_resume --kills 50

soak-faults: browser ## 200 seeded faults while somebody labels: nothing lost, nothing doubled; and without the outbox it turns red
	$(PY) -m benchmarks.faults --seeds 200
	$(PY) -m benchmarks.faults --forgetful

soak-upload: browser ## 2 GB by the real page through 50 cuts and 5 kills of the server
	$(PY) -m benchmarks.upload

real: browser ## the whole road on real footage, in Chromium: 20 gestures learned by heart
	$(PY) -m benchmarks.real_footage

soak-seeks: browser ## 10,000 random seeks by each road in Chromium and Firefox, read from the screen, into docs/benchmarks.md (over an hour)
	$(PY) -m benchmarks.bench --row seeks

bench-latency: browser ## how long a picture takes, against a plain <video>, also over a slow line
	$(PY) -m benchmarks.latency

messages: setup-dev ## collect and compile translations (needs gettext)
	$(PY) manage.py makemessages -l fr --no-wrap --no-location -i .venv -i tests -i data -i benchmarks
	$(PY) manage.py makemessages -l fr -d djangojs --no-wrap --no-location -i .venv -i tests -i data -i benchmarks
	$(PY) manage.py compilemessages -l fr -i .venv

screens: browser ## screenshots of every page into docs/screens/
	$(PY) -m tests.e2e.screens

clean: ## remove what can be made again (never the data)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache test-results
