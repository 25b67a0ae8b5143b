ALTER TABLE pg_temp.{alias} ADD CONSTRAINT {name} CHECK ({expression})
