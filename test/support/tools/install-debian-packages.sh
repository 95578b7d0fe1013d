#!/bin/sh
# install-debian-packages.sh POLICY PACKAGE...
#
# Installs packages and keeps the services among them from starting: the suites start their own.
# POLICY is the file that Debian asks whether a service may start, /usr/sbin/policy-rc.d. A shell
# script does this so that the file is put back even when the process that asked was killed.
set -u
policy=$1
shift
saved=$policy.before-berth
export DEBIAN_FRONTEND=noninteractive

# Descriptor 3 is the lock of the process that asked: nothing that apt-get leaves may keep it.
try() {
  "$@" 3>&- || "$@" 3>&- || "$@" 3>&-
}

restore() {
  rm -f "$policy"
  if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
}

# A run that was killed with SIGKILL left our file and its copy of the machine's own file.
if [ -e "$policy" ] && ! grep -q 'written by Berth' "$policy"; then mv "$policy" "$saved"; fi
trap restore EXIT
trap 'exit 130' INT TERM HUP
printf '#!/bin/sh\n# written by Berth for the length of an installation\nexit 101\n' >"$policy"
chmod 755 "$policy"

try apt-get -q update &&
  try apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"
