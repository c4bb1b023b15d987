# shellcheck shell=bash
# Read by scripts that look at the pages in a real browser.
#
#   find_browser   sets `browser`, the program of Chromium, and `modules`, the folder with axe-core and puppeteer-core; fails, and says in
#                  one sentence what is missing, where one of them is not here and cannot be had

readonly AXE=4.14.1 PUPPETEER=24.43.1
browser= modules=

find_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    browser=$(command -v "$name") && break
  done
  if [[ -z $browser && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    printf '\n== no Chromium here: installing it with apt-get\n'
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium </dev/null >/dev/null || true
    browser=$(command -v chromium || true)
  fi
  if [[ -z $browser ]]; then
    echo "the pages were not looked at: there is no Chromium here, and it could not be installed"
    return 1
  fi
  if ! command -v npm >/dev/null; then
    echo "the pages were not looked at: there is no npm here, which fetches axe-core"
    return 1
  fi
  modules=$PWD/target/tools/browser-$AXE-$PUPPETEER/node_modules
  if [[ ! -d $modules/axe-core || ! -d $modules/puppeteer-core ]]; then
    mkdir -p "${modules%/node_modules}"
    if ! npm install --prefix "${modules%/node_modules}" --no-audit --no-fund --ignore-scripts --silent \
      "axe-core@$AXE" "puppeteer-core@$PUPPETEER" </dev/null; then
      echo "the pages were not looked at: axe-core and puppeteer-core could not be fetched with npm"
      return 1
    fi
  fi
}
