#!/bin/sh
# Install Debian/Ubuntu packages as root or through sudo; where that is not possible, say what to install and stop.
# Never removes or upgrades anything that was not asked for.
#
#   scripts/apt-install.sh REASON PACKAGE...
set -eu

reason=$1
shift

stop() {
    printf '%s\n' "rtlscribe set-up: $*" >&2
    exit 3
}

command -v apt-get >/dev/null 2>&1 ||
    stop "missing: $reason. This system has no apt; install by your own package manager what Debian calls: $*"

# RTLSCRIBE_NO_APT=1: this machine's packages are someone else's business.
[ -z "${RTLSCRIBE_NO_APT:-}" ] || stop "missing: $reason. RTLSCRIBE_NO_APT is set; install it yourself: apt-get install $*"

if [ "$(id -u)" -eq 0 ]; then
    as_root="env"
elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root="sudo env" # may ask for the password, but only where someone is there to type it
else
    stop "missing: $reason. Not root and no usable sudo; ask an administrator for: apt-get install $*"
fi

printf '%s\n' "rtlscribe set-up: installing by apt: $*" >&2
install() {
    $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
# The package lists of a fresh machine are empty or old, so a failure is worth one refresh and a second try.
install "$@" 2>/dev/null || {
    $as_root apt-get update -qq >&2 || true
    install "$@" || stop "apt could not install: $* (its message is above)"
}
