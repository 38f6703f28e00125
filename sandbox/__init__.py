"""Stand-ins for the helpdesk vendors, with a made-up company's support history: for the demo, the tests and front-end work only."""
