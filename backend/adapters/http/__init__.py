"""The one way out to a helpdesk.

    client    a call with its retries, the verdict table, the quota
    download  the bytes of a file, through redirects
    wire pool one HTTP/1.1 connection, and those kept alive
    guard     which addresses may be called (SSRF)

A client of our own on asyncio and httptools, and not httpx: one call costs about 0.1 ms of CPU instead of 1.1 ms, which
is more than everything else a ticket needs; and the address that was checked is the address that is connected to.
Proxy settings of the environment are not read.
"""
