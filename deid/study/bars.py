"""The progress bars of notebooks.

tqdm's bar for notebooks does not look at ``TQDM_DISABLE``, by which tests and published runs silence bars.
"""

import os
from typing import Any

from tqdm import auto


def tqdm(*given: Any, **options: Any) -> Any:
    """``tqdm.auto.tqdm``: a widget where there is one, or else text; nothing where that is asked for."""
    silent = os.environ.get("TQDM_DISABLE", "") not in ("", "0")
    return auto.tqdm(*given, **({"disable": silent} | options))
