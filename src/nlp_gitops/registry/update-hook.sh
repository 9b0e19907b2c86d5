#!/bin/sh
# nlp-gitops registry: update hook. Written by `python tools/registry.py init-remote`.
#
# Refuses what would falsify the model registry: a rewritten or deleted ledger (branch registry),
# and registry tags (NAME@vX.Y.Z, NAME#stage#N) that are moved, deleted or lightweight. A tag that
# the ledger does not know, torn from its push, may be deleted. Every other ref is left alone.
ref=$1
old=$2
new=$3

# A hook that was here before goes on working.
before="$(dirname "$0")/update.before-registry"
if [ -x "$before" ]; then
    "$before" "$@" || exit 1
fi

refuse() {
    echo "registry: $1" >&2
    exit 1
}

is_zero() {
    case $1 in
        *[!0]*) return 1 ;;
    esac
}

if [ "$ref" = refs/heads/registry ]; then
    if is_zero "$new"; then
        refuse "the ledger (branch registry) is never deleted"
    fi
    if ! is_zero "$old" && ! git merge-base --is-ancestor "$old" "$new"; then
        refuse "the ledger (branch registry) is never rewritten; fetch it and push on top"
    fi
    exit 0
fi

tag=${ref#refs/tags/}
name='[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
number='(0|[1-9][0-9]{0,8})'
stages='staging|shadow|production|archived'
if [ "$tag" = "$ref" ] || ! printf '%s\n' "$tag" | grep -Eq \
    "^$name(@v$number\\.$number\\.$number|#($stages)#[1-9][0-9]{0,8})\$"; then
    exit 0
fi

# Says whether an event of the ledger made this tag.
is_known() {
    case $tag in
        *@*)
            git cat-file -e "refs/heads/registry:models/${tag%%@*}/${tag#*@}/manifest.json"
            ;;
        *)
            seq=${tag##*#}
            stage=${tag#*#}
            stage=${stage%#*}
            path=$(printf 'models/%s/events/%03d/%s.json' "${tag%%#*}" $((seq / 100)) "$seq")
            git cat-file blob "refs/heads/registry:$path" |
                grep -q "\"stage\":\"$stage\""
            ;;
    esac 2>/dev/null
}

if is_zero "$new"; then
    if is_known; then
        refuse "tag $tag belongs to the ledger and is never deleted"
    fi
elif ! is_zero "$old"; then
    refuse "tag $tag is there already and is never moved"
elif [ "$(git cat-file -t "$new")" != tag ]; then
    refuse "tag $tag must be annotated; registry tags are made by promote.py"
fi
