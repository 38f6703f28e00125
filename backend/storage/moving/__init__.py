"""Whole installations on the move: backup, restore, from one database to the other, and what one company takes along."""
