"""What of the machine a run takes: memory that it holds, and cores and memory for several processes."""

import ctypes
import os
import sys

# Of glibc's malloc.h: what goes back to the system when it is freed, what is asked for at once, large pieces.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
HELD = {MMAP_MAX: 0, TRIM_THRESHOLD: -1, TOP_PAD: 64 << 20}  # bytes
GIVEN_BACK = {MMAP_MAX: 65536, TRIM_THRESHOLD: 128 << 10, TOP_PAD: 128 << 10}  # glibc's own
LARGE = 64_000_000  # pixels of a photo that needs all memory: held in pieces, a sixth more would be needed
# Bytes that a process takes for a photo: always, and for each of its pixels (docs/speed.md).
ALWAYS, FOR_A_PIXEL = 1100 << 20, 75
FEWEST = 8  # photos for each process: it needs as long as two or three of them to start


def hold_memory(pixels: int = 0) -> None:
    """Let freed memory stay with this process, where the C library is glibc; elsewhere nothing is done.

    glibc gives large pieces back to the system at once, which clears them before they are used again. A photo
    of 12 megapixels needs hundreds of such pieces, and more time to clear them than to load it. For one of
    ``LARGE`` pixels, what is freed goes back.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (AttributeError, OSError):  # another C library
        return
    for name, value in (HELD if pixels < LARGE else GIVEN_BACK).items():
        mallopt(name, value)
    if pixels >= LARGE:
        trim(0)


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such question
        return os.cpu_count() or 1


def idle() -> int:
    """How many of them have nothing to do: the load of the last minute is that of others; at least one."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows
        load = 0.0
    return max(1, cores() - round(load))


def memory() -> int:
    """Bytes of memory that this machine has; 0 where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def processes(photos: int, pixels: int, some: int | None = None, bytes_there: int | None = None) -> int:
    """How many processes do so many photos, of at most so many ``pixels``, in the least time.

    One for each of ``some`` cores (None: those that are idle), while each has ``FEWEST`` photos and half of
    the memory (``bytes_there``) is enough for all.
    """
    some = idle() if some is None else some
    there = memory() if bytes_there is None else bytes_there
    fitting = there // 2 // (ALWAYS + FOR_A_PIXEL * pixels) if there else some
    return max(1, min(some, photos // FEWEST, fitting))
