"""The text in files: one small reader per format, run in a process that can be killed.

process.ProcessExtractor   the port: asks a worker, kills it when it takes too long
  worker                   the process: limits its memory, answers one request a line
    read.read_file         sniffs the type and picks the reader
      pdf word sheets slides markdown plain image (ocr)
"""
