ALTER TABLE user ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX user_subject ON user (subject) WHERE subject <> '';
