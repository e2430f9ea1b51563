"""The eye layer: eyeballs that stay rigid in the head while lids and gaze move over them.

The mesh warp moves the skin and would drag the iris along with the lids. This layer lifts the
eyeball out of the portrait once (`lift`): the white of the eye with the iris taken out, the iris
completed where a lid hid it, the highlight, and what the lid margin lays over the eye, lashes and
shadow. It puts them together again in every frame (`paint`).
"""
