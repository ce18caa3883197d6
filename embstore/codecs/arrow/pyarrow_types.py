"""Types of the parts of pyarrow that embstore uses; pyarrow has none of its own. Import them for type checking only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class DataType(Protocol):
    """``pyarrow.DataType``; ``str`` returns its name, such as ``float`` or ``list<item: float>``."""

    def to_pandas_dtype(self) -> type:
        """Return the corresponding NumPy type."""


class NestedType(DataType, Protocol):
    """The type of lists, or of a dictionary-encoded column."""

    @property
    def value_type(self) -> DataType:
        """The type of the elements of the lists, or of the entries of the dictionary."""


class FixedSizeListType(NestedType, Protocol):
    """``pyarrow.FixedSizeListType``."""

    @property
    def list_size(self) -> int:
        """Number of elements of a list."""


class Field(Protocol):
    """``pyarrow.Field``."""

    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def type(self) -> DataType:
        """The type of the column."""


class Schema(Protocol):
    """``pyarrow.Schema``."""

    def __len__(self) -> int:
        """Return the number of columns."""

    def __iter__(self) -> Iterator[Field]:
        """Yield the columns in order."""

    def field(self, name: str) -> Field:
        """Return the column with this name."""

    def get_field_index(self, name: str) -> int:
        """Return the position of the column with this name."""


class Scalar(Protocol):
    """``pyarrow.Int64Scalar``."""

    def as_py(self) -> int:
        """Return the number."""


class Array(Protocol):
    """``pyarrow.Array``."""

    @property
    def type(self) -> DataType:
        """The type of the values."""

    @property
    def null_count(self) -> int:
        """Number of nulls."""

    @property
    def offset(self) -> int:
        """Position of the first value in the buffers."""

    def __len__(self) -> int:
        """Return the number of values."""

    def buffers(self) -> list[ReadableBuffer | None]:
        """Return the buffers; for strings these are validity, offsets and data."""

    @property
    def dictionary(self) -> Array:
        """The entries, if it has a dictionary."""

    @property
    def indices(self) -> Array:
        """The numbers of the entries, if it has a dictionary."""

    def cast(self, target: DataType) -> Array:
        """Convert to another type."""

    def flatten(self) -> Array:
        """Return the elements of all lists."""

    def index(self, value: object) -> Scalar:
        """Return the position of the first value that is equal."""

    def is_null(self) -> Array:
        """Return for each value whether it is null."""

    def to_numpy(self, *, zero_copy_only: bool) -> NDArray[Any]:
        """Return an array, which is a view where possible."""

    def validate(self, *, full: bool) -> None:
        """Check offsets and sizes."""


class RecordBatch(Protocol):
    """``pyarrow.RecordBatch``."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    @property
    def nbytes(self) -> int:
        """Number of bytes of all columns."""

    def slice(self, offset: int, length: int) -> RecordBatch:
        """Return some rows, as views."""

    def column(self, name: str) -> Array:
        """Return the column with this name."""


class FileReader(Protocol):
    """``pyarrow.ipc.RecordBatchFileReader``."""

    @property
    def schema(self) -> Schema:
        """The columns of the file."""

    @property
    def num_record_batches(self) -> int:
        """Number of record batches."""

    def get_batch(self, index: int) -> RecordBatch:
        """Read a record batch."""


class StreamReader(Protocol):
    """``pyarrow.ipc.RecordBatchStreamReader``."""

    @property
    def schema(self) -> Schema:
        """The columns of the stream."""

    def __iter__(self) -> Iterator[RecordBatch]:
        """Read one record batch after another."""


class FileMetaData(Protocol):
    """``pyarrow.parquet.FileMetaData``."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""


class ParquetFile(Protocol):
    """``pyarrow.parquet.ParquetFile``."""

    @property
    def schema_arrow(self) -> Schema:
        """The columns of the file."""

    @property
    def metadata(self) -> FileMetaData:
        """What the end of the file states."""

    def iter_batches(self, batch_size: int, *, columns: list[str]) -> Iterator[RecordBatch]:
        """Read some columns in batches."""
