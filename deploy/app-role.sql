-- A database user for web, workers and beat that can add to the log and never change or empty it. Run it as the owner
-- of the database, after each `manage.py migrate` (which goes on as the owner):
--
--     psql "$OWNER_DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/app-role.sql
--     psql "$OWNER_DATABASE_URL" -c '\password candor_app'     (the first time)
--
-- Triggers refuse the same to everybody. A user that owns tables could switch those off; this one owns nothing.

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'candor_app') THEN
    CREATE ROLE candor_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO candor_app', current_database());
  IF current_setting('server_version_num')::int >= 170000 THEN
    GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO candor_app;  -- statistics after a large mailing was prepared
  END IF;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO candor_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO candor_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO candor_app;

-- Whatever a trigger keeps from every change is taken away here, too. TRUNCATE was given for no table at all.
DO $$ DECLARE kept regclass; BEGIN
  FOR kept IN
    SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'candor_refuse' AND t.tgtype & 8 <> 0  -- on DELETE
  LOOP
    EXECUTE format('REVOKE DELETE, TRUNCATE ON %s FROM candor_app', kept);
  END LOOP;
  FOR kept IN
    SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'candor_refuse' AND t.tgtype & 16 <> 0  -- on UPDATE
  LOOP
    EXECUTE format('REVOKE UPDATE ON %s FROM candor_app', kept);
  END LOOP;
END $$;
