"""Files of rows, read one row at a time and found again by where a row begins.

layout.Layout       how a file's rows are written: enough to read one of them anywhere, also in another process
  delimited         CSV and its like, in any encoding
  objects           JSON: an array, an object with a list, one object a line
  sheets            spreadsheets
opened.open_table   looks at a file and says which of them it is; what has no lines of its own is written down as lines first
"""
