#!/bin/sh
# Installs what the project needs and nothing that is there already.
#
#   setup.sh base      compilers, .venv with the build and test tools; fails with what to do
#   setup.sh interop   Chromium, .venv-interop and the npm package in it; never fails, tests skip
#                      what is missing
#
# System packages come from apt, as root or through passwordless sudo; PARHELION_APT=no forbids it.
set -eu
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
RUST_NEEDED=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
DECART='decart[realtime]==0.0.40'
DECART_AVATAR='decart==0.0.26'
DECART_JS='@decartai/sdk@0.0.46'
apt_updated=no

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    printf '\nsetup: %s\n\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Whether apt can be used without asking anyone.
apt_usable() {
    [ "${PARHELION_APT:-yes}" != no ] && have apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# Installs Debian packages; false when that cannot be done here.
apt_install() {
    apt_usable || return 1
    say "installing $* (apt)"
    if [ $apt_updated = no ]; then
        as_root apt-get update -qq >&2 || return 1
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

python_at_least() {
    "$1" -c "import sys; sys.exit(sys.version_info < ($2))" 2>/dev/null
}

check_python() {
    have "$PYTHON" || fail "no $PYTHON: install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3"
    python_at_least "$PYTHON" '3, 10' ||
        fail "$("$PYTHON" --version 2>&1) is too old: 3.10 or newer is needed; name one: make PYTHON=/path/to/python3"
}

check_rust() {
    have cargo || fail "no cargo: install Rust $RUST_NEEDED or newer (https://rustup.rs)"
    version=$(cargo --version | awk '{ print $2 }')
    oldest=$(printf '%s\n%s\n' "$RUST_NEEDED" "${version%%-*}" | sort -t. -k1,1n -k2,2n | head -n 1)
    [ "$oldest" = "$RUST_NEEDED" ] ||
        fail "Rust $version is too old: $RUST_NEEDED or newer is needed (rustup update)"
    for part in rustfmt clippy; do
        cargo "${part#rust}" --version >/dev/null 2>&1 || rustup component add $part ||
            say "no $part: 'make lint' will fail (rustup component add rustfmt clippy)"
    done
}

check_compilers() {
    if ! have cc || ! have c++; then
        apt_install gcc g++ libc6-dev ||
            fail "no C and C++ compiler: install them (Debian: apt-get install g++)"
    fi
    have cmake || apt_install cmake ||
        fail "no cmake, which builds the audio codec: install it (Debian: apt-get install cmake)"
    case $(uname -m) in
        x86_64 | amd64 | i?86) ;;
        *) return 0 ;; # elsewhere the C compiler assembles what the codec needs
    esac
    have nasm || apt_install nasm || {
        say "*****************************************************************************"
        say "* NO NASM: the H.264 codec is built without its assembly and will be about   *"
        say "* three times slower. Install nasm (Debian: apt-get install nasm), then:     *"
        say "* make clean                                                                 *"
        say "*****************************************************************************"
    }
}

# Makes a virtual environment at $1 unless a working one is there.
make_venv() {
    if "$1/bin/python" -m pip --version >/dev/null 2>&1 && python_at_least "$1/bin/python" '3, 10'; then
        return 0
    fi
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
        fail "$PYTHON cannot make virtual environments: install its venv module (Debian: apt-get install python3-venv)"
    say "creating $1"
    rm -rf "$1"
    "$PYTHON" -m venv "$1"
}

base() {
    check_python
    check_rust
    check_compilers
    make_venv .venv
    .venv/bin/python tools/requirements.py build demo test bench >.venv/requirements.txt
    say "installing the Python tools into .venv"
    .venv/bin/python -m pip install --quiet --requirement .venv/requirements.txt
}

interop() {
    if ! have chromium && ! have chromium-browser && ! have google-chrome; then
        apt_install chromium || say "no Chromium: tests with a browser will be skipped (apt-get install chromium)"
    fi
    # In an environment of its own: it pins versions that ours need not follow.
    if [ "$(cat .venv-interop/.ready 2>/dev/null)" = "$DECART" ]; then
        :
    elif (make_venv .venv-interop) && .venv-interop/bin/python -m pip install --quiet "$DECART"; then
        echo "$DECART" >.venv-interop/.ready
    else
        say "$DECART could not be installed: tests with it will be skipped"
        return 0
    fi
    # An older one beside it, which has a model driven by sound; all that it needs is there.
    avatar=.venv-interop/avatar-sdk
    if [ "$(cat $avatar/.ready 2>/dev/null)" = "$DECART_AVATAR" ]; then
        :
    elif rm -rf $avatar && .venv-interop/bin/python -m pip install --quiet --no-deps --target $avatar "$DECART_AVATAR"; then
        echo "$DECART_AVATAR" >$avatar/.ready
    else
        say "$DECART_AVATAR could not be installed: tests with it will be skipped"
    fi
    interop_js
}

interop_js() {
    modules=.venv-interop/npm
    [ "$(cat $modules/.ready 2>/dev/null)" = "$DECART_JS" ] && return 0
    # Not from apt: npm brings some hundred packages along there.
    if ! have npm; then
        say "no npm: tests with $DECART_JS will be skipped"
    elif mkdir -p $modules && npm install --prefix $modules --ignore-scripts --no-audit --no-fund \
        --no-save --silent "$DECART_JS" >&2; then
        echo "$DECART_JS" >$modules/.ready
    else
        say "$DECART_JS could not be installed: tests with it will be skipped"
    fi
}

case ${1:-} in
    base | interop) "$1" ;;
    *) fail "usage: tools/setup.sh base|interop" ;;
esac
