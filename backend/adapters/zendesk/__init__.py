"""Zendesk Support and Help Center, API v2: https://developer.zendesk.com/api-reference/."""
