"""SQL that fills every table of PostgreSQL with many rows, for tests and benches of its plans."""

MANY_ROWS = """
INSERT INTO tenants SELECT 't' || n, now(), '{{}}' FROM generate_series(1, {tenants}) n;
INSERT INTO api_keys SELECT company_id, 'k-' || company_id || '-' || n, 'h-' || company_id || '-' || n, now(), NULL, '{{}}'
  FROM tenants, generate_series(1, 20) n;
INSERT INTO connections (company_id, connection_id, platform, domain, created_at, body, next_run_at)
  SELECT company_id, 'conn_' || n % 3, 'freshdesk', 'd' || n, now(), '{{}}', now() + n * interval '1 hour'
  FROM tenants, generate_series(1, 3) n;
INSERT INTO documents
  SELECT company_id, company_id || '-' || n, 'conn_' || n % 3, 'freshdesk', CASE n % 10 WHEN 0 THEN 'article' ELSE 'ticket' END, n::text,
    '결제 오류 #' || n || ' Payment fails', 'open', 'live', md5(n::text), 'v1',
    CASE WHEN n % 50 = 0 THEN 'pending' WHEN n % 97 = 0 THEN 'failed' WHEN n % 89 = 0 THEN 'processing' WHEN n % 83 = 0 THEN 'deleted'
      ELSE 'indexed' END, '', NULL, 0, CASE WHEN n % 97 = 0 THEN now() END,
    now() - n * interval '1 minute', now() - n * interval '1 minute', now(), now(), '{{"parts": [], "visibility": "public"}}', NULL
  FROM tenants, LATERAL generate_series(1, CASE company_id WHEN 't1' THEN {big} ELSE {documents} END) n;
INSERT INTO attachments
  SELECT company_id, 'a-' || document_id, document_id, CASE original_id::int % 200 WHEN 0 THEN 'waiting' ELSE 'kept' END, '{{}}'
  FROM documents;
INSERT INTO runs SELECT company_id, 'run_' || n, 'conn_' || n % 3, CASE WHEN n < 3 THEN 'running' ELSE 'completed' END,
    now() - n * interval '1 hour', '{{}}' FROM tenants, generate_series(1, 200) n;
INSERT INTO cursors SELECT company_id, 'conn_' || n % 3, 'tickets', 'run_' || n, '{{}}' FROM tenants, generate_series(1, 100) n;
INSERT INTO failures SELECT company_id, 'conn_' || n % 3, 'ticket', n::text, 'code', '', now() - n * interval '1 minute', 1, '{{}}', NULL
  FROM tenants, generate_series(1, 100) n;
INSERT INTO sightings SELECT company_id, connection_id, doc_type, original_id, 'run_1' FROM documents;
INSERT INTO held_deletions SELECT company_id, connection_id, doc_type, original_id, 'purged', now() FROM documents;
INSERT INTO nudges SELECT company_id, 'conn_' || n % 3, 'ticket', n::text, now() - n * interval '1 minute', 'm' || n
  FROM tenants, generate_series(1, 200) n;
INSERT INTO deliveries SELECT company_id, 'conn_' || n % 3, md5(n::text), now() - n * interval '1 minute'
  FROM tenants, generate_series(1, 200) n;
INSERT INTO usage SELECT company_id, current_date - n, 'openai', 'gpt', 'summary', 1, 1, 1, 1, 0 FROM tenants, generate_series(1, 365) n;
INSERT INTO paid_results SELECT company_id, md5(document_id), 'summary', now(), 'x' FROM documents;
INSERT INTO budgets SELECT company_id, 'tenant', '{{}}' FROM tenants;
INSERT INTO solved SELECT company_id, 'article-' || original_id::int % 50, document_id FROM documents;
INSERT INTO calibrations SELECT company_id, 'maker', '{{}}' FROM tenants;
INSERT INTO index_marks SELECT company_id, 'mark' FROM tenants;
INSERT INTO answers SELECT company_id, 'ans-' || document_id, now(), '{{}}' FROM documents;
INSERT INTO feedback SELECT company_id, 'key:k', 'ans-' || document_id, document_id, now(), '{{}}' FROM documents;
INSERT INTO audit SELECT company_id, 'e-' || document_id, now() - original_id::int * interval '1 minute', '{{}}',
    'key:k' || original_id::int % 100, CASE original_id::int % 50 WHEN 0 THEN 'key.create' ELSE 'document.read' END FROM documents;
"""
