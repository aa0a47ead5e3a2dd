#!/usr/bin/env bash
# Starts Cassandra so that it acknowledges what is on its disk. As it is shipped it does so up to ten seconds before
# (docs/storage.md).
set -euo pipefail
settings=${CASSANDRA_CONF:-/etc/cassandra}/cassandra.yaml
sed -i -e 's/^commitlog_sync: .*/commitlog_sync: batch/' -e '/^commitlog_sync_period/d' "$settings"
grep -q '^commitlog_sync: batch$' "$settings"
exec docker-entrypoint.sh cassandra -f
