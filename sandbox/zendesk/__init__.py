"""A stand-in for Zendesk Support and Help Center, API v2, written from its documentation and from recordings (https://developer.zendesk.com/api-reference/)."""
