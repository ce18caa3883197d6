"""Tables as spreadsheets and data frames are saved: CSV and TSV, JSON, JSON lines."""
