# shellcheck shell=bash
# Read by scripts that need an OpenID Provider for tests.
#
#   find_oidc   brings the provider of tests/oidc/package.json into target/tools/oidc by npm, once, and sets `oidc`, its folder; where it
#               cannot, this says so in one sentence and fails

find_oidc() {
  local said
  oidc=$PWD/target/tools/oidc
  if [[ -d $oidc/node_modules/oidc-provider ]] && cmp -s tests/oidc/package.json "$oidc/package.json"; then
    return
  fi
  if said=$(
    {
      rm -rf "$oidc" && mkdir -p "$oidc.new" && cp tests/oidc/package.json "$oidc.new" &&
        (cd "$oidc.new" && npm install --no-audit --no-fund --no-package-lock --loglevel=error) && mv "$oidc.new" "$oidc"
    } 2>&1
  ); then
    return
  fi
  rm -rf "$oidc.new"
  echo "$0: the tests of identity providers need Node with npm, by which oidc-provider could not be brought: ${said##*$'\n'}" >&2
  return 1
}
