"""What can be asked of this room by name. The command line shows it, without PyTorch."""

# What becomes of a face; the first is what happens unasked.
DO = REPLACE, BLACKOUT, KEEP = ("replace", "blackout", "keep")
# The classical methods, which hide a face and draw none; the first is what hides a region unasked.
CLASSICAL = (BLACKOUT, "pixelate", "blur")
# The settings of ``Options`` that only some of them look at.
HEEDS = {"pixelate": ("strength",), "blur": ("strength",)}
