"""The mouth layer: teeth, tongue and cavity seen between the lips.

The upper arch is fixed to the skull, the lower arch and the tongue to the jaw, whose rotation is
read off the chin; lips only decide how much of them is seen. Under weak perspective the line of
sight through every pixel is met analytically with each arch, a parabola in depth, and the arch's
front view is looked up there: no polygons, and teeth keep their size whatever the lips do.

`prepare` builds what lies behind a portrait's lips, once; `paint` draws it in every frame.
"""
