"""Arrow IPC, Feather and Parquet, with pyarrow."""
