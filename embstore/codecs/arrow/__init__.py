"""Arrow IPC, Feather and Parquet, by pyarrow."""
