# scripts/common.sh: what demo and test share. Sourced with the working directory at the top of the source tree.

say() { printf '\n== %s\n' "$*"; }

# missing_packages GROUP...: the packages of scripts/packages.txt in these groups that are not installed.
missing_packages() {
    local name group
    while read -r name group _; do
        [[ $name == '#'* || -z $name || " $* " != *" $group "* ]] && continue
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
    done <scripts/packages.txt
}

# need_packages GROUP...: installs what is missing on Debian 12; elsewhere names it and ends with code 2.
need_packages() {
    local missing as_root=
    if ! command -v dpkg-query >/dev/null || ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
        echo "$0: this is not Debian 12, so nothing is installed. These packages of Debian 12, or their like, are needed:" >&2
        awk -v groups=" $* " '!/^#/ && NF && index(groups, " " $2 " ") { print "  " $1 }' scripts/packages.txt >&2
        echo "$0: with them in place, build by hand as README.md says." >&2
        exit 2
    fi
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [[ -z $missing ]] && return
    say "Installing $missing"
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || { echo "$0: not root, and no sudo: as root, apt-get install $missing" >&2; exit 2; }
        as_root=sudo
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # both are lists of words
    install() { $as_root apt-get install -qy --no-install-recommends $missing </dev/null; }
    install || { $as_root apt-get update -q </dev/null && install; } ||
        { echo "$0: could not install: $missing" >&2; exit 2; }
}

# configure PRESET [CMAKE ARGUMENT...]
configure() {
    local preset=$1
    shift
    if command -v ccache >/dev/null; then
        set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
    fi
    cmake --preset "$preset" --log-level=WARNING -Wno-dev "$@" >/dev/null
}
