"""The one way out to a helpdesk.

    client    a call with its retries, the verdict table, the quota
    download  the bytes of a file, through redirects
    wire pool one HTTP/1.1 connection, and those kept alive
    guard     which addresses may be called (SSRF)

A client of our own and not httpx: a call costs about a tenth of the CPU (`docs/decisions`), and the address that
was checked is the address that is connected to.
"""
