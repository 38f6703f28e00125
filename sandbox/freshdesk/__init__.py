"""A stand-in for the Freshdesk API v2, written from its documentation and from recordings (https://developers.freshdesk.com/api/)."""
