#!/bin/sh
# See that some Icarus Verilog is there; install the system's by apt if none is. Version 11 is enough to work with.
# Version 12 judges two more VerilogEval problems: scripts/icarus12.sh.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
private=${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/rtlscribe/icarus12/bin

# The same order in which the package looks.
for folder in "${RTLSCRIBE_ICARUS:-}" "$private"; do
    if [ -n "$folder" ] && [ -x "$folder/iverilog" ] && [ -x "$folder/vvp" ]; then exit 0; fi
done
if command -v iverilog >/dev/null 2>&1 && command -v vvp >/dev/null 2>&1; then exit 0; fi
exec sh "$here/apt-install.sh" "Icarus Verilog (iverilog and vvp)" iverilog
