"""From the bytes that the platform POSTs to the lines of an object. Pure; imports nothing else of ours."""

from __future__ import annotations
