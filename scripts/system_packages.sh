#!/bin/sh
# Debian's packages of programs that some tests use. Without them those tests are skipped, and say so.
set -u
missing=""
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
command -v promtool >/dev/null || missing="$missing prometheus"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "some tests will be skipped; they need:$missing (names of Debian's packages)"
    exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "some tests will be skipped; for all of them: sudo apt-get install$missing"
        exit 0
    fi
    as_root="sudo -n"
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq $missing; } >/dev/null 2>&1 ||
    echo "some tests will be skipped; apt-get could not install$missing"
