"""What the vendors' account exports have in common: files of records in a zip, read one record at a time."""
