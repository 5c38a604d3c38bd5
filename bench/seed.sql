-- What both Workers start with. Everyone's password is "correct horse battery staple".
-- User 1 reads: 200 projects, two tags each, every tenth a favorite. User 2 writes.
-- Users 3 to 34 log in. Users 101 to 1100 opened a checkout each, of which the provider tells.
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

INSERT INTO team_members (project_id, user_id, role, joined_at)
SELECT id, owner_id, 'owner', created_at FROM projects;

INSERT INTO project_favorites (user_id, project_id, created_at)
SELECT owner_id, id, created_at FROM projects WHERE owner_id = 1 AND rowid % 10 = 0;

INSERT INTO project_tags (id, project_id, name, color, created_at)
SELECT printf('0198c5f2-7d3b-7c41-8b52-%012x', p.rowid * 10 + t.column1), p.id, t.column2, t.column3, p.created_at
FROM projects p, (VALUES (1, 'mobile', '#0ea5e9'), (2, 'spring', NULL)) t;

INSERT INTO checkouts (reference, user_id, tier, billing_cycle, created_at)
SELECT 'bench-' || id, id, 'pro', 'yearly', created_at FROM users WHERE id > 100;
