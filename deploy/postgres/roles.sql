-- The three roles of Valor IVX, as an administrator, in the database that is to be its own:
--
--   VALOR_OWNER_PASSWORD=… VALOR_APP_PASSWORD=… VALOR_BACKUP_PASSWORD=… \
--     psql -d valor -f deploy/postgres/roles.sql
--
-- valor_owner owns the tables and migrates. valor_app serves: it owns nothing and cannot step past
-- row-level security, so that no query of the server reaches another tenant's rows. Its rights on
-- each table are granted by the migration that makes the table. valor_backup copies the whole server
-- and counts what is in it, and changes nothing; a copy holds everything, so its password is worth as
-- much as the administrator's. Run again, this sets new passwords.

\set ON_ERROR_STOP on
\getenv owner_password VALOR_OWNER_PASSWORD
\getenv app_password VALOR_APP_PASSWORD
\getenv backup_password VALOR_BACKUP_PASSWORD
SELECT current_database() AS database \gset

BEGIN;

SELECT format('CREATE ROLE %I', wanted)
FROM unnest(ARRAY['valor_owner', 'valor_app', 'valor_backup']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) \gexec

ALTER ROLE valor_owner LOGIN PASSWORD :'owner_password'
    NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION;
ALTER ROLE valor_app LOGIN PASSWORD :'app_password'
    NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION;
ALTER ROLE valor_backup LOGIN PASSWORD :'backup_password'
    NOSUPERUSER BYPASSRLS NOCREATEROLE NOCREATEDB REPLICATION;
GRANT pg_read_all_data TO valor_backup;
ALTER ROLE valor_backup SET default_transaction_read_only = on;

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO valor_owner, valor_app, valor_backup;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO valor_owner;
GRANT USAGE ON SCHEMA public TO valor_app;

COMMIT;
