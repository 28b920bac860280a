"""Schema of files of our own: JSON by pydantic models, tables by column types, checked when read.

One error names the file, the key or column, the value and what to do.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from ltw.errors import DataError
from ltw.files import write_text

_FAMILIES = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
    lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
    pa.types.is_dictionary,
)


class Values(BaseModel):
    """Values of a file of ours: keys of later versions are ignored, wrong values are errors."""

    model_config = ConfigDict(
        frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class JSONFile(Values):
    """A JSON file of ours, as a whole."""

    @classmethod
    def read(cls, path: Path, fix: str) -> Self:
        """Read and validate ``path``; ``fix`` says what to do where that fails.

        Raises:
            DataError: the file is missing or damaged, naming it, the key and the value.
        """
        try:
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({_reason(error)}); {fix}") from None
        return cls.parse(data, str(path), fix)

    @classmethod
    def parse(cls, data: bytes | str, name: str, fix: str) -> Self:
        """Validate JSON text; ``name`` says in errors where it came from.

        Raises:
            DataError: it is damaged, naming the key and the value.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise DataError(f"{name}: damaged ({explain(error)}); {fix}") from None

    def write(self, path: Path) -> None:
        """Write the file, atomically."""
        write_text(path, self.model_dump_json(indent=2) + "\n")


def explain(error: ValidationError) -> str:
    """Return the first mistake that pydantic found: ``key = value: reason``."""
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    where = f"{key} = {first['input']!r:.80}: " if key and first["type"] != "missing" else ""
    missing = f"{key}: " if key and first["type"] == "missing" else ""
    return f"{where}{missing}{first['msg']}"


def read_table(
    path: Path, schema: pa.Schema, fix: str, *, optional: Collection[str] = ()
) -> pa.Table:
    """Read a parquet file that has at least the columns of ``schema``, without nulls.

    Page checksums are verified where the file has them. Columns come as the file has them: of
    another width, in another order, with further ones.

    Raises:
        DataError: the file is missing or damaged, lacks a column that is not ``optional``, or has
            one of another type.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
        table.validate(full=True)
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {fix}") from None
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise DataError(f"{path}: damaged ({_reason(error)}); {fix}") from None
    if reason := wrong_columns(table, schema, optional):
        raise DataError(f"{path}: damaged ({reason}); {fix}")
    return table


def wrong_columns(
    table: pa.Table | pa.RecordBatch, schema: pa.Schema, optional: Collection[str] = ()
) -> str:
    """Return how a table's columns are not those of ``schema``; "" where they are."""
    for field in schema:
        if table.schema.get_field_index(field.name) < 0:
            if field.name in optional:
                continue
            return f"it lacks the column {field.name!r}" + (
                ", or has it twice" if field.name in table.schema.names else ""
            )
        column = table.column(field.name)
        if not _alike(column.type, field.type):
            return f"column {field.name!r} is {column.type}, it must be {field.type}"
        if not field.nullable and column.null_count:
            return f"column {field.name!r} is empty in {column.null_count} rows"
    return ""


def write_table(path: Path, table: pa.Table) -> None:
    """Write a parquet file with a checksum of every page."""
    pq.write_table(table, path, write_page_checksum=True)


def required(fields: Collection[tuple[str, pa.DataType]]) -> pa.Schema:
    """Return a schema whose columns have no nulls."""
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields])


def _alike(kind: Any, wanted: Any) -> bool:
    """Whether a column may stand for one of the type ``wanted``: widths may differ."""
    if pa.types.is_fixed_size_list(wanted):
        sized = pa.types.is_fixed_size_list(kind) and kind.list_size == wanted.list_size
        return sized and _alike(kind.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return pa.types.is_struct(kind) and all(
            kind.get_field_index(part.name) >= 0 and _alike(kind.field(part.name).type, part.type)
            for part in wanted
        )
    return any(family(kind) and family(wanted) for family in _FAMILIES)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).partition("\n")[0]
