# shellcheck shell=bash
# Read by scripts that need a PostgreSQL of their own. It listens on a free port of this machine only.
#
#   need_postgres              sets `postgres`, the folder of its programs; ends the script where there are none and none can be had
#   start_postgres [SETTING..] starts a new cluster with these settings (`fsync=off`) and sets `url`
#   stop_postgres              ends it and removes it; does nothing where none was started

cluster=

# The folder of initdb, the newest version first.
find_postgres() {
  local found
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  if [[ -x $found ]]; then
    dirname "$found"
  elif found=$(command -v initdb); then
    dirname "$(readlink -f "$found")"
  fi
}

need_postgres() {
  postgres=$(find_postgres)
  if [[ -z $postgres && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    printf '\n== no PostgreSQL here: installing it with apt-get\n'
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql </dev/null || true
    postgres=$(find_postgres)
  fi
  if [[ -z $postgres ]]; then
    echo "$0: there is no PostgreSQL here (initdb), neither in /usr/lib/postgresql/*/bin nor on the PATH, and it could not be installed. Install the server of PostgreSQL 14 or newer and run this again." >&2
    exit 1
  fi
}

# PostgreSQL refuses to run as root: then it runs as `postgres`, or as nobody.
as_owner() {
  if [[ $(id -u) != 0 ]]; then
    (cd / && "$@")
  elif command -v runuser >/dev/null; then
    (cd / && runuser -u "$owner" -- "$@")
  elif command -v setpriv >/dev/null; then
    (cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@")
  else
    # shellcheck disable=SC2016 # the shell of su expands it
    (cd / && su -s /bin/sh "$owner" -c 'exec "$0" "$@"' -- "$@")
  fi
}

start_postgres() {
  local setting settings=
  for setting in "$@"; do
    settings+=" -c $setting"
  done
  owner=postgres
  id -u "$owner" >/dev/null 2>&1 || owner=nobody
  # not under TMPDIR, which may be closed to that user
  cluster=$(mktemp -d /tmp/koine-postgres.XXXXXX)
  if [[ $(id -u) == 0 ]]; then
    chown "$owner" "$cluster"
  fi
  as_owner "$postgres/initdb" -D "$cluster/data" -U koine --auth=trust --encoding=UTF8 --no-locale --no-sync >"$cluster/initdb.log" 2>&1 || {
    cat "$cluster/initdb.log" >&2
    exit 1
  }
  # roles that the system makes sign in with their passwords, as they would elsewhere
  printf 'host all koine 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 password\n' >"$cluster/data/pg_hba.conf"
  local attempt port
  for attempt in {1..20}; do
    port=$((20000 + RANDOM % 20000))
    if as_owner "$postgres/pg_ctl" start -w -D "$cluster/data" -l "$cluster/data/log" \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=''$settings" >/dev/null 2>&1; then
      # shellcheck disable=SC2034 # for whoever reads this file
      url="postgres://koine@127.0.0.1:$port/postgres"
      return
    fi
  done
  echo "$0: PostgreSQL did not start, in $attempt attempts; its log ends like this:" >&2
  tail -n 20 "$cluster/data/log" >&2
  exit 1
}

stop_postgres() {
  if [[ -n $cluster ]]; then
    as_owner "$postgres/pg_ctl" stop -m immediate -D "$cluster/data" >/dev/null 2>&1 || true
    rm -rf "$cluster"
  fi
}
