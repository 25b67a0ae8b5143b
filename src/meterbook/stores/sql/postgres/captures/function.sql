CREATE FUNCTION {schema}.{function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
{settings}
AS {tag}{body}{tag}
