DROP FUNCTION IF EXISTS {schema}.{function}() CASCADE
