-- Operators list what was passed on to them, the latest first.
CREATE INDEX support_questions_by_status ON support_questions (status, id);
