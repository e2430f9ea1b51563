"""Marks that say a video is AI-generated, and the tools that find them.

>>> from openvasa.provenance import WatermarkEmbedder, read_watermark
>>> embedder = WatermarkEmbedder((width, height), content_id)
>>> marked = [embedder.apply(frame) for frame in frames]
>>> read_watermark(marked).content_id
"""

from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.provenance.marking import UNMARKED, Marking
from openvasa.provenance.read import read_watermark

__all__ = ["UNMARKED", "Marking", "WatermarkEmbedder", "read_watermark"]
