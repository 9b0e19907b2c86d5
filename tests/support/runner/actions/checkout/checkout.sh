#!/usr/bin/env bash
set -euo pipefail
: "${HARNESS_ORIGIN:?the harness names the repository that origin points at}"

if [ "$REPOSITORY" != "$GITHUB_REPOSITORY" ]; then
  echo "::error::this stand-in knows $GITHUB_REPOSITORY only, not $REPOSITORY"
  exit 1
fi

mkdir -p "$FOLDER"
cd "$FOLDER"
git init --quiet .
git config remote.origin.url "$HARNESS_ORIGIN"
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'

auth=()
case "$HARNESS_ORIGIN" in
  http://* | https://*)
    if [ -n "$TOKEN" ]; then
      secret=$(printf 'x-access-token:%s' "$TOKEN" | base64 | tr -d '\n')
      header="AUTHORIZATION: basic $secret"
      auth=(-c "http.extraheader=$header")
      if [ "$PERSIST" = true ]; then git config http.extraheader "$header"; fi
    fi ;;
esac

fetch() { git ${auth[@]+"${auth[@]}"} fetch --quiet --no-tags "$@"; }

name=${REF#refs/heads/}
tag=${REF#refs/tags/}
if [ "$DEPTH" = 0 ]; then
  limit=()
  fetch origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
else
  limit=(--depth "$DEPTH")
  if [ "$TAGS" = true ]; then fetch --depth "$DEPTH" origin '+refs/tags/*:refs/tags/*'; fi
fi

# A branch or tag may have moved since the event, so the event's commit wins over its name.
branch=
if [ -n "$COMMIT" ]; then
  fetch ${limit[@]+"${limit[@]}"} origin "$COMMIT"
  case "$REF" in refs/heads/*) branch=$name ;; esac
elif fetch ${limit[@]+"${limit[@]}"} origin "refs/heads/$name" 2>/dev/null; then
  branch=$name
elif fetch ${limit[@]+"${limit[@]}"} origin "+refs/tags/$tag:refs/tags/$tag" 2>/dev/null; then
  :
else
  fetch ${limit[@]+"${limit[@]}"} origin "$REF"
fi

if [ -n "$branch" ]; then
  git update-ref "refs/remotes/origin/$branch" FETCH_HEAD
  git checkout --quiet --force -B "$branch" "refs/remotes/origin/$branch"
else
  git checkout --quiet --force --detach FETCH_HEAD
fi
git clean --quiet -ffdx

commit=$(git rev-parse HEAD)
echo "checked out $commit ($REF)"
printf 'ref=%s\ncommit=%s\n' "$REF" "$commit" >> "$GITHUB_OUTPUT"
