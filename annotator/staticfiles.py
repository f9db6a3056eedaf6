"""Static files under names that carry their content's hash, module imports included, compressed beside."""

from __future__ import annotations

import logging

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]

log = logging.getLogger(__name__)


class HashedModules(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """ES modules import each other by hashed names. Before `collectstatic` has run, plain names (said once)."""

    support_js_module_import_aggregation = True
    _told = False

    def stored_name(self, name: str) -> str:
        if not self.hashed_files:
            if not self._told:
                log.warning("static files are not collected: run manage.py collectstatic for cacheable names")
                self._told = True
            return str(self.clean_name(name))
        return str(super().stored_name(name))
