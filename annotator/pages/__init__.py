"""The pages, one module each: fetch with permission, act, respond."""
