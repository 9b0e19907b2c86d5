"""Releases and their assets, as GitHub treats them. Uploads and downloads are in `streams`."""

from typing import Any
from urllib.parse import quote

from .answers import Answer, Refused, Request, missing, page, user
from .world import Asset, Release, Repository, now


def create(request: Request) -> Answer:
    """Make a release; a draft needs no tag, and several drafts may name the same one."""
    body, repository = request.body, request.repository
    draft = body.get("draft", False)
    release = Release(
        repository.next_id(), body["tag_name"], body.get("name") or "", body.get("body") or "",
        draft, body.get("prerelease", False), body.get("target_commitish", "main"), now(), now())
    if not draft:
        _publish(repository, release)
    _set_latest(repository, release, body.get("make_latest"))
    repository.releases[release.id] = release
    return Answer(201, shape(request, release))


def change(request: Request) -> Answer:
    """Change a release; the one that leaves the draft state is published."""
    body, repository = request.body, request.repository
    release = find(request)
    old_tag, was_draft = release.tag_name, release.draft
    if release.immutable and body.get("tag_name", old_tag) != old_tag:
        raise Refused(422, "Cannot change the tag of an immutable release")
    release.tag_name = body.get("tag_name", old_tag)
    for name in ("name", "body", "draft", "prerelease"):
        if body.get(name) is not None:
            setattr(release, name, body[name])
    try:
        if not release.draft:
            _publish(repository, release)
        _set_latest(repository, release, body.get("make_latest"))
    except Refused:
        release.tag_name, release.draft = old_tag, was_draft
        raise
    release.changed = now()
    return Answer(200, shape(request, release))


def _publish(repository: Repository, release: Release) -> None:
    for other in repository.releases.values():
        if not other.draft and other.id != release.id and other.tag_name == release.tag_name:
            raise Refused(422, "Validation Failed", "already_exists")
    if repository.tag(release.tag_name) is None:
        # What GitHub does without asking: a lightweight tag on the default branch.
        repository.tags[release.tag_name] = "lightweight"
    release.published = release.published or now()
    release.immutable = release.immutable or repository.immutable


def _set_latest(repository: Repository, release: Release, wish: str | None) -> None:
    if wish == "true" and (release.draft or release.prerelease):
        raise Refused(422, "Validation Failed", "invalid", where="make_latest")
    if wish == "true" or wish is None and not (release.draft or release.prerelease):
        repository.latest = release.id
    elif wish == "false" and repository.latest == release.id:
        repository.latest = None


def listing(request: Request) -> Answer:
    """List releases, newest first; drafts only for those who may write."""
    found = sorted(request.repository.releases.values(), key=lambda item: -item.id)
    shown = found[request.repository.unlisted:]
    return page(request, [shape(request, item) for item in shown
                          if request.known or not item.draft])


def get(request: Request) -> Answer:
    """Return a release by id."""
    return Answer(200, shape(request, find(request)))


def by_tag(request: Request) -> Answer:
    """Return a published release by its tag; drafts are never found this way."""
    for release in request.repository.releases.values():
        if not release.draft and release.tag_name == request.words["tag"]:
            return Answer(200, shape(request, release))
    raise missing()


def latest(request: Request) -> Answer:
    """Return the release that is marked as the latest."""
    found = request.repository.releases.get(request.repository.latest or 0)
    if found is None:
        raise missing()
    return Answer(200, shape(request, found))


def delete(request: Request) -> Answer:
    """Delete a release or draft."""
    release = find(request)
    del request.repository.releases[release.id]
    return Answer(204)


def assets(request: Request) -> Answer:
    """List a release's assets."""
    release = find(request)
    return page(request, [asset_shape(request, release, item) for item in release.assets.values()])


def asset(request: Request) -> Answer:
    """Return what is known of an asset."""
    release, found = find_asset(request)
    return Answer(200, asset_shape(request, release, found))


def delete_asset(request: Request) -> Answer:
    """Delete an asset."""
    release, found = find_asset(request)
    if release.immutable:
        raise Refused(422, "Cannot delete assets from an immutable release")
    del release.assets[found.id]
    return Answer(204)


def find(request: Request) -> Release:
    """Return the release that a request names; raise Refused if there is none for the caller."""
    found = request.repository.releases.get(int(request.words["release"]))
    if found is None or found.draft and not request.known:
        raise missing()
    return found


def find_asset(request: Request) -> tuple[Release, Asset]:
    """Return an asset and its release."""
    number = int(request.words["asset"])
    for release in request.repository.releases.values():
        if number in release.assets and (request.known or not release.draft):
            return release, release.assets[number]
    raise missing()


def shape(request: Request, release: Release) -> dict[str, Any]:
    """Return a release as the API shows it."""
    here = f"{request.home}/releases/{release.id}"
    tag = f"{request.home}/tree/{quote(release.tag_name)}"
    uploads = f"{request.base}/uploads/repos/{request.repository.name}/releases/{release.id}/assets"
    return {"url": here, "html_url": here, "assets_url": f"{here}/assets",
            "upload_url": f"{uploads}{{?name,label}}", "tarball_url": tag, "zipball_url": tag,
            "id": release.id, "node_id": f"R_{release.id}", "tag_name": release.tag_name,
            "target_commitish": release.target, "name": release.name, "body": release.body,
            "draft": release.draft, "prerelease": release.prerelease,
            "immutable": release.immutable, "created_at": release.made,
            "updated_at": release.changed, "published_at": release.published,
            "author": user(request.base),
            "assets": [asset_shape(request, release, item) for item in release.assets.values()]}


def asset_shape(request: Request, release: Release, item: Asset) -> dict[str, Any]:
    """Return an asset as the API shows it."""
    here = f"{request.home}/releases/assets/{item.id}"
    return {"url": here, "id": item.id, "node_id": f"RA_{item.id}", "name": item.name, "label": "",
            "browser_download_url": f"{request.home}/download/{release.id}/{item.name}",
            "state": item.state, "content_type": "application/octet-stream", "size": item.size,
            "digest": item.digest or None, "download_count": 0, "created_at": item.made,
            "updated_at": item.made, "uploader": user(request.base)}
