-- what may share a message: rows of one group to one receiver
ALTER TABLE notification ADD COLUMN bundle TEXT NOT NULL DEFAULT '';
