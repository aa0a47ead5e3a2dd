#!/bin/sh
# Starts PostgreSQL as its usual image does: a new cluster has the user, the password and the database that the
# environment names.
set -eu
[ "${1:-postgres}" = postgres ] || exec "$@"
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password=${POSTGRES_PASSWORD:-}
    # A Secret ends without a new line, which `read` takes for a failure.
    [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || read -r password < "$POSTGRES_PASSWORD_FILE" || true
    [ -n "$password" ] || { echo "POSTGRES_PASSWORD is not set" >&2; exit 1; }
    printf '%s\n' "$password" | initdb --username="$user" --pwfile=/dev/stdin --auth-local=trust \
        --auth-host=scram-sha-256 --encoding=UTF8 --locale=C
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    [ "$database" = postgres ] ||
        printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -D "$PGDATA" postgres
fi
shift || true
exec postgres "$@"
