-- Two more tasks, ten comments and a notification in each project of growth.sql. What it says follows from how
-- many there are already. In the order of slots, in which the search index takes many at once.

INSERT INTO tasks (id, project_id, title, description, status, assignee_id, due_date, created_by, created_at, updated_at)
SELECT printf('0198c5f4-%04x-7000-8000-%012x', k, p), project_id,
       iif(k = 42, 'Zebra ', '') || 'Launch ' || (k + 1) || ': ' || (SELECT text FROM growth_phrases WHERE i = (p * 3 + k) % 31),
       iif(k % 5 = 0, NULL, (SELECT text FROM growth_phrases WHERE i = (p + k * 5 + 1) % 31) || '. ' ||
                            (SELECT text FROM growth_phrases WHERE i = (p + k * 7 + 2) % 31) || '.'),
       CASE k % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'in_progress' WHEN 2 THEN 'done' ELSE 'blocked' END,
       iif(k % 3 = 0, NULL, owner_id),
       iif(k % 2 = 0, NULL, strftime('%FT%H:%M:%fZ', '2026-03-01', k || ' days')),
       owner_id,
       strftime('%FT%H:%M:%fZ', '2026-01-01', k || ' hours', p || ' seconds'),
       strftime('%FT%H:%M:%fZ', '2026-02-01', (k * 7 % 100) || ' hours', p || ' seconds')
FROM (SELECT r.done + json_each.value AS k, p.rowid - 1 AS p, p.id AS project_id, p.owner_id
      FROM (SELECT count(*) AS done FROM tasks WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r,
           json_each('[0, 1]'), projects p
      ORDER BY k, p.slot);

-- Every other task waits for the one before it, and two of five have a label.
INSERT INTO task_dependencies (task_id, depends_on_task_id, created_at)
SELECT t.id, printf('0198c5f4-%04x-7000-8000-%s', r.done - 2, substr(t.id, 25)), t.created_at
FROM (SELECT count(*) AS done FROM tasks WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r
JOIN tasks t ON t.id BETWEEN printf('0198c5f4-%04x', r.done - 1) AND printf('0198c5f4-%04x-8', r.done - 1);

INSERT INTO task_label_links (task_id, label_id)
SELECT t.id, printf('0198c5f3-%04x-7000-8000-%012x', p.rowid - 1, k % 4)
FROM (SELECT done - 1 - json_each.value AS k
      FROM (SELECT count(*) AS done FROM tasks WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)), json_each('[0, 1]')) r
JOIN tasks t ON t.id BETWEEN printf('0198c5f4-%04x', r.k) AND printf('0198c5f4-%04x-8', r.k)
JOIN projects p ON p.id = t.project_id
WHERE k % 5 < 2;

-- Both were created and changed twice, and one has a file.
INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, request_id, created_at, delivered_at, task_id)
SELECT printf('0198c5fb-%02x%02x-7000-8000-%s', e.key, r.k, substr(t.id, 25)), e.value, t.created_by, t.project_id, t.id,
       '{"changed": ["status"], "status": {"from": "open", "to": "in_progress"}}', 'growth', t.created_at, t.created_at, t.id
FROM (SELECT done - 1 - json_each.value AS k
      FROM (SELECT count(*) AS done FROM tasks WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)), json_each('[0, 1]')) r
JOIN tasks t ON t.id BETWEEN printf('0198c5f4-%04x', r.k) AND printf('0198c5f4-%04x-8', r.k)
JOIN json_each('["task.created", "task.updated", "task.updated"]') e;

INSERT INTO task_attachments (id, project_id, task_id, external_url, filename, uploaded_by, uploaded_at)
SELECT printf('0198c5f8-%s', substr(t.id, 10)), t.project_id, t.id, 'https://example.com/plan.pdf', 'plan.pdf', t.created_by, t.created_at
FROM (SELECT count(*) AS done FROM tasks WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r
JOIN tasks t ON t.id BETWEEN printf('0198c5f4-%04x', r.done - 2) AND printf('0198c5f4-%04x-8', r.done - 2);

-- Those on the project reply to the first of them.
INSERT INTO comments (id, project_id, parent_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
SELECT printf('0198c5f5-%04x-7000-8000-%012x', k, p), project_id,
       iif(k % 10 OR k = 0, NULL, printf('0198c5f5-0000-7000-8000-%012x', p)),
       iif(k % 10, 'task', 'project'), iif(k % 10, task_id, project_id), iif(k % 10, task_id, NULL),
       owner_id,
       'Update ' || (k + 1) || ': ' || (SELECT text FROM growth_phrases WHERE i = (p * 5 + k) % 31) || iif(k = 77, ' like a zebra', '')
         || ', ' || (SELECT text FROM growth_phrases WHERE i = (p + k * 3 + 11) % 31)
         || iif(k % 3, '', '. ' || (SELECT text FROM growth_phrases WHERE i = (p + k * 11 + 5) % 31)),
       strftime('%FT%H:%M:%fZ', '2026-01-01', k || ' hours', p || ' seconds'),
       strftime('%FT%H:%M:%fZ', '2026-01-01', k || ' hours', p || ' seconds')
FROM (SELECT r.done + json_each.value AS k, p.rowid - 1 AS p, p.id AS project_id, p.owner_id,
             printf('0198c5f4-%04x-7000-8000-%012x', (r.done + json_each.value) * 7 % (r.done / 5 + 2), p.rowid - 1) AS task_id
      FROM (SELECT count(*) AS done FROM comments WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r,
           json_each('[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]'), projects p
      ORDER BY k, p.slot);

-- The last comment is starred by who wrote it and told to them; every other time they have read of it.
INSERT INTO comment_stars (user_id, comment_id, created_at)
SELECT c.author_id, c.id, c.created_at
FROM (SELECT count(*) AS done FROM comments WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r
JOIN comments c ON c.id BETWEEN printf('0198c5f5-%04x', r.done - 1) AND printf('0198c5f5-%04x-8', r.done - 1)
WHERE r.done % 100 = 0;

INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at, read_at)
SELECT printf('0198c5f6-%s', substr(c.id, 10)), c.author_id, printf('0198c5f7-%s', substr(c.id, 10)), 'comment_added', c.project_id,
       json_object('project_id', c.project_id, 'comment_id', c.id), c.created_at, iif(r.done % 20, c.created_at, NULL)
FROM (SELECT count(*) AS done FROM comments WHERE project_id = (SELECT id FROM projects WHERE rowid = 1)) r
JOIN comments c ON c.id BETWEEN printf('0198c5f5-%04x', r.done - 1) AND printf('0198c5f5-%04x-8', r.done - 1);
