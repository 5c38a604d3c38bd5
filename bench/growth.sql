-- A service that has grown to 100 times: 2,000 projects of 4,000 people. After this, 50 times growth_round.sql makes
-- 200,000 tasks, 1,000,000 comments and 100,000 notifications, a few of each project at a time, as they would come.
-- User 1 works in the first 20 projects. At a scale of 1 those 20 are all there are, and what is in them is the
-- same: whatever user 1 does should take as long. Every task says "launch", every comment "update"; "zebra" is
-- in one task and one comment of each project. Everyone's password is "correct horse battery staple".
--
-- For a database with the migrations and nothing else.

CREATE TABLE growth (scale INTEGER NOT NULL) STRICT;
INSERT INTO growth SELECT 100 AS scale;

CREATE TABLE growth_phrases (i INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
INSERT INTO growth_phrases (i, text)
SELECT key, value FROM json_each('[
  "write the announcement and let two people read it",
  "the café on the corner is closed on Mondays",
  "die Größe der Bilder prüfen, bevor es auf die Straße geht",
  "réserver l’hôtel pour l’équipe à Genève",
  "新しい計画を立てて、東京の会議で話します",
  "проверить письмо и отправить его до пятницы",
  "the login page shows a blank screen on Safari 17",
  "pasar la migración a producción mañana por la mañana",
  "measure it on a slow phone before anyone else does",
  "şehir listesini güncelle: İstanbul, Ankara, İzmir",
  "fix the flaky test in checkout::refunds (twice this week)",
  "우리는 다음 주에 새로운 버전을 배포합니다",
  "ask the design team for the icon in 24 and 48 px",
  "zażółć gęślą jaźń, potem jeszcze raz wszystko sprawdź",
  "100% of the budget is spent; see the sheet at https://example.com/b?q=1&r=2",
  "mesas e cadeiras para a festa de lançamento",
  "ship it 🚀 and watch the error rate for an hour",
  "gamle dokumenter må ryddes før årsmøtet",
  "the API answers 404 where it should answer 403",
  "数据库迁移完成以后再通知大家",
  "collect what customers said in March and sort it",
  "kopiera inställningarna från den gamla servern",
  "renew the certificate, it ends in eleven days",
  "المراجعة النهائية قبل الإطلاق",
  "move the meeting to Thursday, Ada cannot come",
  "voeg een hoofdstuk toe over de nieuwe prijzen",
  "say thanks to everyone who stayed late",
  "δοκίμασε ξανά την αναζήτηση με τόνους",
  "draw the three screens that nobody has seen yet",
  "naïve caching doubled the latency at the edge",
  "compare both offers and pick the cheaper one"
]');

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, growth WHERE i < 40 * scale)
INSERT INTO users (id, email, username, password_hash, display_name, created_at, updated_at)
SELECT i, 'user' || i || '@example.com', 'user' || i,
       '$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$eZ8SueF3EIJEgtgpg1rLafWpNVv3dMTwc0KCOxG5CSg',
       'User Number ' || i, '2025-12-01T00:00:00.000Z', '2025-12-01T00:00:00.000Z'
FROM n;

INSERT INTO sequences (name, value) SELECT 'users', 40 * scale FROM growth WHERE true
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

WITH RECURSIVE p (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM p, growth WHERE i < 20 * scale - 1)
INSERT INTO projects (id, owner_id, name, description, created_at, updated_at)
SELECT printf('0198c5f2-%04x-7000-8000-%012x', i, (i + 1) * 2654435761 % 281474976710656),
       iif(i < 20, 1, 2 + i % (40 * scale - 1)),
       'Project ' || (i + 1) || ': ' || (SELECT text FROM growth_phrases WHERE i = p.i % 31),
       iif(i % 4 = 0, NULL, (SELECT text FROM growth_phrases WHERE i = (p.i + 7) % 31) || ', then launch'),
       strftime('%FT%H:%M:%fZ', '2025-12-01', i || ' minutes'), strftime('%FT%H:%M:%fZ', '2026-01-01', i || ' minutes')
FROM p, growth;

INSERT INTO team_members (project_id, user_id, role, joined_at)
SELECT id, owner_id, 'owner', created_at FROM projects;

-- Four more on each team, of those who own projects themselves.
INSERT INTO team_members (project_id, user_id, role, joined_at)
SELECT p.id, 2 + (p.rowid * 4 + m.value) % (40 * scale - 1), 'member', p.created_at
FROM projects p, growth, json_each('[0, 1, 2, 3]') m
WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO project_favorites (user_id, project_id, created_at)
SELECT owner_id, id, created_at FROM projects WHERE rowid % 10 = 0;

INSERT INTO project_tags (id, project_id, name, color, created_at)
SELECT printf('0198c5f9-%04x-7000-8000-%012x', p.rowid - 1, t.key), p.id, t.value, NULL, p.created_at
FROM projects p, json_each('["mobile", "spring"]') t;

INSERT INTO team_invites (id, project_id, inviter_id, email, created_at, expires_at)
SELECT printf('0198c5fa-%04x-7000-8000-%012x', p.rowid - 1, n.value), p.id, p.owner_id,
       'guest' || p.rowid || '-' || n.value || '@example.com', p.created_at, '2036-01-01T00:00:00.000Z'
FROM projects p, json_each('[1, 2, 3]') n;

INSERT INTO task_labels (id, project_id, name, color, created_at)
SELECT printf('0198c5f3-%04x-7000-8000-%012x', p.rowid - 1, l.key), p.id, l.value, '#0ea5e9', p.created_at
FROM projects p, json_each('["bug", "design", "später", "法務"]') l;
