#!/bin/sh
# Build Icarus Verilog 12 into a private folder, without root and beside whatever the system has. About 4 minutes, 6 MB.
# Its simulator is the published one, made faster: see icarus12/.
# It goes to ${XDG_DATA_HOME:-~/.local/share}/rtlscribe/icarus12, where rtlscribe looks before PATH.
# Does not touch the system's iverilog or apt's settings.
#
#   scripts/icarus12.sh
#   ICARUS12_TARBALL=FILE  a source archive you already have, instead of asking apt for it
#   ICARUS12_SHA256=HEX    its checksum, where it is another archive than Debian's iverilog_12.0.orig.tar.gz
#   ICARUS12_JOBS=N        parallel compiler runs (default: one a core)
#   ICARUS12_FORCE=1       build even where the system's own is version 12 or newer
#
# Run it again after an interruption: the download and what was compiled are kept.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
say() { printf '%s\n' "icarus12: $*" >&2; }
stop() {
    say "$@"
    exit 3
}

[ -n "${HOME:-}" ] || [ -n "${XDG_DATA_HOME:-}" ] || stop "neither HOME nor XDG_DATA_HOME is set"
prefix=${XDG_DATA_HOME:-${HOME:-}/.local/share}/rtlscribe/icarus12
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
work=$prefix.build # beside the result, so that the last step is a rename
tarball_name=iverilog_12.0.orig.tar.gz
sha256=${ICARUS12_SHA256:-a68cb1ef7c017ef090ebedb2bc3e39ef90ecc70a3400afb4aa94303bc3beaa7d}

# Is the Icarus in folder $1 version 12 or newer, and does it compile and run a design?
works() {
    case $("$1/iverilog" -V 2>/dev/null | sed -n 1p) in
    *"Icarus Verilog version "1[2-9].* | *"Icarus Verilog version "[2-9][0-9].*) ;;
    *) return 1 ;;
    esac
    case $("$1/vvp" -V 2>&1 | sed -n 1p) in # on stderr
    *"Icarus Verilog runtime version "1[2-9].* | *"Icarus Verilog runtime version "[2-9][0-9].*) ;;
    *) return 1 ;;
    esac
    trial=$(mktemp -d)
    # shellcheck disable=SC2016  # $display is Verilog
    echo 'module t; logic [3:0] a = 4'"'"'d7; initial $display("hello %0d", byte'"'"'(a) + 5); endmodule' >"$trial/t.sv"
    answer=$("$1/iverilog" -g2012 -o "$trial/t" "$trial/t.sv" 2>&1 && "$1/vvp" -n "$trial/t" 2>&1) || answer="failed: $answer"
    rm -rf "$trial"
    [ "$answer" = "hello 12" ] || {
        say "$1/iverilog does not work: $answer"
        return 1
    }
}

if works "$prefix/bin"; then
    rm -rf "$work"
    say "already there: $prefix/bin"
    exit 0
fi
if [ -z "${ICARUS12_FORCE:-}" ]; then
    system=$(command -v iverilog 2>/dev/null) || system=
    if [ -n "$system" ] && works "$(dirname "$system")"; then
        say "the system's own is new enough: $("$system" -V 2>/dev/null | sed -n 1p)"
        exit 0
    fi
fi

mkdir -p "$work" 2>/dev/null || stop "cannot write to $(dirname "$prefix"); set XDG_DATA_HOME to a folder of yours"
if command -v flock >/dev/null 2>&1; then
    exec 9>"$work/lock"
    flock -n 9 || stop "another build is at work in $work; wait for it, then run this again"
fi

# --- what a build needs ---------------------------------------------------------------------------------------------
missing=
for tool in g++ make patch autoconf gperf bison flex; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
if command -v g++ >/dev/null 2>&1; then # waveform dumps want zlib; readline and bzip2 are used where present
    echo '#include <zlib.h>' | g++ -E -x c++ - >/dev/null 2>&1 || missing="$missing zlib1g-dev"
else
    missing="$missing zlib1g-dev"
fi
# shellcheck disable=SC2086  # a list of packages
[ -z "$missing" ] || sh "$here/apt-install.sh" "tools that build Icarus Verilog:$missing" $missing || exit $?

# --- the source -----------------------------------------------------------------------------------------------------
if command -v sha256sum >/dev/null 2>&1; then sum=sha256sum; else sum="shasum -a 256"; fi
genuine() { [ -f "$1" ] && [ "$($sum <"$1" | cut -d ' ' -f 1)" = "$sha256" ]; }

where_to_get_it="Take $tarball_name from the Debian source package iverilog 12.0-2 and run: ICARUS12_TARBALL=/path/to/it scripts/icarus12.sh"

# The first mirror in the system's own apt settings that carries its main archive.
mirror() {
    # shellcheck disable=SC2016  # the dollars are apt's
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="$VERSION_CODENAME" '$2 == release && $3 == "main" {print $1; found = 1; exit} END {exit !found}' && return
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        awk '$1 == "URIs:" && $2 !~ /security/ {print $2; found = 1; exit} END {exit !found}' && return
    awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^(https?|mirror|file):/) {print $i; exit}}' /etc/apt/sources.list 2>/dev/null
}

# Ask apt for the source archive of a newer release, through lists of our own: the system's stay as they are.
# Only the archive is asked for; the packaging files of an older version may be gone from a mirror.
download() {
    command -v apt-get >/dev/null 2>&1 || stop "no apt here. $where_to_get_it"
    ID='' VERSION_CODENAME=''
    # shellcheck source=/dev/null
    . /etc/os-release
    case $ID in
    debian) suite=trixie component=main keys=/usr/share/keyrings/debian-archive-keyring.gpg ;;
    ubuntu) suite=noble component=universe keys=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
    *) stop "neither Debian nor Ubuntu. $where_to_get_it" ;;
    esac
    uri=$(mirror) || uri=
    [ -n "$uri" ] || stop "found no mirror in apt's settings. $where_to_get_it"
    lists=$work/apt
    rm -rf "$lists"
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' "$uri" "$suite" "$component" "$keys" >"$lists/list.sources"
    private() {
        apt-get -qq -o Dir::Etc::sourcelist="$lists/list.sources" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::State::lists="$lists/lists" -o Dir::Cache="$lists/cache" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
            -o APT::Sandbox::User="$(id -un)" -o APT::Update::Error-Mode=any "$@"
    }
    say "asking apt for the source archive ($suite, $uri)"
    private update >&2 || stop "apt could not read the source list of $suite from $uri. $where_to_get_it"
    (cd "$lists" && private source --download-only --tar-only --only-source iverilog) >&2 ||
        stop "apt could not download the source of iverilog. $where_to_get_it"
    genuine "$lists/$tarball_name" || stop "apt delivered another archive than $tarball_name (sha256 $sha256). $where_to_get_it"
    mv "$lists/$tarball_name" "$work/$tarball_name"
    rm -rf "$lists"
}

if [ -n "${ICARUS12_TARBALL:-}" ]; then
    [ -f "$ICARUS12_TARBALL" ] || stop "ICARUS12_TARBALL=$ICARUS12_TARBALL is no file"
    genuine "$ICARUS12_TARBALL" ||
        stop "$ICARUS12_TARBALL has not the sha256 $sha256; if it is another archive of version 12 that you trust, give its own as ICARUS12_SHA256"
    cp "$ICARUS12_TARBALL" "$work/$tarball_name"
elif ! genuine "$work/$tarball_name"; then
    download
fi

# --- the build ------------------------------------------------------------------------------------------------------
parts="ivlpp vpi tgt-null tgt-stub tgt-vvp driver" # what simulation needs beside vvp; no synthesis targets, no VHDL
jobs=${ICARUS12_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
log=$work/log.txt

# Run one step quietly, its output in the log; on failure show the log's end.
step() {
    "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        stop "this step failed: $* (whole log: $log)"
    }
}

: >"$log"
if [ ! -f "$work/source/.configured" ]; then
    say "configuring"
    rm -rf "$work/source"
    mkdir "$work/source"
    step tar xzf "$work/$tarball_name" -C "$work/source" --strip-components=1
    cd "$work/source"
    step patch -p1 -i "$here/icarus12/words.patch"
    step sh autoconf.sh
    # Half of a check is the start of these programs: without readline, and with the C++ library in them, it is shorter.
    step env ac_cv_lib_readline_readline=no ac_cv_header_readline_readline_h=no ac_cv_header_readline_history_h=no \
        ./configure --prefix="$prefix" CFLAGS=-O2 CXXFLAGS=-O2 LDFLAGS="-static-libstdc++ -static-libgcc"
    touch .configured
fi
cd "$work/source"
say "compiling with $jobs jobs (minutes; log: $log)"
common="-rdynamic -static-libstdc++ -static-libgcc -Wl,--wrap=__dynamic_cast $work/cast.o"
simulator() { step nice -n 10 make -C vvp -j"$jobs" CFLAGS="-O2 $1" CXXFLAGS="-O2 $1" LDFLAGS="-O2 $1 $common"; }
step g++ -O2 -c "$here/icarus12/cast.cc" -o "$work/cast.o"
if [ ! -f .trained ]; then
    step nice -n 10 make -j"$jobs" SUBDIRS="$parts"
    # The simulator twice: once to see where its time goes, once with what was seen.
    simulator -fprofile-generate
    step make install SUBDIRS="$parts vvp" DESTDIR="$work/stage"
    tools=$work/stage$prefix
    step "$tools/bin/iverilog" -B "$tools/lib/ivl" -g2012 -s bench -o "$work/train" "$here/icarus12/train.sv"
    step "$tools/bin/vvp" -M "$tools/lib/ivl" -n "$work/train"
    rm -f vvp/*.o vvp/vvp
    touch .trained
fi
simulator "-fprofile-use -fprofile-partial-training -Wno-missing-profile -flto=$jobs"
say "installing into $prefix"
rm -rf "$work/stage"
step make install SUBDIRS="$parts vvp" DESTDIR="$work/stage"
rm -rf "$prefix"
mv "$work/stage$prefix" "$prefix"
works "$prefix/bin" || stop "built, but it does not work; the build is kept in $work"
cd /
rm -rf "$work"
say "ready: $("$prefix/bin/iverilog" -V 2>/dev/null | sed -n 1p), in $prefix/bin"
