"""Rows into tickets, whatever their columns are called, in Korean and English.

plan.Plan       which column is what, in which time zone; guessed by `columns`, or declared
normalize       the rows of one ticket -> Ticket: pure, with `words` (status, priority, yes and no) and `times`
"""
