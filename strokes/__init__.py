"""The domain: what a stroke is, who decided it, what counts as truth, splits, exports, model registry, job table."""
