"""The workshop: plain Python, numpy, OpenCV and torch. No Django, no database, no HTTP. Usable alone."""
