"""Freshdesk, API v2: https://developers.freshdesk.com/api/."""
