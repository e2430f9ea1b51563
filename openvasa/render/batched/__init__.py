"""Several frames at a time in torch, for a GPU: the warp and its composition.

What it draws is what `openvasa.render.warp_renderer` draws on the CPU; a test compares the two.
"""
