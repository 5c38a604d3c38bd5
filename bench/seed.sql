-- What both Workers start with. Everyone's password is "correct horse battery staple".
-- User 1 reads: 200 projects, two tags each, every tenth a favorite; 200 tasks in the first.
-- User 2 writes, in project 2001, too, with a team of 50: users 35 to 83. Twenty of them commented
-- on its first task. Users 3 to 34 log in. Users 101 to 1100 opened a checkout each, of which the
-- provider tells.
-- The others are there so that nobody is alone in the tables.

INSERT INTO sequences (name, value) VALUES ('users', 1100);

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
INSERT INTO users (id, email, username, password_hash, display_name, created_at, updated_at)
SELECT i, 'user' || i || '@example.com', 'user' || i,
       '$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$eZ8SueF3EIJEgtgpg1rLafWpNVv3dMTwc0KCOxG5CSg',
       'User Number ' || i, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO projects (id, owner_id, name, description, created_at, updated_at)
SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', i), iif(i <= 200, 1, 35 + i % 60),
       'Project number ' || i || ' of the season',
       iif(i % 4 = 0, NULL, 'What we agreed on in March: “ship it in spring”, keep the scope small, write down what we learn, and tell everyone who waits for it.'),
       printf('2026-02-%02dT%02d:%02d:00.000Z', 1 + i / 100 % 28, i / 60 % 24, i % 60),
       printf('2026-03-%02dT%02d:%02d:00.000Z', 1 + i / 100 % 28, i / 60 % 24, i % 60)
FROM n;

INSERT INTO projects (id, owner_id, name, created_at, updated_at)
VALUES (printf('0198c5f2-7d3a-7c41-9b52-%012x', 2001), 2, 'The team', '2026-03-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z');

INSERT INTO team_members (project_id, user_id, role, joined_at)
SELECT id, owner_id, 'owner', created_at FROM projects;

INSERT INTO team_members (project_id, user_id, role, joined_at)
SELECT p.id, u.id, 'member', p.created_at FROM projects p, users u WHERE p.rowid = 2001 AND u.id BETWEEN 35 AND 83;

INSERT INTO project_favorites (user_id, project_id, created_at)
SELECT owner_id, id, created_at FROM projects WHERE owner_id = 1 AND rowid % 10 = 0;

INSERT INTO project_tags (id, project_id, name, color, created_at)
SELECT printf('0198c5f2-7d3b-7c41-8b52-%012x', p.rowid * 10 + t.column1), p.id, t.column2, t.column3, p.created_at
FROM projects p, (VALUES (1, 'mobile', '#0ea5e9'), (2, 'spring', NULL)) t;

INSERT INTO task_labels (id, project_id, name, color, created_at)
SELECT printf('0198c5f2-7d3c-7c41-8b52-%012x', p.rowid * 10 + l.column1), p.id, l.column2, l.column3, p.created_at
FROM projects p, (VALUES (1, 'bug', '#dc2626'), (2, 'design', NULL), (3, 'launch', '#0ea5e9')) l;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO tasks (id, project_id, title, description, status, assignee_id, due_date, created_by, created_at, updated_at)
SELECT printf('0198c5f2-7d3d-7c41-8b52-%012x', p.rowid * 1000 + i), p.id,
       CASE i % 4 WHEN 0 THEN 'Write the announcement, part ' WHEN 1 THEN 'Check the pictures, round ' WHEN 2 THEN 'Ask the design team, question '
                  ELSE 'Measure it on a slow phone, run ' END || i,
       iif(i % 5 = 0, NULL, 'Two people read it before it goes out. What is not clear to both of them is written anew.'),
       CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'in_progress' ELSE 'done' END,
       iif(i % 3 = 0, NULL, p.owner_id), iif(i % 2 = 0, NULL, printf('2026-04-%02dT00:00:00.000Z', 1 + i % 28)), p.owner_id,
       p.created_at, p.updated_at
FROM projects p, n WHERE i <= CASE WHEN p.rowid = 1 THEN 200 WHEN p.owner_id < 3 THEN 5 ELSE 2 END;

INSERT INTO task_label_links (task_id, label_id)
SELECT t.id, l.id FROM tasks t JOIN task_labels l ON l.project_id = t.project_id WHERE (t.rowid + l.rowid) % 3 > 0;

INSERT INTO task_dependencies (task_id, depends_on_task_id, created_at)
SELECT t.id, o.id, t.created_at FROM tasks t JOIN tasks o ON o.project_id = t.project_id AND o.n = t.n - 1 WHERE t.n % 3 = 0;

INSERT INTO task_attachments (id, project_id, task_id, external_url, filename, uploaded_by, uploaded_at)
SELECT printf('0198c5f2-7d3e-7c41-8b52-%012x', row_number() OVER ()), project_id, id, 'https://example.com/plan.pdf', 'plan.pdf', created_by, created_at
FROM tasks WHERE n % 4 = 0;

INSERT INTO comments (id, project_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
SELECT printf('0198c5f2-7d3f-7c41-8b52-%012x', row_number() OVER ()), t.project_id, 'task', t.id, t.id, u.id,
       'Looks good to me; the second half could be shorter.', t.created_at, t.created_at
FROM tasks t JOIN projects p ON p.id = t.project_id
     JOIN users u ON u.id = p.owner_id OR p.rowid = 2001 AND u.id BETWEEN 35 AND 54
WHERE p.rowid < 2001 AND t.n % 4 < 3 OR t.id = printf('0198c5f2-7d3d-7c41-8b52-%012x', 2001001) AND u.id <> 2;

INSERT INTO checkouts (reference, user_id, tier, billing_cycle, created_at)
SELECT 'bench-' || id, id, 'pro', 'yearly', created_at FROM users WHERE id > 100;
