"""Rows -> a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from whisper_magic.errors import PackageMissing

if TYPE_CHECKING:
    import pandas


def data_frame(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> pandas.DataFrame:
    """A table of rows.

    Raises:
        PackageMissing: without pandas (the `pandas` extra).
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise PackageMissing("tables need pandas: pip install 'whisper-magic[pandas]'") from error
    return pd.DataFrame(list(rows), columns=list(columns))
