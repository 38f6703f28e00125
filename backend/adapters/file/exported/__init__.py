"""Account exports of helpdesks among the files of a connection: their tickets and articles, and the names that both need.

recognized   which file is which part of which export: by what is in it, or by the files beside it
units        a file of an export as rows, one ticket or article each
sorting      the parts of all files of a connection, and what has to be read anew
items        a ticket or an article of its row and of the names that it calls by number
memory       names, as the catalog keeps them
"""
